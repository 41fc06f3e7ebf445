// SPDX-License-Identifier: MIT

// Values that are given to the caller, and the memory that SCARD_AUTOALLOCATE makes for them.

#include "dll.h"

#include <stdlib.h>
#include <string.h>

typedef struct Block {
  struct Block *next;
  SCARDCONTEXT context;
  DWORD bytes;
} Block;

static SRWLOCK lock = SRWLOCK_INIT;
static Block *blocks;

void *allocate(SCARDCONTEXT context, DWORD bytes) {
  Block *block = malloc(sizeof *block + bytes);
  if (block == NULL) abort();
  block->context = context;
  block->bytes = bytes;
  AcquireSRWLockExclusive(&lock);
  block->next = blocks;
  blocks = block;
  ReleaseSRWLockExclusive(&lock);
  return block + 1;
}

LONG WINAPI SCardFreeMemory(SCARDCONTEXT context, LPCVOID memory) {
  Block *found = NULL;
  DWORD number = 0;
  CHECK(anyContextNumber("SCardFreeMemory", context, &number));
  AcquireSRWLockExclusive(&lock);
  for (Block **link = &blocks; *link != NULL; link = &(*link)->next) {
    if ((LPCVOID)(*link + 1) == memory && (*link)->context == context) {
      found = *link;
      *link = found->next;
      break;
    }
  }
  ReleaseSRWLockExclusive(&lock);
  if (found == NULL) return refuse(SCARD_E_INVALID_PARAMETER, "SCardFreeMemory", "%p was not allocated for this context", memory);
  // What is read of it now is wrong.
  memset(found + 1, 0xDD, found->bytes);
  free(found);
  return SCARD_S_SUCCESS;
}

// A context ends: what was allocated for it must be free by then. Windows does not refuse it, and loses the memory.
void forgetMemory(const char *function, SCARDCONTEXT context) {
  DWORD count = 0;
  AcquireSRWLockExclusive(&lock);
  for (Block *block = blocks; block != NULL; block = block->next) count += block->context == context;
  ReleaseSRWLockExclusive(&lock);
  if (count > 0) refuse(SCARD_S_SUCCESS, function, "%lu blocks of allocated memory were never freed", count);
}

// Gives a value of so many units, as all functions of Windows do that have a place and a length for one.
LONG give(const char *function, SCARDCONTEXT context, const void *value, DWORD count, DWORD unit, LPVOID room,
          LPDWORD cell) {
  const DWORD had = *cell;
  CHECK(lengthCell(function, "the length of the value", room, cell, unit));
  *cell = count;
  if (room == NULL) return SCARD_S_SUCCESS;
  if (had == SCARD_AUTOALLOCATE) {
    void *memory = allocate(context, count * unit);
    memcpy(memory, value, count * unit);
    *(void **)room = memory;
    return SCARD_S_SUCCESS;
  }
  if (had < count) return SCARD_E_INSUFFICIENT_BUFFER;
  memcpy(room, value, count * unit);
  return SCARD_S_SUCCESS;
}

// The same for the next part of an answer.
LONG giveTaken(Call *call, SCARDCONTEXT context, DWORD unit, LPVOID room, LPDWORD cell) {
  DWORD bytes = 0;
  const BYTE *value = takeBytes(call, &bytes);
  return give(call->function, context, value, bytes / unit, unit, room, cell);
}
