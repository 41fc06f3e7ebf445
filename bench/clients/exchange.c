// SPDX-License-Identifier: MIT

// The client in C of bench/clients.ts; node/main.ts says what it is told and what it prints. `empty` stands for the
// program that does nothing.
//
// usage: exchange READER [first]
//        exchange READER card    ends when the reader has a card
//        exchange empty

#include "client.h"

#include <pthread.h>
#include <stdatomic.h>

static const char *reader;
static atomic_int waiting;

static void print_clock(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  printf("%lld\n", time.tv_sec * 1000000000LL + time.tv_nsec);
}

static void exchange_many(SCARDHANDLE card, int count) {
  double *times = calloc((size_t)count, sizeof *times);
  for (int at = 0; at < count; at++) {
    double before = now_us();
    transmit(card);
    times[at] = now_us() - before;
  }
  for (int at = 0; at < count; at++) printf("%s%.1f", at == 0 ? "[" : ",", times[at]);
  printf("]\n");
  free(times);
}

static void *wait_for_ever(void *unused) {
  SCARDCONTEXT context = establish();
  SCARD_READERSTATE state = {.szReader = reader};
  (void)unused;
  require(SCardGetStatusChange(context, 0, &state, 1), "SCardGetStatusChange");
  waiting++;
  do {
    state.dwCurrentState = state.dwEventState;
  } while (SCardGetStatusChange(context, INFINITE, &state, 1) == SCARD_S_SUCCESS);
  return NULL;
}

static void wait_many(int count) {
  for (int at = 0; at < count; at++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0) exit(1);
  }
  while (waiting < count) sleep_us(10000);
  printf("true\n");
}

int main(int arguments, char **values) {
  char line[64];
  SCARDHANDLE card;
  DWORD protocol;
  if (arguments < 2) return 2;
  reader = values[1];
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(reader, "empty") == 0) {
    print_clock();
    return 0;
  }
  if (arguments > 2 && strcmp(values[2], "card") == 0) {
    await_card(establish(), reader);
    return 0;
  }
  require(SCardConnect(establish(), reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, &card, &protocol), "SCardConnect");
  transmit(card);
  if (arguments > 2) {
    print_clock();
    return 0;
  }
  printf("ready\n");
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strncmp(line, "transmit ", 9) == 0) exchange_many(card, atoi(line + 9));
    else if (strncmp(line, "wait ", 5) == 0) wait_many(atoi(line + 5));
    else return 2;
  }
  // The end of the process is the end of its waits.
  exit(0);
}
