// SPDX-License-Identifier: MIT

// A client that is in the middle of something when it is killed, and one that behaves.
//
// usage: killable STATE READER
//
//   lock       holds a transaction
//   turns      takes short transactions, one after the other
//   exchange   waits for a command that takes the card 20 ms
//   watch      waits for a change
//   connect    establishes, connects, disconnects and releases, over and over
//   steady     takes short transactions until its input ends, reconnects after a reset, and prints how many it had and
//              the first result that was neither success nor a reset

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <winscard.h>

static SCARDCONTEXT context;
static SCARDHANDLE card;
static const char *reader;

static LONG establish(void) { return SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context); }

static LONG connect_shared(void) {
  DWORD protocol;
  return SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol);
}

static LONG reconnect(void) {
  DWORD protocol;
  return SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD, &protocol);
}

static LONG exchange(const char *command, DWORD length) {
  BYTE answer[64];
  DWORD answered = sizeof answer;
  return SCardTransmit(card, SCARD_PCI_T1, (LPCBYTE)command, length, NULL, answer, &answered);
}

// One transaction with one command in it; reconnects after a reset by another program.
static LONG take_turn(void) {
  LONG rv = SCardBeginTransaction(card);
  if (rv == SCARD_W_RESET_CARD) return reconnect();
  if (rv != SCARD_S_SUCCESS) return rv;
  rv = exchange("\x80\x10\0\0\3abc", 8);
  LONG ended = SCardEndTransaction(card, SCARD_LEAVE_CARD);
  return rv == SCARD_S_SUCCESS ? ended : rv;
}

static int input_has_ended(void) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  return poll(&input, 1, 0) > 0;
}

static int steady(void) {
  int count = 0;
  while (!input_has_ended()) {
    LONG rv = take_turn();
    if (rv != SCARD_S_SUCCESS) {
      printf("failed after %d: %08lX\n", count, (unsigned long)rv & 0xFFFFFFFF);
      return 1;
    }
    count++;
  }
  printf("had %d\n", count);
  return 0;
}

static void watch(void) {
  SCARD_READERSTATE state = {.szReader = reader};
  for (;;) {
    state.dwCurrentState = state.dwEventState;
    SCardGetStatusChange(context, INFINITE, &state, 1);
  }
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  const char *state = arguments[1];
  reader = arguments[2];
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(state, "connect") == 0) {
    for (;;) {
      if (establish() != SCARD_S_SUCCESS) return 1;
      if (connect_shared() == SCARD_S_SUCCESS) SCardDisconnect(card, SCARD_LEAVE_CARD);
      SCardReleaseContext(context);
    }
  }
  if (establish() != SCARD_S_SUCCESS || connect_shared() != SCARD_S_SUCCESS) return 1;
  printf("connected\n");
  if (strcmp(state, "steady") == 0) return steady();
  if (strcmp(state, "watch") == 0) watch();
  if (strcmp(state, "lock") == 0 && SCardBeginTransaction(card) == SCARD_S_SUCCESS) pause();
  for (;;) {
    if (strcmp(state, "exchange") == 0) exchange("\x80\x30\0\x14", 4);
    else if (take_turn() != SCARD_S_SUCCESS) return 1;
  }
}
