// SPDX-License-Identifier: MIT

// The way to the server of the test: one connection for each thread of the program, so that calls of several threads
// wait beside each other. A message is its length and its parts, each with its own length in front, all in 32 bits with
// the least significant byte first; an answer begins with the code that the function returns.

#include "dll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static DWORD slot = TLS_OUT_OF_INDEXES;

static void makeSlot(void) {
  WSADATA data;
  static volatile LONG state;
  if (InterlockedCompareExchange(&state, 1, 0) == 0) {
    WSAStartup(MAKEWORD(2, 2), &data);
    slot = TlsAlloc();
    InterlockedExchange(&state, 2);
  }
  while (state != 2) Sleep(0);
}

static SOCKET dial(void) {
  char port[16] = "";
  struct sockaddr_in address = {0};
  const BOOL now = TRUE;
  const SOCKET opened = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
  GetEnvironmentVariableA("SCARD_TEST_WINSCARD", port, sizeof port);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((u_short)atoi(port));
  setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, (const char *)&now, sizeof now);
  if (connect(opened, (struct sockaddr *)&address, sizeof address) == 0) return opened;
  closesocket(opened);
  return INVALID_SOCKET;
}

// The connection of this thread. 0 in its slot is none: the slot holds the number plus one.
static SOCKET ofThread(void) {
  makeSlot();
  const ULONG_PTR held = (ULONG_PTR)TlsGetValue(slot);
  if (held != 0) return (SOCKET)(held - 1);
  const SOCKET opened = dial();
  if (opened != INVALID_SOCKET) TlsSetValue(slot, (LPVOID)((ULONG_PTR)opened + 1));
  return opened;
}

void closeThread(void) {
  if (slot == TLS_OUT_OF_INDEXES) return;
  const ULONG_PTR held = (ULONG_PTR)TlsGetValue(slot);
  if (held == 0) return;
  TlsSetValue(slot, NULL);
  closesocket((SOCKET)(held - 1));
}

static void append(Call *call, const void *bytes, DWORD count) {
  if (call->used + count > call->room) {
    call->room = 2 * (call->used + count);
    call->sent = realloc(call->sent, call->room);
    if (call->sent == NULL) abort();
  }
  if (count > 0) memcpy(call->sent + call->used, bytes, count);
  call->used += count;
}

Call begin(const char *function) {
  Call call = {.function = function};
  const DWORD process = GetCurrentProcessId();
  const DWORD nothing = 0;
  append(&call, &nothing, sizeof nothing);
  putBytes(&call, function, (DWORD)strlen(function));
  putNumber(&call, process);
  return call;
}

void putNumber(Call *call, DWORD value) {
  append(call, &value, sizeof value);
}

void putBytes(Call *call, const void *bytes, DWORD count) {
  append(call, &count, sizeof count);
  append(call, bytes, count);
}

void putText(Call *call, LPCWSTR text) {
  putBytes(call, text, (DWORD)(wcslen(text) * sizeof(WCHAR)));
}

static BOOL sendAll(SOCKET socket, const BYTE *bytes, DWORD count) {
  while (count > 0) {
    const int sent = send(socket, (const char *)bytes, (int)count, 0);
    if (sent <= 0) return FALSE;
    bytes += sent;
    count -= (DWORD)sent;
  }
  return TRUE;
}

static BOOL receiveAll(SOCKET socket, BYTE *bytes, DWORD count) {
  while (count > 0) {
    const int received = recv(socket, (char *)bytes, (int)count, 0);
    if (received <= 0) return FALSE;
    bytes += received;
    count -= (DWORD)received;
  }
  return TRUE;
}

LONG ask(Call *call) {
  const SOCKET socket = ofThread();
  const DWORD length = call->used - sizeof length;
  if (socket == INVALID_SOCKET) return SCARD_E_NO_SERVICE;
  memcpy(call->sent, &length, sizeof length);
  if (sendAll(socket, call->sent, call->used) && receiveAll(socket, (BYTE *)&call->length, sizeof call->length)) {
    call->answer = malloc(call->length + 1);
    if (call->answer == NULL) abort();
    if (receiveAll(socket, call->answer, call->length)) return (LONG)takeNumber(call);
  }
  closeThread();
  return SCARD_E_SERVICE_STOPPED;
}

DWORD takeNumber(Call *call) {
  DWORD value = 0;
  if (call->at + sizeof value > call->length) {
    fprintf(stderr, "winscard.dll: the answer to %s is too short\n", call->function);
    abort();
  }
  memcpy(&value, call->answer + call->at, sizeof value);
  call->at += sizeof value;
  return value;
}

const BYTE *takeBytes(Call *call, DWORD *count) {
  *count = takeNumber(call);
  const BYTE *bytes = call->answer + call->at;
  call->at += *count;
  return bytes;
}

LONG end(Call *call, LONG code) {
  free(call->sent);
  if (call->answer != NULL) SecureZeroMemory(call->answer, call->length);
  free(call->answer);
  return code;
}
