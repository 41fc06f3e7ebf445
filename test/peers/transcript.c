// SPDX-License-Identifier: MIT

#include "transcript.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char readers[READERS][MAX_READERNAME];
int patience = 1;

// A function's name, from the name or from the whole call as it stands in the source.
static void print_head(const char *label, const char *function, LONG rv) {
  printf("%s: %.*s 0x%08lX", label, (int)strcspn(function, "("), function, (unsigned long)rv & 0xFFFFFFFF);
}

void result(const char *label, const char *function, LONG rv) {
  flockfile(stdout);
  print_head(label, function, rv);
  printf("\n");
  funlockfile(stdout);
}

void call(const char *label, const char *function, LONG rv, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  flockfile(stdout);
  print_head(label, function, rv);
  vprintf(format, arguments);
  printf("\n");
  funlockfile(stdout);
  va_end(arguments);
}

void ask(const char *what) {
  char line[16];
  printf("@%s\n", what);
  if (fgets(line, sizeof line, stdin) == NULL) exit(1);
}

long long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void pause_ms(int duration) {
  struct timespec time = {duration / 1000, duration % 1000 * 1000000L};
  nanosleep(&time, NULL);
}

const char *hex(const BYTE *bytes, DWORD length) {
  static _Thread_local char texts[4][96];
  static _Thread_local int next;
  char *text = texts[next++ % 4];
  *text = 0;
  if (length > 40) {
    sprintf(text, "(%lu bytes)", (unsigned long)length);
    return text;
  }
  for (DWORD at = 0; at < length; at++) sprintf(text + 2 * at, "%02X", bytes[at]);
  return text;
}

int reader_number(const char *name) {
  for (int at = 0; name != NULL && at < READERS; at++)
    if (strcmp(name, readers[at]) == 0) return at;
  return -1;
}

DWORD relative(const char *reader, DWORD state) {
  static DWORD first[READERS];
  static int seen[READERS];
  int number = reader_number(reader);
  if (number < 0 || state == 0) return state;
  if (!seen[number]) {
    seen[number] = 1;
    first[number] = state & 0xFFFF0000;
  }
  return (state - first[number]) & 0xFFFFFFFF;
}

SCARDCONTEXT new_context(void) {
  SCARDCONTEXT context = 0;
  LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
  if (rv != SCARD_S_SUCCESS) call("in the middle of the run", "SCardEstablishContext", rv, " failed");
  return context;
}

SCARDHANDLE connect_shared(SCARDCONTEXT context) {
  SCARDHANDLE card = 0;
  DWORD protocol;
  LONG rv = SCardConnect(context, readers[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol);
  if (rv != SCARD_S_SUCCESS) call("in the middle of the run", "SCardConnect", rv, " failed");
  return card;
}

SCARDHANDLE connect_to(const char *label, SCARDCONTEXT context, const char *reader, DWORD mode, DWORD protocols) {
  SCARDHANDLE card = 0;
  DWORD protocol;
  LONG rv = SCardConnect(context, reader, mode, protocols, &card, &protocol);
  if (rv != SCARD_S_SUCCESS) {
    result(label, "SCardConnect", rv);
    return 0;
  }
  call(label, "SCardConnect", rv, " protocol=%lu", (unsigned long)protocol);
  return card;
}

DWORD wait_for(const char *label, SCARDCONTEXT context, const char *reader, DWORD current, DWORD timeout) {
  SCARD_READERSTATE state = {.szReader = reader, .dwCurrentState = current};
  if (timeout != INFINITE) timeout *= (DWORD)patience;
  long long before = milliseconds();
  LONG rv = SCardGetStatusChange(context, timeout, &state, 1);
  // The result is known at once, or after the whole time: which of the two is printed.
  int waited = timeout > 0 && timeout != INFINITE && milliseconds() - before >= (long long)timeout - 2;
  call(label, "SCardGetStatusChange", rv, " event=%08lX atr=%s waited=%d",
       (unsigned long)relative(reader, state.dwEventState), hex(state.rgbAtr, state.cbAtr), waited);
  return state.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
}

void status_of(const char *label, SCARDHANDLE card) {
  char name[MAX_READERNAME] = "";
  BYTE atr[MAX_ATR_SIZE];
  DWORD name_length = sizeof name, atr_length = sizeof atr, state = 0, protocol = 0;
  LONG rv = SCardStatus(card, name, &name_length, &state, &protocol, atr, &atr_length);
  if (rv != SCARD_S_SUCCESS) {
    result(label, "SCardStatus", rv);
    return;
  }
  call(label, "SCardStatus", rv, " R%d state=%08lX protocol=%lu atr=%s", reader_number(name),
       (unsigned long)relative(name, state), (unsigned long)protocol, hex(atr, atr_length));
}

void send_command(const char *label, SCARDHANDLE card, const char *command, DWORD length) {
  static _Thread_local BYTE answer[LONGEST];
  DWORD answered = sizeof answer;
  LONG rv = SCardTransmit(card, SCARD_PCI_T1, (LPCBYTE)command, length, NULL, answer, &answered);
  if (rv != SCARD_S_SUCCESS) {
    result(label, "SCardTransmit", rv);
    return;
  }
  call(label, "SCardTransmit", rv, " %s", hex(answer, answered));
}
