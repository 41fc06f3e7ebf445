// SPDX-License-Identifier: MIT

// The functions on contexts and readers.

#include "dll.h"

#include <stdlib.h>

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved) {
  (void)module, (void)reserved;
  if (reason == DLL_PROCESS_ATTACH) remember();
  if (reason == DLL_THREAD_DETACH) closeThread();
  return TRUE;
}

LONG WINAPI SCardEstablishContext(DWORD scope, LPCVOID reserved1, LPCVOID reserved2, LPSCARDCONTEXT context) {
  const char *function = "SCardEstablishContext";
  CHECK(handleCell(function, "phContext", context));
  if (reserved1 != NULL || reserved2 != NULL) {
    return refuse(SCARD_E_INVALID_PARAMETER, function, "reserved pointers must be NULL: %p, %p", reserved1, reserved2);
  }
  if (scope > SCARD_SCOPE_SYSTEM) return refuse(SCARD_E_INVALID_VALUE, function, "dwScope is %lu", scope);
  Call call = begin(function);
  putNumber(&call, scope);
  const LONG code = ask(&call);
  if (code == SCARD_S_SUCCESS) *context = asContext(takeNumber(&call));
  return end(&call, code);
}

static LONG onContext(const char *function, SCARDCONTEXT context) {
  DWORD number = 0;
  CHECK(contextNumber(function, context, &number));
  Call call = begin(function);
  putNumber(&call, number);
  return end(&call, ask(&call));
}

LONG WINAPI SCardReleaseContext(SCARDCONTEXT context) {
  forgetMemory("SCardReleaseContext", context);
  return onContext("SCardReleaseContext", context);
}

LONG WINAPI SCardIsValidContext(SCARDCONTEXT context) {
  return onContext("SCardIsValidContext", context);
}

LONG WINAPI SCardCancel(SCARDCONTEXT context) {
  return onContext("SCardCancel", context);
}

LONG WINAPI SCardListReadersW(SCARDCONTEXT context, LPCWSTR groups, LPWSTR readers, LPDWORD characters) {
  const char *function = "SCardListReadersW";
  DWORD number = 0, length = 0;
  mayBlock(function);
  CHECK(anyContextNumber(function, context, &number));
  CHECK(lengthCell(function, "pcchReaders", readers, characters, sizeof(WCHAR)));
  if (groups != NULL) CHECK(multiString(function, "mszGroups", groups, &length));
  Call call = begin(function);
  putNumber(&call, number);
  putBytes(&call, groups, length * sizeof(WCHAR));
  LONG code = ask(&call);
  if (code == SCARD_S_SUCCESS) code = giveTaken(&call, context, sizeof(WCHAR), readers, characters);
  return end(&call, code);
}

LONG WINAPI SCardListReaderGroupsW(SCARDCONTEXT context, LPWSTR groups, LPDWORD characters) {
  const char *function = "SCardListReaderGroupsW";
  DWORD number = 0;
  mayBlock(function);
  CHECK(anyContextNumber(function, context, &number));
  CHECK(lengthCell(function, "pcchGroups", groups, characters, sizeof(WCHAR)));
  Call call = begin(function);
  putNumber(&call, number);
  LONG code = ask(&call);
  if (code == SCARD_S_SUCCESS) code = giveTaken(&call, context, sizeof(WCHAR), groups, characters);
  return end(&call, code);
}

LONG WINAPI SCardGetStatusChangeW(SCARDCONTEXT context, DWORD timeout, LPSCARD_READERSTATEW states, DWORD count) {
  const char *function = "SCardGetStatusChangeW";
  DWORD number = 0;
  mayBlock(function);
  CHECK(contextNumber(function, context, &number));
  Call call = begin(function);
  putNumber(&call, number);
  putNumber(&call, timeout);
  LONG code = putStates(&call, states, count);
  if (code == SCARD_S_SUCCESS) {
    code = ask(&call);
    takeStates(&call, states, count);
  }
  return end(&call, code);
}
