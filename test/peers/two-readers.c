// SPDX-License-Identifier: MIT

// A program with two threads and two readers on one context. One thread wants the first reader, whose card another
// process has; the other uses the second reader all the while, and must not be kept waiting by that. The other process
// has its card until the second thread has exchanged so many commands.
//
// usage: two-readers FIRST SECOND EXCHANGES
//
// Prints how many commands the second thread had exchanged when the first had its turn.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <winscard.h>

static atomic_int over;
static long exchanges, wanted;
static int enough[2];

static void require(LONG rv, const char *what) {
  if (rv == SCARD_S_SUCCESS) return;
  printf("%s %08lX\n", what, (unsigned long)rv & 0xFFFFFFFF);
  exit(1);
}

static SCARDHANDLE connect_to(SCARDCONTEXT context, const char *reader) {
  SCARDHANDLE card;
  DWORD protocol;
  require(SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &card, &protocol), "connect");
  return card;
}

// The other process: has the first card, once the two threads are ready, says when it has it, and gives it back when the
// second thread has had enough.
static void hold(const char *reader, int ready, int taken) {
  SCARDCONTEXT context;
  char byte = 0;
  require(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), "establish");
  SCARDHANDLE card = connect_to(context, reader);
  if (read(ready, &byte, 1) != 1) exit(1);
  require(SCardBeginTransaction(card), "begin");
  if (write(taken, &byte, 1) != 1) exit(1);
  if (read(enough[0], &byte, 1) != 1) exit(1);
  require(SCardEndTransaction(card, SCARD_LEAVE_CARD), "end");
  SCardReleaseContext(context);
  exit(0);
}

static void *use(void *argument) {
  SCARDHANDLE card = *(SCARDHANDLE *)argument;
  BYTE answer[64];
  while (!over) {
    DWORD length = sizeof answer;
    require(SCardTransmit(card, SCARD_PCI_T1, (LPCBYTE)"\x80\x10\0\0\3abc", 8, NULL, answer, &length), "transmit");
    if (++exchanges == wanted && write(enough[1], "", 1) != 1) exit(1);
    usleep(1000);
  }
  return NULL;
}

int main(int count, char **arguments) {
  int ready[2], taken[2];
  char byte = 0;
  pthread_t thread;
  SCARDCONTEXT context;
  if (count != 4 || pipe(ready) != 0 || pipe(taken) != 0 || pipe(enough) != 0) return 2;
  wanted = atol(arguments[3]);
  pid_t child = fork();
  if (child == 0) hold(arguments[1], ready[0], taken[1]);
  require(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), "establish");
  SCARDHANDLE first = connect_to(context, arguments[1]), second = connect_to(context, arguments[2]);
  if (write(ready[1], &byte, 1) != 1 || read(taken[0], &byte, 1) != 1) return 1;
  pthread_create(&thread, NULL, use, &second);
  require(SCardBeginTransaction(first), "begin");
  over = 1;
  pthread_join(thread, NULL);
  printf("%ld\n", exchanges);
  SCardEndTransaction(first, SCARD_LEAVE_CARD);
  SCardReleaseContext(context);
  waitpid(child, NULL, 0);
  return 0;
}
