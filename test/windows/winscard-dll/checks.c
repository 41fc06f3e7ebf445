// SPDX-License-Identifier: MIT

// What a caller of winscard.dll must get right. Where memory is a block of the process's heap, its size is known, and
// checked too: Windows itself would read or write past its end.

#include "dll.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Handles do not fit 32 bits, as those of Windows do not. A context is no card.
static const ULONG_PTR contextMark = 0xCD01A50000000000ULL;
static const ULONG_PTR cardMark = 0xEA01A50000000000ULL;
static const ULONG_PTR markBits = 0xFFFFFFFF00000000ULL;

static DWORD mainThread;

// The thread that loads the library is the one that must not wait.
void remember(void) {
  mainThread = GetCurrentThreadId();
}

static void report(const char *kind, const char *function, const char *message) {
  Call call = begin(kind);
  putBytes(&call, function, (DWORD)strlen(function));
  putBytes(&call, message, (DWORD)strlen(message));
  end(&call, ask(&call));
}

LONG refuse(LONG code, const char *function, const char *format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  report("refused", function, message);
  return code;
}

// Windows does not refuse this; the event loop of the program stands still as long as the call lasts.
void mayBlock(const char *function) {
  if (GetCurrentThreadId() == mainThread) refuse(SCARD_S_SUCCESS, function, "it may wait, and is called on the main thread");
}

// The size of a block of the heap; 0 where it is none, or a part of one.
static SIZE_T sizeOf(LPCVOID memory) {
  const HANDLE heap = GetProcessHeap();
  if (!HeapValidate(heap, 0, memory)) return 0;
  const SIZE_T size = HeapSize(heap, 0, memory);
  return size == (SIZE_T)-1 ? 0 : size;
}

SCARDCONTEXT asContext(DWORD number) {
  return contextMark | number;
}

SCARDHANDLE asCard(DWORD number) {
  return cardMark | number;
}

LONG contextNumber(const char *function, SCARDCONTEXT context, DWORD *number) {
  *number = (DWORD)context;
  if ((context & markBits) == contextMark) return SCARD_S_SUCCESS;
  return refuse(ERROR_INVALID_HANDLE, function, "hContext is 0x%llx, which was never a context", (unsigned long long)context);
}

// For functions that take no context as well.
LONG anyContextNumber(const char *function, SCARDCONTEXT context, DWORD *number) {
  *number = 0;
  return context == 0 ? SCARD_S_SUCCESS : contextNumber(function, context, number);
}

LONG cardNumber(const char *function, SCARDHANDLE card, DWORD *number) {
  *number = (DWORD)card;
  if ((card & markBits) == cardMark) return SCARD_S_SUCCESS;
  return refuse(ERROR_INVALID_HANDLE, function, "hCard is 0x%llx, which was never a card", (unsigned long long)card);
}

// A cell for one value: of that size, and no other.
static LONG cellOf(const char *function, const char *name, LPVOID cell, SIZE_T size) {
  CHECK(writable(function, name, cell, size));
  const SIZE_T known = sizeOf(cell);
  if (known == 0 || known == size) return SCARD_S_SUCCESS;
  return refuse(SCARD_E_INVALID_PARAMETER, function, "%s has %llu bytes, not %llu", name, (unsigned long long)known,
                (unsigned long long)size);
}

LONG handleCell(const char *function, const char *name, ULONG_PTR *cell) {
  return cellOf(function, name, cell, sizeof *cell);
}

LONG numberCell(const char *function, const char *name, LPDWORD cell) {
  return cellOf(function, name, cell, sizeof *cell);
}

static LONG memoryOf(const char *function, const char *name, LPCVOID bytes, SIZE_T count, BOOL isBad) {
  if (bytes == NULL) return refuse(SCARD_E_INVALID_PARAMETER, function, "%s is NULL", name);
  if (isBad) return refuse(ERROR_INVALID_PARAMETER, function, "%s is %p, which is no memory of the program", name, bytes);
  const SIZE_T known = sizeOf(bytes);
  if (known == 0) return SCARD_S_SUCCESS;
  report("sized", function, name);
  if (known >= count) return SCARD_S_SUCCESS;
  return refuse(ERROR_INVALID_PARAMETER, function, "%s has %llu bytes, fewer than the %llu that are told", name,
                (unsigned long long)known, (unsigned long long)count);
}

LONG readable(const char *function, const char *name, LPCVOID bytes, SIZE_T count) {
  return memoryOf(function, name, bytes, count, IsBadReadPtr(bytes, count));
}

LONG writable(const char *function, const char *name, LPVOID bytes, SIZE_T count) {
  return memoryOf(function, name, bytes, count, IsBadWritePtr(bytes, count));
}

// The characters up to a NUL, which must come before the memory ends.
static LONG terminated(const char *function, const char *name, LPCWSTR text, DWORD *characters) {
  const SIZE_T known = sizeOf(text);
  DWORD at = 0;
  for (;; at++) {
    if ((known != 0 && (at + 1) * sizeof(WCHAR) > known) || IsBadReadPtr(text + at, sizeof(WCHAR))) {
      return refuse(SCARD_E_INVALID_PARAMETER, function, "%s has no NUL at its end", name);
    }
    if (text[at] == 0) break;
  }
  *characters = at;
  return SCARD_S_SUCCESS;
}

LONG text(const char *function, const char *name, LPCWSTR text) {
  DWORD characters = 0;
  CHECK(readable(function, name, text, sizeof(WCHAR)));
  CHECK(terminated(function, name, text, &characters));
  return characters > 0 ? SCARD_S_SUCCESS : refuse(SCARD_E_INVALID_VALUE, function, "%s is empty", name);
}

LONG multiString(const char *function, const char *name, LPCWSTR text, DWORD *characters) {
  const SIZE_T known = sizeOf(text);
  DWORD count = 0;
  *characters = 0;
  CHECK(readable(function, name, text, 2 * sizeof(WCHAR)));
  do {
    if (known != 0 && (*characters + 1) * sizeof(WCHAR) > known) {
      return refuse(SCARD_E_INVALID_PARAMETER, function, "%s has no second NUL at its end", name);
    }
    // Behind the end of the block nothing is looked at: `terminated` looks at a part of one.
    LPCWSTR next = text + *characters;
    for (count = 0; next[count] != 0; count++) {
      if (known != 0 && (*characters + count + 2) * sizeof(WCHAR) > known) {
        return refuse(SCARD_E_INVALID_PARAMETER, function, "%s has no NUL at its end", name);
      }
    }
    *characters += count + 1;
  } while (count > 0);
  return SCARD_S_SUCCESS;
}

// A length that says how much room there is, in units of some bytes, and is told how much is used.
LONG lengthCell(const char *function, const char *name, LPVOID room, LPDWORD cell, DWORD unit) {
  CHECK(numberCell(function, name, cell));
  if (room == NULL) {
    if (*cell == SCARD_AUTOALLOCATE) return refuse(SCARD_E_INVALID_PARAMETER, function, "no place for the allocated memory");
    return SCARD_S_SUCCESS;
  }
  if (*cell == SCARD_AUTOALLOCATE) return handleCell(function, "the place for the allocated memory", room);
  return *cell == 0 ? SCARD_S_SUCCESS : writable(function, "the room for the value", room, (SIZE_T)*cell * unit);
}
