// SPDX-License-Identifier: MIT

// The functions that look for cards, and those on readers as devices, on the cache and on the log. mingw's header does
// not have all of them: the others are as Microsoft's pages declare them.

#include "dll.h"

#include <string.h>

// SCARD_AUDIT_CHV_SUCCESS; failure is 0.
enum { auditSuccess = 1, mostMasks = 64 };

static LONG begun(Call *call, SCARDCONTEXT context, const char *what, LPCWSTR name) {
  DWORD number = 0;
  mayBlock(call->function);
  CHECK(contextNumber(call->function, context, &number));
  putNumber(call, number);
  if (name == NULL && what == NULL) return SCARD_S_SUCCESS;
  CHECK(text(call->function, what, name));
  putText(call, name);
  return SCARD_S_SUCCESS;
}

static LONG located(Call *call, LONG code, LPSCARD_READERSTATEW states, DWORD count) {
  if (code == SCARD_S_SUCCESS) code = putStates(call, states, count);
  if (code == SCARD_S_SUCCESS) {
    code = ask(call);
    takeStates(call, states, count);
  }
  return end(call, code);
}

LONG WINAPI SCardLocateCardsW(SCARDCONTEXT context, LPCWSTR cards, LPSCARD_READERSTATEW states, DWORD count) {
  DWORD characters = 0;
  Call call = begin("SCardLocateCardsW");
  LONG code = begun(&call, context, NULL, NULL);
  if (code == SCARD_S_SUCCESS) code = multiString(call.function, "mszCards", cards, &characters);
  putBytes(&call, cards, characters * sizeof(WCHAR));
  return located(&call, code, states, count);
}

LONG WINAPI SCardLocateCardsByATRW(SCARDCONTEXT context, LPSCARD_ATRMASK masks, DWORD count, LPSCARD_READERSTATEW states,
                                   DWORD stateCount) {
  const char *function = "SCardLocateCardsByATRW";
  Call call = begin(function);
  LONG code = begun(&call, context, NULL, NULL);
  if (code == SCARD_S_SUCCESS && count > mostMasks) code = refuse(SCARD_E_INVALID_PARAMETER, function, "%lu masks", count);
  if (code == SCARD_S_SUCCESS) code = readable(function, "rgAtrMasks", masks, count * sizeof *masks);
  putNumber(&call, count);
  for (DWORD at = 0; code == SCARD_S_SUCCESS && at < count; at++) {
    if (masks[at].cbAtr > sizeof masks[at].rgbAtr) {
      code = refuse(SCARD_E_INVALID_PARAMETER, function, "cbAtr is %lu", masks[at].cbAtr);
      break;
    }
    putBytes(&call, masks[at].rgbAtr, masks[at].cbAtr);
    putBytes(&call, masks[at].rgbMask, masks[at].cbAtr);
  }
  return located(&call, code, states, stateCount);
}

static LONG given(Call *call, LONG code, SCARDCONTEXT context, DWORD unit, LPVOID room, LPDWORD cell) {
  if (code == SCARD_S_SUCCESS) code = lengthCell(call->function, "the length", room, cell, unit);
  if (code == SCARD_S_SUCCESS) code = ask(call);
  if (code == SCARD_S_SUCCESS) code = giveTaken(call, context, unit, room, cell);
  return end(call, code);
}

EXPORTED SCardGetDeviceTypeIdW(SCARDCONTEXT context, LPCWSTR reader, LPDWORD type) {
  Call call = begin("SCardGetDeviceTypeIdW");
  LONG code = begun(&call, context, "szReaderName", reader);
  if (code == SCARD_S_SUCCESS) code = numberCell(call.function, "pdwDeviceTypeId", type);
  if (code == SCARD_S_SUCCESS) code = ask(&call);
  if (code == SCARD_S_SUCCESS) *type = takeNumber(&call);
  return end(&call, code);
}

EXPORTED SCardGetReaderDeviceInstanceIdW(SCARDCONTEXT context, LPCWSTR reader, LPWSTR instance, LPDWORD characters) {
  Call call = begin("SCardGetReaderDeviceInstanceIdW");
  return given(&call, begun(&call, context, "szReaderName", reader), context, sizeof(WCHAR), instance, characters);
}

EXPORTED SCardListReadersWithDeviceInstanceIdW(SCARDCONTEXT context, LPCWSTR instance, LPWSTR readers,
                                               LPDWORD characters) {
  Call call = begin("SCardListReadersWithDeviceInstanceIdW");
  return given(&call, begun(&call, context, "szDeviceInstanceId", instance), context, sizeof(WCHAR), readers, characters);
}

EXPORTED SCardGetReaderIconW(SCARDCONTEXT context, LPCWSTR reader, LPBYTE icon, LPDWORD bytes) {
  Call call = begin("SCardGetReaderIconW");
  return given(&call, begun(&call, context, "szReaderName", reader), context, 1, icon, bytes);
}

static LONG putItem(Call *call, SCARDCONTEXT context, UUID *card, DWORD freshness, LPWSTR name) {
  CHECK(begun(call, context, NULL, NULL));
  CHECK(readable(call->function, "CardIdentifier", card, sizeof *card));
  CHECK(text(call->function, "LookupName", name));
  putBytes(call, card, sizeof *card);
  putNumber(call, freshness);
  putText(call, name);
  return SCARD_S_SUCCESS;
}

EXPORTED SCardReadCacheW(SCARDCONTEXT context, UUID *card, DWORD freshness, LPWSTR name, PBYTE data, DWORD *bytes) {
  Call call = begin("SCardReadCacheW");
  LONG code = putItem(&call, context, card, freshness, name);
  // Not documented to allocate.
  if (code == SCARD_S_SUCCESS) code = numberCell(call.function, "DataLen", bytes);
  if (code == SCARD_S_SUCCESS && *bytes == SCARD_AUTOALLOCATE) {
    code = refuse(SCARD_E_INVALID_PARAMETER, call.function, "DataLen is SCARD_AUTOALLOCATE");
  }
  return given(&call, code, context, 1, data, bytes);
}

EXPORTED SCardWriteCacheW(SCARDCONTEXT context, UUID *card, DWORD freshness, LPWSTR name, PBYTE data, DWORD bytes) {
  Call call = begin("SCardWriteCacheW");
  LONG code = putItem(&call, context, card, freshness, name);
  if (code == SCARD_S_SUCCESS && bytes > 0) code = readable(call.function, "Data", data, bytes);
  putBytes(&call, data, code == SCARD_S_SUCCESS ? bytes : 0);
  return end(&call, code == SCARD_S_SUCCESS ? ask(&call) : code);
}

EXPORTED SCardAudit(SCARDCONTEXT context, DWORD event) {
  Call call = begin("SCardAudit");
  LONG code = begun(&call, context, NULL, NULL);
  if (code == SCARD_S_SUCCESS && event > auditSuccess) {
    code = refuse(SCARD_E_INVALID_PARAMETER, call.function, "dwEvent is %lu", event);
  }
  putNumber(&call, event);
  return end(&call, code == SCARD_S_SUCCESS ? ask(&call) : code);
}
