// SPDX-License-Identifier: MIT

// A library with the functions of macOS' PCSC.framework, as its headers declare them (pcsclite.h, wintypes.h and winscard.h
// of Apple's SmartCardServices): int32_t and uint32_t for every number and handle, structures without padding, and
// SCardControl132 where programs say SCardControl. Two readers, a card in the first. What a caller passes wrongly is
// SCARD_E_INVALID_PARAMETER.

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#pragma pack(1)
typedef struct {
  const char *szReader;
  void *pvUserData;
  uint32_t dwCurrentState;
  uint32_t dwEventState;
  uint32_t cbAtr;
  unsigned char rgbAtr[33];
} READERSTATE;
typedef struct {
  uint32_t dwProtocol;
  uint32_t cbPciLength;
} IO_REQUEST;
#pragma pack()

enum {
  CONTEXT = 0x7fff0001,
  CARD = 0x7fff0101,
  CANCELLED = (int)0x80100002,
  INVALID_HANDLE = (int)0x80100003,
  INVALID_PARAMETER = (int)0x80100004,
  UNKNOWN_READER = (int)0x80100009,
  TIMEOUT = (int)0x8010000A,
  NO_SMARTCARD = (int)0x8010000C,
  INSUFFICIENT_BUFFER = (int)0x80100008,
};

static const char *const readers[] = {"Lector \xC3\x91 0", "Lector 1"};
static const char names[] = "Lector \xC3\x91 0\0Lector 1\0";
static const unsigned char atr[] = {0x3B, 0x81, 0x80, 0x01, 0x80, 0x80};
static volatile int cancelled;
static int contexts;

static int reader_of(const char *name) {
  for (int index = 0; index < 2; index++)
    if (name != NULL && strcmp(name, readers[index]) == 0) return index;
  return -1;
}

static int32_t give(const void *value, uint32_t size, void *to, uint32_t *room) {
  uint32_t had = *room;
  *room = size;
  if (to == NULL) return 0;
  if (had < size) return INSUFFICIENT_BUFFER;
  memcpy(to, value, size);
  return 0;
}

int32_t SCardEstablishContext(uint32_t scope, const void *one, const void *two, int32_t *context) {
  if (scope > 2 || one != NULL || two != NULL) return INVALID_PARAMETER;
  // A caller that takes eight bytes for it has what was there in the other four.
  *context = CONTEXT + contexts++ % 16;
  return 0;
}

static int is_context(int32_t context) { return (context & ~15) == (CONTEXT & ~15) || context == CONTEXT + 15; }

int32_t SCardReleaseContext(int32_t context) { return is_context(context) ? 0 : INVALID_HANDLE; }

int32_t SCardListReaders(int32_t context, const char *groups, char *to, uint32_t *room) {
  (void)groups;
  return is_context(context) ? give(names, sizeof names, to, room) : INVALID_HANDLE;
}

int32_t SCardListReaderGroups(int32_t context, char *to, uint32_t *room) {
  static const char group[] = "SCard$DefaultReaders\0";
  return is_context(context) ? give(group, sizeof group, to, room) : INVALID_HANDLE;
}

int32_t SCardGetStatusChange(int32_t context, uint32_t timeout, READERSTATE *states, uint32_t count) {
  if (!is_context(context)) return INVALID_HANDLE;
  if (count == 0 || count > 16) return INVALID_PARAMETER;
  uint64_t waited = 0;
  for (;;) {
    int changed = 0;
    for (uint32_t index = 0; index < count; index++) {
      READERSTATE *state = &states[index];
      int reader = reader_of(state->szReader);
      if (reader < 0) return UNKNOWN_READER;
      uint32_t now = reader == 0 ? 0x00010020 : 0x10;
      state->cbAtr = reader == 0 ? sizeof atr : 0;
      if (reader == 0) memcpy(state->rgbAtr, atr, sizeof atr);
      state->dwEventState = now;
      if ((state->dwCurrentState & 0xFFFF) != (now & 0xFFFF)) {
        state->dwEventState |= 2;
        changed = 1;
      }
    }
    if (changed) return 0;
    if (cancelled) {
      cancelled = 0;
      return CANCELLED;
    }
    if (timeout != 0xFFFFFFFF && waited >= timeout) return TIMEOUT;
    usleep(1000);
    waited++;
  }
}

int32_t SCardCancel(int32_t context) {
  if (!is_context(context)) return INVALID_HANDLE;
  cancelled = 1;
  return 0;
}

int32_t SCardConnect(int32_t context, const char *name, uint32_t mode, uint32_t protocols, int32_t *card, uint32_t *protocol) {
  if (!is_context(context)) return INVALID_HANDLE;
  int reader = reader_of(name);
  if (reader < 0) return UNKNOWN_READER;
  if (mode < 1 || mode > 3 || protocols > 15) return INVALID_PARAMETER;
  if (reader == 1 && mode != 3) return NO_SMARTCARD;
  *card = CARD;
  *protocol = mode == 3 ? 0 : 2;
  return 0;
}

int32_t SCardReconnect(int32_t card, uint32_t mode, uint32_t protocols, uint32_t how, uint32_t *protocol) {
  if (card != CARD) return INVALID_HANDLE;
  if (mode < 1 || mode > 3 || protocols > 15 || how > 2) return INVALID_PARAMETER;
  *protocol = 2;
  return 0;
}

int32_t SCardDisconnect(int32_t card, uint32_t how) { return card == CARD && how <= 3 ? 0 : INVALID_HANDLE; }
int32_t SCardBeginTransaction(int32_t card) { return card == CARD ? 0 : INVALID_HANDLE; }
int32_t SCardEndTransaction(int32_t card, uint32_t how) { return card == CARD && how <= 3 ? 0 : INVALID_HANDLE; }

int32_t SCardStatus(int32_t card, char *name, uint32_t *length, uint32_t *state, uint32_t *protocol, unsigned char *to, uint32_t *room) {
  if (card != CARD) return INVALID_HANDLE;
  // One string, and the NUL that ends a list.
  char list[32] = {0};
  strcpy(list, readers[0]);
  int32_t answer = give(list, (uint32_t)strlen(list) + 2, name, length);
  if (state != NULL) *state = 0x54;
  if (protocol != NULL) *protocol = 2;
  return answer != 0 ? answer : give(atr, sizeof atr, to, room);
}

int32_t SCardTransmit(int32_t card, const IO_REQUEST *sent, const unsigned char *command, uint32_t length, IO_REQUEST *received,
                      unsigned char *answer, uint32_t *room) {
  (void)received;
  if (card != CARD) return INVALID_HANDLE;
  if (sent == NULL || sent->dwProtocol != 2 || sent->cbPciLength != sizeof *sent) return INVALID_PARAMETER;
  if (length < 4 || *room < length + 2) return INVALID_PARAMETER;
  memcpy(answer, command, length);
  memcpy(answer + length, "\x90\x00", 2);
  *room = length + 2;
  return 0;
}

// The function of before pcsc-lite 1.3.2, which has other arguments.
int32_t SCardControl(int32_t card, const void *input, uint32_t length, void *output, uint32_t *room) {
  (void)card, (void)input, (void)length, (void)output, (void)room;
  return INVALID_PARAMETER;
}

int32_t SCardControl132(int32_t card, uint32_t code, const void *input, uint32_t length, void *output, uint32_t room, uint32_t *returned) {
  (void)input;
  if (card != CARD) return INVALID_HANDLE;
  uint32_t answer[2] = {code, length};
  if (room < sizeof answer) return INSUFFICIENT_BUFFER;
  memcpy(output, answer, sizeof answer);
  *returned = sizeof answer;
  return 0;
}

int32_t SCardGetAttrib(int32_t card, uint32_t attribute, uint8_t *to, uint32_t *room) {
  if (card != CARD) return INVALID_HANDLE;
  return attribute == 0x90303 ? give(atr, sizeof atr, to, room) : INVALID_PARAMETER;
}

int32_t SCardSetAttrib(int32_t card, uint32_t attribute, const uint8_t *value, uint32_t length) {
  if (card != CARD) return INVALID_HANDLE;
  return attribute == 0x7FFFA101 && length == 2 && value[1] == 2 ? 0 : INVALID_PARAMETER;
}
