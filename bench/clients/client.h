// SPDX-License-Identifier: MIT

// What the clients of bench/daemon.ts have in common. Each prints one line of JSON; times are in microseconds.

#ifndef CLIENT_H
#define CLIENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <winscard.h>

// 21 bytes, which the card answers with 16 and the status: 80 10 00 00 10 and the data.
static const BYTE echo_command[21] = {0x80, 0x10, 0, 0, 16};

static inline double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static inline void sleep_us(long duration) {
  struct timespec time = {duration / 1000000, duration % 1000000 * 1000};
  nanosleep(&time, NULL);
}

static inline void require(LONG rv, const char *what) {
  if (rv == SCARD_S_SUCCESS) return;
  fprintf(stderr, "%s: %08lX\n", what, (unsigned long)rv & 0xFFFFFFFF);
  exit(1);
}

static inline SCARDCONTEXT establish(void) {
  SCARDCONTEXT context;
  require(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), "SCardEstablishContext");
  return context;
}

static inline SCARDHANDLE connect_shared(SCARDCONTEXT context, const char *reader) {
  SCARDHANDLE card;
  DWORD protocol;
  LONG rv = SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol);
  require(rv, "SCardConnect");
  return card;
}

static inline void transmit(SCARDHANDLE card) {
  BYTE answer[64];
  DWORD length = sizeof answer;
  LONG rv = SCardTransmit(card, SCARD_PCI_T1, echo_command, sizeof echo_command, NULL, answer, &length);
  require(rv, "SCardTransmit");
}

// Waits until the card has been seen by the service.
static inline void await_card(SCARDCONTEXT context, const char *reader) {
  SCARD_READERSTATE state = {.szReader = reader};
  do {
    state.dwCurrentState = state.dwEventState;
    SCardGetStatusChange(context, 5000, &state, 1);
  } while (state.cbAtr == 0);
}

static inline int compare_doubles(const void *one, const void *other) {
  double difference = *(const double *)one - *(const double *)other;
  return (difference > 0) - (difference < 0);
}

// Prints "name":{"p50":…,"p99":…}. Sorts the values.
static inline void print_percentiles(const char *name, double *values, size_t count) {
  if (count == 0) {
    printf("\"%s\":null", name);
    return;
  }
  qsort(values, count, sizeof *values, compare_doubles);
  printf("\"%s\":{\"p50\":%.1f,\"p99\":%.1f}", name, values[count / 2], values[count - 1 - count / 100]);
}

#endif
