// SPDX-License-Identifier: MIT

#include "transcript.h"

#include <stdio.h>

// Longer than any service takes to see that a card has come or gone.
enum { SOON = 60000 };

static void used_after(const char *what, SCARDHANDLE card) {
  DWORD protocol;
  char label[4][64];
  snprintf(label[0], sizeof label[0], "status with a card that is %s", what);
  snprintf(label[1], sizeof label[1], "exchange with a card that is %s", what);
  snprintf(label[2], sizeof label[2], "begin with a card that is %s", what);
  snprintf(label[3], sizeof label[3], "reconnect to a card that is %s", what);
  status_of(label[0], card);
  SEND(label[1], card, "\x80\x40\0\0");
  plain(label[2], SCardBeginTransaction(card));
  plain(label[3], SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_RESET_CARD, &protocol));
}

void moving_the_card(void) {
  SCARDCONTEXT in = new_context();
  SCARDHANDLE card = connect_shared(in);
  DWORD state = wait_for("before the card is pulled", in, readers[0], SCARD_STATE_UNAWARE, 0);
  ask("out");
  state = wait_for("the card is pulled", in, readers[0], state, SOON);
  used_after("gone", card);
  connect_to("connect to a reader whose card is gone", in, readers[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY);
  plain("disconnect from a card that is gone", SCardDisconnect(card, SCARD_LEAVE_CARD));
  state = wait_for("after the card is gone", in, readers[0], state, 100);
  ask("in");
  state = wait_for("the card comes", in, readers[0], state, SOON);
  card = connect_shared(in);
  SEND("exchange with a card that came", card, "\x80\x40\0\0");

  plain("begin before the card is changed", SCardBeginTransaction(card));
  ask("out");
  state = wait_for("the card is pulled in a transaction", in, readers[0], state, SOON);
  ask("in");
  state = wait_for("another card comes", in, readers[0], state, SOON);
  used_after("another", card);
  plain("end what began with the other card", SCardEndTransaction(card, SCARD_LEAVE_CARD));
  status_of("status of the new card", card);
  SCARDCONTEXT second = new_context();
  SCARDHANDLE other = connect_shared(second);
  plain("begin of another client with the new card", SCardBeginTransaction(other));
  plain("end of another client", SCardEndTransaction(other, SCARD_LEAVE_CARD));
  SCardReleaseContext(second);
  plain("disconnect, eject", SCardDisconnect(card, SCARD_EJECT_CARD));
  wait_for("after an eject", in, readers[0], state, 700);
  SCardReleaseContext(in);
}
