// SPDX-License-Identifier: MIT

// How long single calls take while no other client uses the card.
//
// usage: latency READER COUNT

#define _GNU_SOURCE

#include "client.h"

#include <pthread.h>

static SCARDCONTEXT context;
static SCARDHANDLE card;
static const char *reader;

static void lock_and_unlock(void) {
  require(SCardBeginTransaction(card), "SCardBeginTransaction");
  require(SCardEndTransaction(card, SCARD_LEAVE_CARD), "SCardEndTransaction");
}

static void get_status(void) {
  char name[MAX_READERNAME];
  BYTE atr[MAX_ATR_SIZE];
  DWORD name_length = sizeof name, atr_length = sizeof atr, state, protocol;
  require(SCardStatus(card, name, &name_length, &state, &protocol, atr, &atr_length), "SCardStatus");
}

static void exchange(void) { transmit(card); }

static void connect_and_disconnect(void) {
  require(SCardDisconnect(connect_shared(context, reader), SCARD_LEAVE_CARD), "SCardDisconnect");
}

static void establish_and_release(void) { require(SCardReleaseContext(establish()), "SCardReleaseContext"); }

static void measure(const char *name, void (*run)(void), int count) {
  double *times = calloc((size_t)count, sizeof *times);
  // The first calls warm caches and compilers up, on either side.
  for (int at = -count / 2; at < count; at++) {
    double before = now_us();
    run();
    if (at >= 0) times[at] = now_us() - before;
  }
  print_percentiles(name, times, (size_t)count);
  free(times);
}

static double woken_at;

static void *wait_for_cancel(void *unused) {
  SCARD_READERSTATE state = {.szReader = reader};
  (void)unused;
  SCardGetStatusChange(context, 0, &state, 1);
  state.dwCurrentState = state.dwEventState;
  LONG rv = SCardGetStatusChange(context, INFINITE, &state, 1);
  woken_at = now_us();
  if (rv != SCARD_E_CANCELLED) require(rv == SCARD_S_SUCCESS ? SCARD_E_UNEXPECTED : rv, "SCardGetStatusChange");
  return NULL;
}

static int has_ended(pthread_t thread) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec++;
  return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

// From the call of SCardCancel in one thread to the return of SCardGetStatusChange in another. A cancel that comes
// before the wait has begun ends nothing; where that happens it is done again, and not counted.
static void measure_cancel(int count) {
  double *times = calloc((size_t)count, sizeof *times);
  int done = 0;
  while (done < count) {
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_cancel, NULL);
    sleep_us(10000);
    double before = now_us();
    require(SCardCancel(context), "SCardCancel");
    if (has_ended(thread)) times[done++] = woken_at - before;
    else do require(SCardCancel(context), "SCardCancel"); while (!has_ended(thread));
  }
  print_percentiles("cancel", times, (size_t)count);
  free(times);
}

int main(int arguments, char **values) {
  if (arguments != 3) return 2;
  int count = atoi(values[2]);
  reader = values[1];
  context = establish();
  await_card(context, reader);
  card = connect_shared(context, reader);
  printf("{");
  measure("transmit", exchange, count);
  printf(",");
  measure("lockAndUnlock", lock_and_unlock, count);
  printf(",");
  measure("status", get_status, count);
  printf(",");
  measure("connectAndDisconnect", connect_and_disconnect, count);
  printf(",");
  measure("establishAndRelease", establish_and_release, count);
  printf(",");
  measure_cancel(count / 20);
  printf("}\n");
  SCardReleaseContext(context);
  return 0;
}
