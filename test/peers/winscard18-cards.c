// SPDX-License-Identifier: MIT

#include "transcript.h"

#include <stdio.h>
#include <string.h>

static void connects(void) {
  static const struct { const char *label; DWORD mode, protocols; } tries[] = {
    {"connect for T=0", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0},
    {"connect for T=1", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1},
    {"connect for either", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY},
    {"connect for the old either", SCARD_SHARE_SHARED, 0x1000},
    {"connect for T=15", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T15},
    {"connect for raw", SCARD_SHARE_SHARED, SCARD_PROTOCOL_RAW},
    {"connect for raw or T=1", SCARD_SHARE_SHARED, SCARD_PROTOCOL_RAW | SCARD_PROTOCOL_T1},
    {"connect for no protocol", SCARD_SHARE_SHARED, 0},
    {"connect for an unknown protocol", SCARD_SHARE_SHARED, 0x100},
    {"connect in mode 0", 0, SCARD_PROTOCOL_ANY},
    {"connect in mode 4", 4, SCARD_PROTOCOL_ANY},
    {"connect exclusively", SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY},
    {"connect directly", SCARD_SHARE_DIRECT, SCARD_PROTOCOL_ANY},
    {"connect directly for no protocol", SCARD_SHARE_DIRECT, 0},
  };
  SCARDCONTEXT in = new_context();
  SCARDHANDLE card;
  DWORD protocol;
  for (size_t at = 0; at < sizeof tries / sizeof *tries; at++) {
    card = connect_to(tries[at].label, in, readers[0], tries[at].mode, tries[at].protocols);
    // A reset undoes the choice of a protocol, so that the next try chooses anew.
    if (card != 0) SCardDisconnect(card, SCARD_RESET_CARD);
  }
  connect_to("connect to a missing reader", in, "No such reader", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY);
  connect_to("connect to a reader without a name", in, "", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY);
  connect_to("connect to NULL", in, NULL, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY);
  connect_to("connect in a wrong context", BAD, readers[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY);
  plain("connect without a place for the handle",
        SCardConnect(in, readers[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, NULL, &protocol));
  plain("connect without a place for the protocol",
        SCardConnect(in, readers[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, NULL));
  connect_to("connect to an empty reader", in, readers[1], SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY);
  connect_to("connect to an empty reader exclusively", in, readers[1], SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY);
  card = connect_to("connect to an empty reader directly", in, readers[1], SCARD_SHARE_DIRECT, 0);
  plain("disconnect from an empty reader", SCardDisconnect(card, SCARD_LEAVE_CARD));
  card = connect_to("connect for T=1, to have it fixed", in, readers[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
  SCARDHANDLE second = connect_to("second for T=0", in, readers[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0);
  if (second != 0) SCardDisconnect(second, SCARD_LEAVE_CARD);
  second = connect_to("second for either", in, readers[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY);
  SCardDisconnect(second, SCARD_LEAVE_CARD);
  SCardDisconnect(card, SCARD_RESET_CARD);
  SCardReleaseContext(in);
}

static void share_modes(void) {
  static const char *names[] = {"", "exclusive", "shared", "direct"};
  SCARDCONTEXT first = new_context(), second = new_context();
  for (DWORD mode = 1; mode <= 3; mode++) {
    for (DWORD other = 1; other <= 3; other++) {
      char label[64];
      SCARDHANDLE card = 0, another;
      DWORD protocol;
      SCardConnect(first, readers[0], mode, SCARD_PROTOCOL_ANY, &card, &protocol);
      sprintf(label, "%s beside %s", names[other], names[mode]);
      another = connect_to(label, second, readers[0], other, SCARD_PROTOCOL_ANY);
      sprintf(label, "state with %s beside %s", names[other], names[mode]);
      wait_for(label, first, readers[0], SCARD_STATE_UNAWARE, 0);
      if (another != 0) SCardDisconnect(another, SCARD_LEAVE_CARD);
      SCardDisconnect(card, SCARD_LEAVE_CARD);
    }
  }
  SCardReleaseContext(second);
  SCardReleaseContext(first);
}

static void statuses(void) {
  SCARDCONTEXT in = new_context();
  SCARDHANDLE card = connect_shared(in), direct;
  char name[MAX_READERNAME];
  char *allocated_name = NULL;
  BYTE atr[MAX_ATR_SIZE], *allocated_atr = NULL;
  DWORD name_length, atr_length, protocol, state;
  status_of("status", card);
  status_of("status of a wrong handle", BAD);
  plain("status, nothing wanted", SCardStatus(card, NULL, NULL, NULL, NULL, NULL, NULL));
  LONG rv = SCardStatus(card, NULL, &name_length, NULL, NULL, NULL, &atr_length);
  call("status, lengths", "SCardStatus", rv, " name=%d atr=%lu", name_length == strlen(readers[0]) + 1,
       (unsigned long)atr_length);
  name_length = 2;
  atr_length = sizeof atr;
  rv = SCardStatus(card, name, &name_length, &state, &protocol, atr, &atr_length);
  call("status, name into 2 bytes", "SCardStatus", rv, " name=%d atr=%lu", name_length == strlen(readers[0]) + 1,
       (unsigned long)atr_length);
  name_length = sizeof name;
  atr_length = 2;
  rv = SCardStatus(card, name, &name_length, &state, &protocol, atr, &atr_length);
  call("status, ATR into 2 bytes", "SCardStatus", rv, " name=%d atr=%lu", name_length == strlen(readers[0]) + 1,
       (unsigned long)atr_length);
  name_length = atr_length = SCARD_AUTOALLOCATE;
  rv = SCardStatus(card, (LPSTR)&allocated_name, &name_length, NULL, NULL, (LPBYTE)&allocated_atr, &atr_length);
  call("status, allocated", "SCardStatus", rv, " R%d %s", reader_number(allocated_name),
       hex(allocated_atr, atr_length));
  SCardFreeMemory(in, allocated_name);
  plain("free the ATR", SCardFreeMemory(in, allocated_atr));
  SCardConnect(in, readers[1], SCARD_SHARE_DIRECT, 0, &direct, &protocol);
  status_of("status of an empty reader", direct);
  SCardDisconnect(direct, SCARD_LEAVE_CARD);
  SCardDisconnect(card, SCARD_LEAVE_CARD);
  status_of("status after the end", card);
  SCardReleaseContext(in);
}

void connecting(void) {
  connects();
  share_modes();
  statuses();
}
