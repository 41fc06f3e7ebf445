// SPDX-License-Identifier: MIT

// The functions on card types, and on names and groups of readers.

#include "dll.h"

enum { longestAtr = 33, mostGuids = 32 };

// A name, and what comes after it.
static LONG named(Call *call, SCARDCONTEXT context, const char *what, LPCWSTR name) {
  DWORD number = 0;
  mayBlock(call->function);
  CHECK(anyContextNumber(call->function, context, &number));
  CHECK(text(call->function, what, name));
  putNumber(call, number);
  putText(call, name);
  return SCARD_S_SUCCESS;
}

static LONG finish(Call *call, LONG code) {
  return end(call, code == SCARD_S_SUCCESS ? ask(call) : code);
}

static LONG onName(const char *function, SCARDCONTEXT context, const char *what, LPCWSTR name) {
  Call call = begin(function);
  return finish(&call, named(&call, context, what, name));
}

static LONG onNames(const char *function, SCARDCONTEXT context, LPCWSTR name, LPCWSTR second) {
  Call call = begin(function);
  LONG code = named(&call, context, "the name", name);
  if (code == SCARD_S_SUCCESS) code = text(function, "the second name", second);
  if (code == SCARD_S_SUCCESS) putText(&call, second);
  return finish(&call, code);
}

// Asks, and gives what comes back.
static LONG giveAnswer(Call *call, LONG code, SCARDCONTEXT context, DWORD unit, LPVOID room, LPDWORD cell) {
  if (code == SCARD_S_SUCCESS) code = lengthCell(call->function, "the length", room, cell, unit);
  if (code == SCARD_S_SUCCESS) code = ask(call);
  if (code == SCARD_S_SUCCESS) code = giveTaken(call, context, unit, room, cell);
  return end(call, code);
}

static LONG putGuids(Call *call, LPCGUID guids, DWORD count) {
  if (guids == NULL) count = 0;
  if (count > mostGuids) return refuse(SCARD_E_INVALID_PARAMETER, call->function, "%lu interfaces", count);
  if (count > 0) CHECK(readable(call->function, "rgguidInterfaces", guids, count * sizeof *guids));
  putBytes(call, guids, count * sizeof *guids);
  return SCARD_S_SUCCESS;
}

static LONG putCardType(Call *call, LPCGUID provider, LPCGUID interfaces, DWORD count, LPCBYTE atr, LPCBYTE mask,
                        DWORD atrBytes) {
  if (provider != NULL) CHECK(readable(call->function, "pguidPrimaryProvider", provider, sizeof *provider));
  putBytes(call, provider, provider == NULL ? 0 : sizeof *provider);
  CHECK(putGuids(call, interfaces, count));
  if (atrBytes > longestAtr) return refuse(SCARD_E_INVALID_PARAMETER, call->function, "cbAtrLen is %lu", atrBytes);
  if (atrBytes > 0) CHECK(readable(call->function, "pbAtr", atr, atrBytes));
  if (atrBytes > 0 && mask != NULL) CHECK(readable(call->function, "pbAtrMask", mask, atrBytes));
  putBytes(call, atr, atrBytes);
  putBytes(call, mask, mask == NULL ? 0 : atrBytes);
  return SCARD_S_SUCCESS;
}

LONG WINAPI SCardIntroduceCardTypeW(SCARDCONTEXT context, LPCWSTR name, LPCGUID provider, LPCGUID interfaces, DWORD count,
                                    LPCBYTE atr, LPCBYTE mask, DWORD atrBytes) {
  Call call = begin("SCardIntroduceCardTypeW");
  LONG code = named(&call, context, "szCardName", name);
  if (code == SCARD_S_SUCCESS) code = putCardType(&call, provider, interfaces, count, atr, mask, atrBytes);
  return finish(&call, code);
}

LONG WINAPI SCardForgetCardTypeW(SCARDCONTEXT context, LPCWSTR name) {
  return onName("SCardForgetCardTypeW", context, "szCardName", name);
}

LONG WINAPI SCardSetCardTypeProviderNameW(SCARDCONTEXT context, LPCWSTR card, DWORD kind, LPCWSTR provider) {
  Call call = begin("SCardSetCardTypeProviderNameW");
  LONG code = named(&call, context, "szCardName", card);
  putNumber(&call, kind);
  if (code == SCARD_S_SUCCESS) code = text(call.function, "szProvider", provider);
  if (code == SCARD_S_SUCCESS) putText(&call, provider);
  return finish(&call, code);
}

LONG WINAPI SCardGetCardTypeProviderNameW(SCARDCONTEXT context, LPCWSTR card, DWORD kind, LPWSTR provider,
                                          LPDWORD characters) {
  Call call = begin("SCardGetCardTypeProviderNameW");
  const LONG code = named(&call, context, "szCardName", card);
  putNumber(&call, kind);
  return giveAnswer(&call, code, context, sizeof(WCHAR), provider, characters);
}

LONG WINAPI SCardListInterfacesW(SCARDCONTEXT context, LPCWSTR card, LPGUID interfaces, LPDWORD count) {
  Call call = begin("SCardListInterfacesW");
  const LONG code = named(&call, context, "szCard", card);
  return giveAnswer(&call, code, context, sizeof(GUID), interfaces, count);
}

// The length of an ATR as ISO/IEC 7816-3:2006, 8.2 has it, for SCardListCards is not told it.
static DWORD atrLength(LPCBYTE atr) {
  BYTE indicator = atr[1];
  DWORD length = 2 + (indicator & 0x0F);
  BOOL hasCheck = FALSE;
  DWORD at = 1;
  for (;;) {
    DWORD next = 0;
    for (BYTE bit = 0x10; bit != 0; bit = (BYTE)(bit << 1)) {
      if (indicator & bit) at++, length++;
      if (bit == 0x80 && (indicator & bit)) next = at;
    }
    if (next == 0 || next >= longestAtr) break;
    indicator = atr[next];
    hasCheck = hasCheck || (indicator & 0x0F) != 0;
  }
  return length + (hasCheck ? 1 : 0);
}

LONG WINAPI SCardListCardsW(SCARDCONTEXT context, LPCBYTE atr, LPCGUID interfaces, DWORD count, LPWSTR cards,
                            LPDWORD characters) {
  const char *function = "SCardListCardsW";
  DWORD number = 0;
  Call call = begin(function);
  mayBlock(function);
  LONG code = anyContextNumber(function, context, &number);
  putNumber(&call, number);
  // It is read up to its longest length.
  if (code == SCARD_S_SUCCESS && atr != NULL) code = readable(function, "pbAtr", atr, longestAtr);
  putBytes(&call, atr, atr == NULL || code != SCARD_S_SUCCESS ? 0 : atrLength(atr));
  if (code == SCARD_S_SUCCESS) code = putGuids(&call, interfaces, count);
  return giveAnswer(&call, code, context, sizeof(WCHAR), cards, characters);
}

LONG WINAPI SCardIntroduceReaderW(SCARDCONTEXT context, LPCWSTR name, LPCWSTR device) {
  return onNames("SCardIntroduceReaderW", context, name, device);
}

LONG WINAPI SCardForgetReaderW(SCARDCONTEXT context, LPCWSTR name) {
  return onName("SCardForgetReaderW", context, "szReaderName", name);
}

LONG WINAPI SCardIntroduceReaderGroupW(SCARDCONTEXT context, LPCWSTR group) {
  return onName("SCardIntroduceReaderGroupW", context, "szGroupName", group);
}

LONG WINAPI SCardForgetReaderGroupW(SCARDCONTEXT context, LPCWSTR group) {
  return onName("SCardForgetReaderGroupW", context, "szGroupName", group);
}

LONG WINAPI SCardAddReaderToGroupW(SCARDCONTEXT context, LPCWSTR reader, LPCWSTR group) {
  return onNames("SCardAddReaderToGroupW", context, reader, group);
}

LONG WINAPI SCardRemoveReaderFromGroupW(SCARDCONTEXT context, LPCWSTR reader, LPCWSTR group) {
  return onNames("SCardRemoveReaderFromGroupW", context, reader, group);
}
