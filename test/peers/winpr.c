// SPDX-License-Identifier: MIT
//
// What FreeRDP does with a smart card, through its own layer over libpcsclite (WinPR): it has Windows' names and numbers.
// Prints a line for each call. Arguments: the reader, and a command in hexadecimal.

#include <stdio.h>
#include <string.h>
#include <winpr/smartcard.h>

static int failed = 0;

static void tell(const char* call, LONG rv) {
  printf("%s %s\n", call, SCardGetErrorString(rv));
  if (rv != SCARD_S_SUCCESS) failed = 1;
}

static void hex(const char* title, const BYTE* bytes, DWORD length) {
  printf("%s ", title);
  for (DWORD at = 0; at < length; at++) printf("%02X", bytes[at]);
  printf("\n");
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  SCARDCONTEXT context = 0;
  tell("SCardEstablishContext", SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context));
  LPSTR names = NULL;
  DWORD length = SCARD_AUTOALLOCATE;
  tell("SCardListReaders", SCardListReadersA(context, NULL, (LPSTR)&names, &length));
  for (const char* name = names; name != NULL && *name != 0; name += strlen(name) + 1) printf("reader %s\n", name);

  SCARD_READERSTATEA state;
  memset(&state, 0, sizeof state);
  state.szReader = argv[1];
  tell("SCardGetStatusChange", SCardGetStatusChangeA(context, 0, &state, 1));
  printf("state %s\n", (state.dwEventState & SCARD_STATE_PRESENT) != 0 ? "present" : "empty");
  hex("ATR", state.rgbAtr, state.cbAtr);

  SCARDHANDLE card = 0;
  DWORD protocol = 0;
  tell("SCardConnect", SCardConnectA(context, argv[1], SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx, &card, &protocol));
  printf("protocol %u\n", (unsigned)protocol);
  tell("SCardBeginTransaction", SCardBeginTransaction(card));
  DWORD cardState = 0, cardProtocol = 0, atrLength = 36, nameLength = 256;
  char name[256];
  BYTE atr[36];
  tell("SCardStatus", SCardStatusA(card, name, &nameLength, &cardState, &cardProtocol, atr, &atrLength));
  printf("card state %u protocol %u\n", (unsigned)cardState, (unsigned)cardProtocol);

  BYTE command[256];
  DWORD size = 0;
  for (const char* at = argv[2]; at[0] != 0 && at[1] != 0 && size < sizeof command; at += 2) {
    unsigned value = 0;
    sscanf(at, "%2x", &value);
    command[size++] = (BYTE)value;
  }
  BYTE response[258];
  DWORD received = sizeof response;
  tell("SCardTransmit", SCardTransmit(card, SCARD_PCI_T1, command, size, NULL, response, &received));
  hex("response", response, received);
  BYTE vendor[64];
  DWORD vendorLength = sizeof vendor;
  tell("SCardGetAttrib", SCardGetAttrib(card, SCARD_ATTR_VENDOR_NAME, vendor, &vendorLength));
  tell("SCardEndTransaction", SCardEndTransaction(card, SCARD_LEAVE_CARD));
  tell("SCardDisconnect", SCardDisconnect(card, SCARD_LEAVE_CARD));
  tell("SCardFreeMemory", SCardFreeMemory(context, names));
  tell("SCardReleaseContext", SCardReleaseContext(context));
  return failed;
}
