// SPDX-License-Identifier: MIT

// Many clients that do nothing but wait for a change, each with a context of its own. Prints 'ready' when all of them
// wait, and ends when its input does.
//
// usage: waiters READER COUNT

#include "client.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_int waiting;
static const char *reader;

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

int main(int arguments, char **values) {
  if (arguments != 3) return 2;
  int count = atoi(values[2]);
  reader = values[1];
  for (int at = 0; at < count; at++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0) return 1;
  }
  while (waiting < count) sleep_us(10000);
  // The last one has yet to go from its query into its wait.
  sleep_us(300000);
  printf("ready\n");
  fflush(stdout);
  while (getchar() != EOF) continue;
  // The end of the process is the end of its clients.
  exit(0);
}
