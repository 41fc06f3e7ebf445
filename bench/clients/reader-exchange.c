// SPDX-License-Identifier: MIT

// How long exchanges take with a reader, by the length of the answer.
//
// usage: reader-exchange READER COUNT LENGTH...

#include "client.h"

#include <reader.h>

// READ BINARY with Le, short or extended; the card of test/usb/models answers as many bytes.
static DWORD read_command(BYTE *command, unsigned long length) {
  BYTE start[5] = {0, 0xb0, 0, 0, (BYTE)length};
  memcpy(command, start, sizeof start);
  if (length < 256) return 5;
  command[4] = 0;
  command[5] = (BYTE)(length >> 8);
  command[6] = (BYTE)length;
  return 7;
}

static void measure(SCARDHANDLE card, unsigned long length, int count) {
  static BYTE answer[MAX_BUFFER_SIZE_EXTENDED];
  double *times = calloc((size_t)count, sizeof *times);
  BYTE command[7];
  DWORD size = read_command(command, length);
  // The first calls warm caches and compilers up, on either side.
  for (int at = -count / 2; at < count; at++) {
    DWORD got = sizeof answer;
    double before = now_us();
    require(SCardTransmit(card, SCARD_PCI_T1, command, size, NULL, answer, &got), "SCardTransmit");
    if (at >= 0) times[at] = now_us() - before;
    if (got != length + 2) require(SCARD_E_UNEXPECTED, "length of the answer");
  }
  char name[24];
  snprintf(name, sizeof name, "%lu", length);
  print_percentiles(name, times, (size_t)count);
  free(times);
}

int main(int arguments, char **values) {
  if (arguments < 4) return 2;
  SCARDCONTEXT context = establish();
  await_card(context, values[1]);
  SCARDHANDLE card = connect_shared(context, values[1]);
  printf("{");
  for (int at = 3; at < arguments; at++) {
    if (at > 3) printf(",");
    unsigned long length = strtoul(values[at], NULL, 10);
    int count = atoi(values[2]);
    measure(card, length, length > 10000 ? count / 10 + 1 : count);
  }
  printf("}\n");
  SCardReleaseContext(context);
  return 0;
}
