// SPDX-License-Identifier: MIT

// Waits for a card to come and go, and prints `in NANOSECONDS` or `out NANOSECONDS` each time it is told, by the
// monotonic clock.
//
// usage: watch READER

#include "client.h"

int main(int arguments, char **values) {
  if (arguments != 2) return 2;
  SCARDCONTEXT context = establish();
  SCARD_READERSTATE state = {.szReader = values[1]};
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (;;) {
    require(SCardGetStatusChange(context, INFINITE, &state, 1), "SCardGetStatusChange");
    printf("%s %.0f\n", (state.dwEventState & SCARD_STATE_PRESENT) != 0 ? "in" : "out", now_us() * 1000);
    state.dwCurrentState = state.dwEventState;
  }
}
