// SPDX-License-Identifier: MIT

// Calls every one of the 18 functions of libpcsclite, rightly and wrongly, and prints a transcript. The service needs
// two readers: the first with the card of vpcd-card.c in it, the second empty. The parent process moves the
// card when a line `@out` or `@in` asks for it, and then writes a line.

#include "transcript.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void contexts(void) {
  static const struct { const char *label; DWORD scope; } scopes[] = {
    {"scope user", SCARD_SCOPE_USER}, {"scope terminal", SCARD_SCOPE_TERMINAL}, {"scope system", SCARD_SCOPE_SYSTEM},
    {"scope global", SCARD_SCOPE_GLOBAL}, {"scope 77", 77},
  };
  SCARDCONTEXT made = 0;
  for (size_t at = 0; at < sizeof scopes / sizeof *scopes; at++) {
    LONG rv = SCardEstablishContext(scopes[at].scope, NULL, NULL, &made);
    result(scopes[at].label, "SCardEstablishContext", rv);
    if (rv == SCARD_S_SUCCESS) SCardReleaseContext(made);
  }
  plain("context without a place for it", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, NULL));
  made = new_context();
  plain("context is valid", SCardIsValidContext(made));
  plain("context 0 is not valid", SCardIsValidContext(0));
  plain("another context is not valid", SCardIsValidContext(made ^ BAD));
  plain("release another context", SCardReleaseContext(made ^ BAD));
  plain("release", SCardReleaseContext(made));
  plain("release again", SCardReleaseContext(made));
  plain("released context is not valid", SCardIsValidContext(made));
}

static void lists(void) {
  char names[1024];
  char *allocated = NULL;
  SCARDCONTEXT in = new_context();
  DWORD length = sizeof names;
  LONG rv = SCardListReaders(in, NULL, names, &length);
  int count = 0;
  for (char *name = names; rv == SCARD_S_SUCCESS && *name != 0; name += strlen(name) + 1)
    if (count < READERS) strcpy(readers[count++], name);
  call("list readers", "SCardListReaders", rv, " readers=%d", count);
  DWORD needed = length;
  length = 77;
  rv = SCardListReaders(in, NULL, NULL, &length);
  call("length of readers", "SCardListReaders", rv, " right=%d", length == needed);
  length = 3;
  rv = SCardListReaders(in, NULL, names, &length);
  call("list readers into 3 bytes", "SCardListReaders", rv, " right=%d", length == needed);
  length = SCARD_AUTOALLOCATE;
  rv = SCardListReaders(in, NULL, (LPSTR)&allocated, &length);
  call("list readers, allocated", "SCardListReaders", rv, " right=%d", length == needed && allocated != NULL);
  plain("free the list", SCardFreeMemory(in, allocated));
  length = SCARD_AUTOALLOCATE;
  plain("list readers, allocated nowhere", SCardListReaders(in, NULL, NULL, &length));
  plain("list readers without a length", SCardListReaders(in, NULL, names, NULL));
  length = sizeof names;
  plain("list readers of a wrong context", SCardListReaders(BAD, NULL, names, &length));
  length = sizeof names;
  rv = SCardListReaders(in, "SCard$DefaultReaders\0", names, &length);
  call("list readers of a group", "SCardListReaders", rv, " right=%d", length == needed);

  length = sizeof names;
  rv = SCardListReaderGroups(in, names, &length);
  call("list groups", "SCardListReaderGroups", rv, " %s length=%lu", names, (unsigned long)length);
  rv = SCardListReaderGroups(in, NULL, &length);
  call("length of groups", "SCardListReaderGroups", rv, " length=%lu", (unsigned long)length);
  length = 3;
  rv = SCardListReaderGroups(in, names, &length);
  call("list groups into 3 bytes", "SCardListReaderGroups", rv, " length=%lu", (unsigned long)length);
  length = SCARD_AUTOALLOCATE;
  rv = SCardListReaderGroups(in, (LPSTR)&allocated, &length);
  call("list groups, allocated", "SCardListReaderGroups", rv, " length=%lu", (unsigned long)length);
  SCardFreeMemory(in, allocated);
  length = sizeof names;
  plain("list groups of a wrong context", SCardListReaderGroups(BAD, names, &length));
  plain("free in a wrong context", SCardFreeMemory(BAD, NULL));
  SCardReleaseContext(in);
}

// The card is in the reader, but the service may not have seen it yet.
static void await_card(SCARDCONTEXT in) {
  SCARD_READERSTATE state = {.szReader = readers[0]};
  do {
    state.dwCurrentState = state.dwEventState;
    SCardGetStatusChange(in, 5000, &state, 1);
  } while (state.cbAtr == 0);
}

static void waits(void) {
  static const char pnp[] = "\\\\?PnP?\\Notification";
  SCARDCONTEXT in = new_context();
  await_card(in);
  SCARD_READERSTATE states[17] = {{.szReader = readers[0]}, {.szReader = readers[1]}};
  LONG rv = SCardGetStatusChange(in, 0, states, 2);
  call("states of both, events counted by the service", "SCardGetStatusChange", rv, " %08lX %08lX",
       (unsigned long)states[0].dwEventState, (unsigned long)states[1].dwEventState);
  relative(readers[0], states[0].dwEventState);
  relative(readers[1], states[1].dwEventState);
  DWORD present = wait_for("state of the full reader", in, readers[0], SCARD_STATE_UNAWARE, 0);
  DWORD empty = wait_for("state of the empty reader", in, readers[1], SCARD_STATE_UNAWARE, 0);
  wait_for("known state, no wait", in, readers[0], present, 0);
  wait_for("known state, 150 ms", in, readers[0], present, 150);
  wait_for("known state of the empty reader, 150 ms", in, readers[1], empty, 150);
  wait_for("wrong state, empty", in, readers[0], SCARD_STATE_EMPTY, INFINITE);
  wait_for("wrong state, present", in, readers[1], SCARD_STATE_PRESENT, INFINITE);
  wait_for("wrong state, exclusive", in, readers[0], SCARD_STATE_PRESENT | SCARD_STATE_EXCLUSIVE, 150);
  wait_for("wrong state, unavailable", in, readers[0], SCARD_STATE_UNAVAILABLE, INFINITE);
  wait_for("wrong state, unknown", in, readers[0], SCARD_STATE_UNKNOWN, 0);
  wait_for("wrong event count", in, readers[0], (present & 0xFFFF) + 0x00550000, 150);
  wait_for("ignored reader", in, readers[0], SCARD_STATE_IGNORE, 150);
  wait_for("missing reader", in, "No such reader", SCARD_STATE_UNAWARE, 150);
  wait_for("missing reader, state unknown", in, "No such reader", SCARD_STATE_UNKNOWN, 150);
  wait_for("reader without a name", in, "", SCARD_STATE_UNAWARE, 0);
  wait_for("reader NULL", in, NULL, SCARD_STATE_UNAWARE, 0);
  DWORD arrivals = wait_for("arrivals", in, pnp, SCARD_STATE_UNAWARE, 0);
  wait_for("arrivals, 150 ms", in, pnp, SCARD_STATE_UNAWARE, 150);
  wait_for("arrivals, known", in, pnp, arrivals, 150);
  wait_for("wait in a wrong context", BAD, readers[0], SCARD_STATE_UNAWARE, 0);
  plain("wait for nothing, no wait", SCardGetStatusChange(in, 0, NULL, 0));
  plain("wait for nothing, 150 ms", SCardGetStatusChange(in, 150, NULL, 0));
  plain("wait for a list that is not there", SCardGetStatusChange(in, 0, NULL, 1));
  for (int at = 0; at < 17; at++) states[at] = (SCARD_READERSTATE){.szReader = readers[0]};
  plain("wait for 16 readers", SCardGetStatusChange(in, 0, states, 16));
  plain("wait for 17 readers", SCardGetStatusChange(in, 0, states, 17));
  SCardReleaseContext(in);
}

// usage: winscard18 [PATIENCE]
int main(int count, char **arguments) {
  if (count > 1) patience = atoi(arguments[1]);
  setvbuf(stdout, NULL, _IOLBF, 0);
  // A call that never returns fails the run by its transcript, not by hanging.
  alarm(120);
  contexts();
  lists();
  waits();
  connecting();
  exchanging();
  taking_turns();
  moving_the_card();
  printf("@end\n");
  return 0;
}
