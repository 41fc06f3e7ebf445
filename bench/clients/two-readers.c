// SPDX-License-Identifier: MIT

// A program with two threads and two readers on one context. One thread waits for the first reader, whose card another process
// has for HOLD_MS; the other thread exchanges commands with the second reader all the while.
//
// usage: two-readers FIRST SECOND HOLD_MS
//
// Prints how long the first thread waited for its turn, and the longest exchange of the second meanwhile, in microseconds.

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

static atomic_int over;
static double longest;

// The other process: has the first card for a while, once the two threads are ready, and says when it has it.
static void hold(const char *reader, int milliseconds, int ready, int taken) {
  char byte = 0;
  SCARDHANDLE card = connect_shared(establish(), reader);
  if (read(ready, &byte, 1) != 1) exit(1);
  require(SCardBeginTransaction(card), "SCardBeginTransaction");
  if (write(taken, &byte, 1) != 1) exit(1);
  sleep_us(milliseconds * 1000L);
  require(SCardEndTransaction(card, SCARD_LEAVE_CARD), "SCardEndTransaction");
  exit(0);
}

static void *exchange(void *argument) {
  SCARDHANDLE card = *(SCARDHANDLE *)argument;
  while (!over) {
    double before = now_us();
    transmit(card);
    double lasted = now_us() - before;
    if (lasted > longest) longest = lasted;
    sleep_us(1000);
  }
  return NULL;
}

int main(int arguments, char **values) {
  int ready[2], taken[2];
  char byte = 0;
  pthread_t thread;
  if (arguments != 4 || pipe(ready) != 0 || pipe(taken) != 0) return 2;
  pid_t child = fork();
  if (child == 0) hold(values[1], atoi(values[3]), ready[0], taken[1]);
  SCARDCONTEXT context = establish();
  SCARDHANDLE first = connect_shared(context, values[1]), second = connect_shared(context, values[2]);
  if (write(ready[1], &byte, 1) != 1 || read(taken[0], &byte, 1) != 1) return 1;
  pthread_create(&thread, NULL, exchange, &second);
  double before = now_us();
  require(SCardBeginTransaction(first), "SCardBeginTransaction");
  double waited = now_us() - before;
  over = 1;
  pthread_join(thread, NULL);
  printf("{\"waitedUs\":%.1f,\"longestUs\":%.1f}\n", waited, longest);
  require(SCardEndTransaction(first, SCARD_LEAVE_CARD), "SCardEndTransaction");
  SCardReleaseContext(context);
  waitpid(child, NULL, 0);
  return 0;
}
