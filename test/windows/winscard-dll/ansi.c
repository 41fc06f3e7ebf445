// SPDX-License-Identifier: MIT

// The functions with text in the code page of the system, as far as programs that want the others may call them.

#include "dll.h"

#include <stdlib.h>
#include <string.h>

// The text in UTF-16.
static LPWSTR widened(LPCSTR text, int bytes) {
  const int characters = MultiByteToWideChar(CP_ACP, 0, text, bytes, NULL, 0);
  LPWSTR wide = calloc((size_t)characters + 2, sizeof *wide);
  if (wide == NULL) abort();
  MultiByteToWideChar(CP_ACP, 0, text, bytes, wide, characters);
  return wide;
}

// Gives a multi-string in the code page of the system.
static LONG giveNarrow(const char *function, SCARDCONTEXT context, LPCWSTR names, DWORD count, LPSTR room, LPDWORD cell) {
  const int bytes = WideCharToMultiByte(CP_ACP, 0, names, (int)count, NULL, 0, NULL, NULL);
  LPSTR narrow = malloc((size_t)bytes + 1);
  if (narrow == NULL) abort();
  WideCharToMultiByte(CP_ACP, 0, names, (int)count, narrow, bytes, NULL, NULL);
  const LONG code = give(function, context, narrow, (DWORD)bytes, 1, room, cell);
  free(narrow);
  return code;
}

LONG WINAPI SCardListReadersA(SCARDCONTEXT context, LPCSTR groups, LPSTR readers, LPDWORD bytes) {
  LPWSTR names = NULL;
  DWORD count = SCARD_AUTOALLOCATE;
  (void)groups;
  CHECK(SCardListReadersW(context, NULL, (LPWSTR)&names, &count));
  const LONG code = giveNarrow("SCardListReadersA", context, names, count, readers, bytes);
  SCardFreeMemory(context, names);
  return code;
}

LONG WINAPI SCardConnectA(SCARDCONTEXT context, LPCSTR reader, DWORD shareMode, DWORD protocols, LPSCARDHANDLE card,
                          LPDWORD protocol) {
  CHECK(readable("SCardConnectA", "szReader", reader, 1));
  LPWSTR name = widened(reader, (int)strlen(reader));
  const LONG code = SCardConnectW(context, name, shareMode, protocols, card, protocol);
  free(name);
  return code;
}

LONG WINAPI SCardGetStatusChangeA(SCARDCONTEXT context, DWORD timeout, LPSCARD_READERSTATEA states, DWORD count) {
  CHECK(readable("SCardGetStatusChangeA", "rgReaderStates", states, count * sizeof *states));
  // Both structures are the same, but for the text that they point to.
  SCARD_READERSTATEW *wide = calloc(count + 1, sizeof *wide);
  if (wide == NULL) abort();
  memcpy(wide, states, count * sizeof *wide);
  for (DWORD at = 0; at < count; at++) wide[at].szReader = widened(states[at].szReader, (int)strlen(states[at].szReader));
  const LONG code = SCardGetStatusChangeW(context, timeout, wide, count);
  for (DWORD at = 0; at < count; at++) {
    free((void *)wide[at].szReader);
    wide[at].szReader = (LPCWSTR)states[at].szReader;
  }
  memcpy(states, wide, count * sizeof *wide);
  free(wide);
  return code;
}
