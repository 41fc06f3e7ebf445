// SPDX-License-Identifier: MIT

// SCARD_READERSTATE, on the way to the server and back.

#include "dll.h"

#include <string.h>

// MAXIMUM_SMARTCARD_READERS, and one for the pseudo reader.
enum { mostStates = 11 };

LONG putStates(Call *call, SCARD_READERSTATEW *states, DWORD count) {
  const char *function = call->function;
  if (count > mostStates) return refuse(SCARD_E_INVALID_PARAMETER, function, "%lu readers; %d are the most", count, mostStates);
  CHECK(count == 0 ? SCARD_S_SUCCESS : writable(function, "rgReaderStates", states, count * sizeof *states));
  putNumber(call, count);
  for (DWORD at = 0; at < count; at++) {
    SCARD_READERSTATEW *state = &states[at];
    CHECK(text(function, "szReader", state->szReader));
    if (state->cbAtr > sizeof state->rgbAtr) {
      return refuse(SCARD_E_INVALID_VALUE, function, "cbAtr is %lu", state->cbAtr);
    }
    putText(call, state->szReader);
    putNumber(call, state->dwCurrentState);
  }
  return SCARD_S_SUCCESS;
}

void takeStates(Call *call, SCARD_READERSTATEW *states, DWORD count) {
  // A call that fails before it looks at the readers says nothing of them.
  if (call->at == call->length) return;
  for (DWORD at = 0; at < count; at++) {
    SCARD_READERSTATEW *state = &states[at];
    state->dwEventState = takeNumber(call);
    const BYTE *atr = takeBytes(call, &state->cbAtr);
    memset(state->rgbAtr, 0, sizeof state->rgbAtr);
    memcpy(state->rgbAtr, atr, state->cbAtr);
  }
}
