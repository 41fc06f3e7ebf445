// SPDX-License-Identifier: MIT

#include "transcript.h"

#include <pthread.h>
#include <reader.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

// How long a call that waits is left waiting, in milliseconds: a call that is answered has its answer by then.
#define A_WHILE (250 * patience)

// A call in a thread of its own, for those that may wait.
struct attempt {
  LONG (*run)(SCARDHANDLE card);
  SCARDHANDLE card;
  LONG rv;
  atomic_int done;
  pthread_t thread;
};

static void *run_attempt(void *argument) {
  struct attempt *attempt = argument;
  attempt->rv = attempt->run(attempt->card);
  attempt->done = 1;
  return NULL;
}

static void start(struct attempt *attempt, LONG (*run)(SCARDHANDLE), SCARDHANDLE card) {
  *attempt = (struct attempt){.run = run, .card = card};
  pthread_create(&attempt->thread, NULL, run_attempt, attempt);
}

static LONG get_status(SCARDHANDLE card) { return SCardStatus(card, NULL, NULL, NULL, NULL, NULL, NULL); }

static LONG transmit(SCARDHANDLE card) {
  BYTE answer[16];
  DWORD length = sizeof answer;
  return SCardTransmit(card, SCARD_PCI_T1, (LPCBYTE)"\x80\x40\0\0", 4, NULL, answer, &length);
}

static LONG begin_and_end(SCARDHANDLE card) {
  LONG rv = SCardBeginTransaction(card);
  if (rv == SCARD_S_SUCCESS) SCardEndTransaction(card, SCARD_LEAVE_CARD);
  return rv;
}

static LONG end(SCARDHANDLE card) { return SCardEndTransaction(card, SCARD_LEAVE_CARD); }

static LONG get_attribute(SCARDHANDLE card) {
  BYTE value[MAX_BUFFER_SIZE];
  DWORD length = sizeof value;
  return SCardGetAttrib(card, SCARD_ATTR_ATR_STRING, value, &length);
}

static LONG get_features(SCARDHANDLE card) {
  BYTE answer[16];
  DWORD length;
  return SCardControl(card, CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, answer, sizeof answer, &length);
}

static LONG reconnect(SCARDHANDLE card) {
  DWORD protocol;
  return SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD, &protocol);
}

static LONG reconnect_exclusively(SCARDHANDLE card) {
  DWORD protocol;
  return SCardReconnect(card, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD, &protocol);
}

static LONG connect_and_leave(SCARDHANDLE unused) {
  SCARDCONTEXT in = new_context();
  SCARDHANDLE card = 0;
  DWORD protocol;
  (void)unused;
  LONG rv = SCardConnect(in, readers[0], SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol);
  SCardReleaseContext(in);
  return rv;
}

static LONG disconnect(SCARDHANDLE card) { return SCardDisconnect(card, SCARD_LEAVE_CARD); }

static void transactions(void) {
  SCARDCONTEXT in = new_context();
  SCARDHANDLE card = connect_shared(in);
  plain("end what was not begun", SCardEndTransaction(card, SCARD_LEAVE_CARD));
  plain("begin with a wrong handle", SCardBeginTransaction(BAD));
  plain("end with a wrong handle", SCardEndTransaction(BAD, SCARD_LEAVE_CARD));
  plain("begin", SCardBeginTransaction(card));
  plain("end with a wrong disposition", SCardEndTransaction(card, 77));
  plain("begin within", SCardBeginTransaction(card));
  result("exchange within", "SCardTransmit", transmit(card));
  plain("end within", SCardEndTransaction(card, SCARD_LEAVE_CARD));
  plain("end", SCardEndTransaction(card, SCARD_LEAVE_CARD));
  plain("end once too often", SCardEndTransaction(card, SCARD_LEAVE_CARD));
  SCardDisconnect(card, SCARD_LEAVE_CARD);
  card = connect_to("connect exclusively, for a transaction", in, readers[0], SCARD_SHARE_EXCLUSIVE,
                    SCARD_PROTOCOL_ANY);
  plain("begin exclusively", SCardBeginTransaction(card));
  plain("end exclusively", SCardEndTransaction(card, SCARD_LEAVE_CARD));
  SCardDisconnect(card, SCARD_LEAVE_CARD);
  SCardReleaseContext(in);
}

// What another client can do while one has a transaction: it is done at once, or when the transaction has ended.
static void beside_a_transaction(void) {
  static const struct { const char *label, *function; LONG (*run)(SCARDHANDLE); } tries[] = {
    {"status beside a transaction", "SCardStatus", get_status},
    {"exchange beside a transaction", "SCardTransmit", transmit},
    {"begin beside a transaction", "SCardBeginTransaction", begin_and_end},
    {"end another's transaction", "SCardEndTransaction", end},
    {"attribute beside a transaction", "SCardGetAttrib", get_attribute},
    {"control beside a transaction", "SCardControl", get_features},
    {"reconnect beside a transaction", "SCardReconnect", reconnect},
    {"connect beside a transaction", "SCardConnect", connect_and_leave},
    {"disconnect beside a transaction", "SCardDisconnect", disconnect},
  };
  SCARDCONTEXT first = new_context(), second = new_context();
  SCARDHANDLE holder = connect_shared(first), other = connect_shared(second);
  for (size_t at = 0; at < sizeof tries / sizeof *tries; at++) {
    struct attempt attempt;
    SCardBeginTransaction(holder);
    start(&attempt, tries[at].run, other);
    pause_ms(A_WHILE);
    int waits = !attempt.done;
    SCardEndTransaction(holder, SCARD_LEAVE_CARD);
    pthread_join(attempt.thread, NULL);
    call(tries[at].label, tries[at].function, attempt.rv, " waits=%d", waits);
  }
  SCardDisconnect(holder, SCARD_LEAVE_CARD);
  SCardReleaseContext(second);
  SCardReleaseContext(first);
}

// Two connections of one context: the holder's own second one.
static void within_one_context(void) {
  SCARDCONTEXT in = new_context();
  SCARDHANDLE holder = connect_shared(in), other = connect_shared(in);
  struct attempt attempt;
  SCardBeginTransaction(holder);
  start(&attempt, begin_and_end, other);
  pause_ms(A_WHILE);
  int waits = !attempt.done;
  plain("end while a thread of the same context waits", SCardEndTransaction(holder, SCARD_LEAVE_CARD));
  pthread_join(attempt.thread, NULL);
  call("begin twice in one context", "SCardBeginTransaction", attempt.rv, " waits=%d", waits);
  SCardDisconnect(other, SCARD_LEAVE_CARD);
  SCardDisconnect(holder, SCARD_LEAVE_CARD);
  SCardReleaseContext(in);
}

// What each client is told after a reset, in order.
static void told(const char *who, SCARDHANDLE card) {
  static const struct { const char *what, *function; LONG (*run)(SCARDHANDLE); } asked[] = {
    {"status", "SCardStatus", get_status},
    {"exchange", "SCardTransmit", transmit},
    {"begin", "SCardBeginTransaction", begin_and_end},
    {"reconnect", "SCardReconnect", reconnect},
    {"status again", "SCardStatus", get_status},
  };
  for (size_t at = 0; at < sizeof asked / sizeof *asked; at++) {
    char label[96];
    snprintf(label, sizeof label, "%s, %s", who, asked[at].what);
    result(label, asked[at].function, asked[at].run(card));
  }
}

static void resets(void) {
  SCARDCONTEXT first = new_context(), second = new_context();
  SCARDHANDLE one = connect_shared(first), two = connect_shared(second);
  DWORD protocol;
  SCardBeginTransaction(one);
  plain("end with a reset", SCardEndTransaction(one, SCARD_RESET_CARD));
  result("attribute after a reset", "SCardGetAttrib", get_attribute(two));
  result("control after a reset", "SCardControl", get_features(two));
  told("other after a reset", two);
  told("one after a reset", one);
  plain("reconnect with a reset",
        SCardReconnect(one, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_RESET_CARD, &protocol));
  told("other after a reconnect", two);
  told("one after a reconnect", one);
  SCardBeginTransaction(one);
  plain("end with a loss of power", SCardEndTransaction(one, SCARD_UNPOWER_CARD));
  told("other after a loss of power", two);
  told("one after a loss of power", one);
  plain("disconnect with a reset", SCardDisconnect(one, SCARD_RESET_CARD));
  told("other after a disconnect", two);
  one = connect_shared(first);
  SCardBeginTransaction(one);
  plain("disconnect in the middle of a transaction", SCardDisconnect(one, SCARD_LEAVE_CARD));
  told("other after a disconnect in a transaction", two);
  one = connect_shared(first);
  SCardBeginTransaction(one);
  plain("release in the middle of a transaction", SCardReleaseContext(first));
  told("other after a release in a transaction", two);
  status_of("status after the release", one);
  first = new_context();
  connect_shared(first);
  plain("release without a disconnect", SCardReleaseContext(first));
  told("other after a release without a disconnect", two);
  SCardReleaseContext(second);
}

static void reconnects(void) {
  static const struct { const char *label; DWORD mode, protocols, initialization; } tries[] = {
    {"reconnect, leave", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD},
    {"reconnect, reset", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_RESET_CARD},
    {"reconnect, unpower", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_UNPOWER_CARD},
    {"reconnect, eject", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_EJECT_CARD},
    {"reconnect, 77", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, 77},
    {"reconnect in mode 77", 77, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD},
    {"reconnect for T=0, leave", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0, SCARD_LEAVE_CARD},
    {"reconnect for T=0, reset", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0, SCARD_RESET_CARD},
    {"reconnect for either after T=0", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD},
    {"reconnect for T=1, unpower", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, SCARD_UNPOWER_CARD},
    {"reconnect for T=15", SCARD_SHARE_SHARED, SCARD_PROTOCOL_T15, SCARD_RESET_CARD},
    {"reconnect for no protocol", SCARD_SHARE_SHARED, 0, SCARD_LEAVE_CARD},
    {"reconnect, back to either", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_RESET_CARD},
    {"reconnect directly", SCARD_SHARE_DIRECT, 0, SCARD_LEAVE_CARD},
    {"reconnect shared again", SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD},
  };
  SCARDCONTEXT in = new_context(), another = new_context();
  SCARDHANDLE card = connect_shared(in);
  DWORD protocol;
  for (size_t at = 0; at < sizeof tries / sizeof *tries; at++) {
    protocol = 77;
    LONG rv = SCardReconnect(card, tries[at].mode, tries[at].protocols, tries[at].initialization, &protocol);
    call(tries[at].label, "SCardReconnect", rv, " protocol=%lu", rv == SCARD_S_SUCCESS ? (unsigned long)protocol : 77);
  }
  plain("reconnect a wrong handle",
        SCardReconnect(BAD, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD, &protocol));
  plain("reconnect with no place for a protocol",
        SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD, NULL));
  // The library tries until the other connection has ended.
  SCARDHANDLE other = connect_shared(another);
  struct attempt attempt;
  start(&attempt, reconnect_exclusively, card);
  pause_ms(A_WHILE);
  int waits = !attempt.done;
  SCardDisconnect(other, SCARD_LEAVE_CARD);
  pthread_join(attempt.thread, NULL);
  call("reconnect exclusively beside another", "SCardReconnect", attempt.rv, " waits=%d", waits);
  status_of("status after that", card);
  plain("begin before a reconnect", SCardBeginTransaction(card));
  plain("reconnect in it", SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_LEAVE_CARD, &protocol));
  plain("end after a reconnect", SCardEndTransaction(card, SCARD_LEAVE_CARD));
  SCardReleaseContext(another);
  SCardReleaseContext(in);
}

// From shared to exclusive and back; a lock that the way back leaves behind shows in another client's connect.
static void leaving_exclusive(void) {
  SCARDCONTEXT in = new_context();
  SCARDHANDLE card = connect_shared(in);
  struct attempt attempt;
  result("reconnect exclusively", "SCardReconnect", reconnect_exclusively(card));
  result("reconnect exclusively again", "SCardReconnect", reconnect_exclusively(card));
  wait_for("state after both", in, readers[0], SCARD_STATE_UNAWARE, 0);
  result("reconnect shared after exclusively", "SCardReconnect", reconnect(card));
  wait_for("state after all three", in, readers[0], SCARD_STATE_UNAWARE, 0);
  start(&attempt, connect_and_leave, 0);
  pause_ms(A_WHILE);
  int waits = !attempt.done;
  plain("disconnect after all that", SCardDisconnect(card, SCARD_LEAVE_CARD));
  pthread_join(attempt.thread, NULL);
  call("connect of another client after exclusive use", "SCardConnect", attempt.rv, " waits=%d", waits);
  SCardReleaseContext(in);
}

static void disconnects(void) {
  SCARDCONTEXT in = new_context();
  SCARDHANDLE card = connect_shared(in);
  plain("disconnect with a wrong disposition", SCardDisconnect(card, 77));
  status_of("status after a wrong disposition", card);
  plain("disconnect, leave", SCardDisconnect(card, SCARD_LEAVE_CARD));
  plain("disconnect again", SCardDisconnect(card, SCARD_LEAVE_CARD));
  plain("disconnect a wrong handle", SCardDisconnect(BAD, SCARD_LEAVE_CARD));
  plain("disconnect, reset", SCardDisconnect(connect_shared(in), SCARD_RESET_CARD));
  plain("disconnect, unpower", SCardDisconnect(connect_shared(in), SCARD_UNPOWER_CARD));
  SEND("exchange after a loss of power", card = connect_shared(in), "\x80\x40\0\0");
  SCardDisconnect(card, SCARD_LEAVE_CARD);
  SCardReleaseContext(in);
}

// Waits for a change that does not come.
static LONG wait_long(SCARDCONTEXT in) {
  SCARD_READERSTATE state = {.szReader = readers[1], .dwCurrentState = SCARD_STATE_EMPTY};
  return SCardGetStatusChange(in, 10000, &state, 1);
}

static LONG wait_300(SCARDCONTEXT in) {
  SCARD_READERSTATE state = {.szReader = readers[1], .dwCurrentState = SCARD_STATE_EMPTY};
  return SCardGetStatusChange(in, 300, &state, 1);
}

static void cancels(void) {
  SCARDCONTEXT first = new_context(), second = new_context();
  struct attempt one, two;
  plain("cancel without a wait", SCardCancel(first));
  result("wait after that", "SCardGetStatusChange", wait_300(first));
  plain("cancel in a wrong context", SCardCancel(BAD));
  start(&one, wait_long, first);
  start(&two, wait_300, second);
  pause_ms(100);
  plain("cancel a wait", SCardCancel(first));
  // A cancel has no effect before the wait begins, which cannot be observed from outside.
  while (!one.done) {
    pause_ms(50);
    if (!one.done) SCardCancel(first);
  }
  pthread_join(one.thread, NULL);
  pthread_join(two.thread, NULL);
  result("the wait that was cancelled", "SCardGetStatusChange", one.rv);
  result("the wait of another context", "SCardGetStatusChange", two.rv);
  plain("cancel again", SCardCancel(first));
  result("a new wait", "SCardGetStatusChange", wait_300(first));

  SCARDHANDLE holder = connect_shared(first), other = connect_shared(second);
  SCardBeginTransaction(holder);
  start(&one, begin_and_end, other);
  pause_ms(A_WHILE);
  plain("cancel a begin that waits", SCardCancel(second));
  pause_ms(A_WHILE);
  int waits = !one.done;
  SCardEndTransaction(holder, SCARD_LEAVE_CARD);
  pthread_join(one.thread, NULL);
  call("the begin that was cancelled", "SCardBeginTransaction", one.rv, " waits=%d", waits);
  SCardReleaseContext(second);
  SCardReleaseContext(first);
}

void taking_turns(void) {
  transactions();
  beside_a_transaction();
  within_one_context();
  resets();
  reconnects();
  leaving_exclusive();
  disconnects();
  cancels();
}
