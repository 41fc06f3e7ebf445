// SPDX-License-Identifier: MIT

// Prints, as JSON, the sizes and offsets that the compiler gives the types of pcsc-lite's header. With APPLE it is that
// header as macOS reads it.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef APPLE
#define __APPLE__
#endif
#include <pcsclite.h>

#define OFFSET(member) (int)offsetof(SCARD_READERSTATE, member)

int main(void) {
  printf("{\"dword\":%d,\"long\":%d,\"context\":%d,\"handle\":%d,", (int)sizeof(DWORD), (int)sizeof(LONG),
         (int)sizeof(SCARDCONTEXT), (int)sizeof(SCARDHANDLE));
  printf("\"offsets\":[%d,%d,%d,%d,%d,%d],", OFFSET(szReader), OFFSET(pvUserData), OFFSET(dwCurrentState),
         OFFSET(dwEventState), OFFSET(cbAtr), OFFSET(rgbAtr));
  printf("\"atr\":%d,\"state\":%d,\"request\":%d,\"readers\":%d}\n", (int)sizeof(((SCARD_READERSTATE *)0)->rgbAtr),
         (int)sizeof(SCARD_READERSTATE), (int)sizeof(SCARD_IO_REQUEST), PCSCLITE_MAX_READERS_CONTEXTS);
  return 0;
}
