// SPDX-License-Identifier: MIT

// What the files of this winscard.dll share. Types, layouts and numbers are those of mingw's own winscard.h.

#ifndef DLL_H
#define DLL_H

#define WINSCARDAPI __declspec(dllexport)
#define WINSCARDDATA __declspec(dllexport)
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <windows.h>
#include <winscard.h>

// Functions that mingw's header has without WINSCARDAPI, or has not at all.
#define EXPORTED __declspec(dllexport) LONG WINAPI

// Returns the code of a check that has failed.
#define CHECK(check)                    \
  do {                                  \
    const LONG code = (check);          \
    if (code != SCARD_S_SUCCESS) return code; \
  } while (0)

// transport.c: a function as it goes to the server of the test, and what comes back.
typedef struct {
  const char *function;
  BYTE *sent;
  DWORD used, room;
  BYTE *answer;
  DWORD length, at;
} Call;

Call begin(const char *function);
void putNumber(Call *call, DWORD value);
void putBytes(Call *call, const void *bytes, DWORD count);
// Sends it and waits for the answer; returns what the function returns.
LONG ask(Call *call);
DWORD takeNumber(Call *call);
const BYTE *takeBytes(Call *call, DWORD *count);
LONG end(Call *call, LONG code);
void closeThread(void);

// checks.c: what Windows would refuse goes into the log of the test, and is refused.
void remember(void);
LONG refuse(LONG code, const char *function, const char *format, ...);
void mayBlock(const char *function);
LONG contextNumber(const char *function, SCARDCONTEXT context, DWORD *number);
LONG anyContextNumber(const char *function, SCARDCONTEXT context, DWORD *number);
LONG cardNumber(const char *function, SCARDHANDLE card, DWORD *number);
LONG handleCell(const char *function, const char *name, ULONG_PTR *cell);
LONG numberCell(const char *function, const char *name, LPDWORD cell);
LONG readable(const char *function, const char *name, LPCVOID bytes, SIZE_T count);
LONG writable(const char *function, const char *name, LPVOID bytes, SIZE_T count);
LONG text(const char *function, const char *name, LPCWSTR text);
LONG multiString(const char *function, const char *name, LPCWSTR text, DWORD *characters);
LONG lengthCell(const char *function, const char *name, LPVOID room, LPDWORD cell, DWORD unit);
SCARDCONTEXT asContext(DWORD number);
SCARDHANDLE asCard(DWORD number);
void putText(Call *call, LPCWSTR text);

// memory.c: SCARD_AUTOALLOCATE.
void *allocate(SCARDCONTEXT context, DWORD bytes);
LONG give(const char *function, SCARDCONTEXT context, const void *value, DWORD count, DWORD unit, LPVOID room,
          LPDWORD cell);
LONG giveTaken(Call *call, SCARDCONTEXT context, DWORD unit, LPVOID room, LPDWORD cell);
void forgetMemory(const char *function, SCARDCONTEXT context);

// states.c: SCARD_READERSTATE.
LONG putStates(Call *call, SCARD_READERSTATEW *states, DWORD count);
void takeStates(Call *call, SCARD_READERSTATEW *states, DWORD count);

#endif
