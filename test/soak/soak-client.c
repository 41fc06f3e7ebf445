// SPDX-License-Identifier: MIT

// A client of the soak on libpcsclite. What the three kinds of clients do is in docs/reliability/soak.md.
//
// usage: soak-client NUMBER SEED READER...
//
// Prints a line for each call: its name, its result in hexadecimal, and how long it took, in milliseconds; and a line
// that begins with `!` for what must not be. The end of the input ends it, when its turn is over.

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <winscard.h>

enum { TOKEN_BYTES = 16, MAX_READERS = 8, MAX_ANSWER = 258 };

static uint32_t number, transaction, sequence, dice;
static char **readers;
static int reader_count;
static SCARDCONTEXT context;
static SCARDHANDLE card;
static DWORD protocol;

// xorshift32: the draws follow from the seed.
static uint32_t below(uint32_t limit) {
  dice ^= dice << 13;
  dice ^= dice >> 17;
  dice ^= dice << 5;
  return dice % limit;
}

static int chance(uint32_t percent) { return below(100) < percent; }

static void pause_ms(uint32_t least, uint32_t most) {
  uint32_t milliseconds = least + below(most - least + 1);
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  nanosleep(&time, NULL);
}

static long long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static int input_has_ended(void) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  return poll(&input, 1, 0) > 0;
}

static LONG told(const char *name, long long began, LONG rv) {
  printf("%s %08lX %lld\n", name, (unsigned long)rv & 0xFFFFFFFF, now_ms() - began);
  return rv;
}

static void violation(const char *what) {
  printf("! %s\n", what);
  exit(1);
}

static LONG establish(void) {
  long long began = now_ms();
  return told("establish", began, SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context));
}

static LONG connect_card(const char *reader, DWORD mode) {
  long long began = now_ms();
  return told("connect", began, SCardConnect(context, reader, mode, SCARD_PROTOCOL_ANY, &card, &protocol));
}

static LONG reconnect(DWORD mode) {
  long long began = now_ms();
  uint32_t draw = below(100);
  DWORD init = draw < 80 ? SCARD_LEAVE_CARD : draw < 95 ? SCARD_RESET_CARD : SCARD_UNPOWER_CARD;
  return told("reconnect", began, SCardReconnect(card, mode, SCARD_PROTOCOL_ANY, init, &protocol));
}

static LONG status(void) {
  char name[MAX_READERNAME];
  BYTE atr[MAX_ATR_SIZE];
  DWORD name_length = sizeof name, atr_length = sizeof atr, state, active;
  long long began = now_ms();
  return told("status", began, SCardStatus(card, name, &name_length, &state, &active, atr, &atr_length));
}

static LONG wait_for_change(void) {
  SCARD_READERSTATE states[MAX_READERS];
  memset(states, 0, sizeof states);
  for (int i = 0; i < reader_count; i++) states[i].szReader = readers[i];
  long long began = now_ms();
  LONG rv = told("look", began, SCardGetStatusChange(context, 0, states, (DWORD)reader_count));
  if (rv != SCARD_S_SUCCESS) return rv;
  for (int i = 0; i < reader_count; i++) states[i].dwCurrentState = states[i].dwEventState & ~SCARD_STATE_CHANGED;
  began = now_ms();
  return told("wait", began, SCardGetStatusChange(context, 100 + below(500), states, (DWORD)reader_count));
}

// Sends a command, and compares the answer with what it must be.
static LONG exchange(const BYTE *command, DWORD length, const BYTE *expected, DWORD expected_length) {
  BYTE answer[MAX_ANSWER];
  DWORD answered = sizeof answer;
  const SCARD_IO_REQUEST *pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
  long long began = now_ms();
  LONG rv = told("transmit", began, SCardTransmit(card, pci, command, length, NULL, answer, &answered));
  if (rv != SCARD_S_SUCCESS) return rv;
  if (answered == expected_length + 2 && memcmp(answer, expected, expected_length) == 0 &&
      answer[expected_length] == 0x90 && answer[expected_length + 1] == 0)
    return rv;
  printf("! the answer to ");
  for (DWORD i = 0; i < length; i++) printf("%02X", command[i]);
  printf(" was ");
  for (DWORD i = 0; i < answered; i++) printf("%02X", answer[i]);
  violation("");
  return rv;
}

static void put32(BYTE *place, uint32_t value) {
  for (int i = 0; i < 4; i++) place[i] = (BYTE)(value >> (24 - 8 * i));
}

// Something to which no other command has the answer. `in` is the transaction, or 0.
static LONG challenge(int reader, uint32_t in) {
  BYTE expected[TOKEN_BYTES + 1];
  if (strncmp(readers[reader], "Virtual PCD", 11) != 0) {
    uint32_t offset = below(240), length = 1 + below(16);
    BYTE command[5] = {0x00, 0xB0, 0x81, (BYTE)offset, (BYTE)length};
    for (uint32_t i = 0; i < length; i++) expected[i] = (BYTE)((offset + i) * 73 + 19);
    return exchange(command, sizeof command, expected, length);
  }
  BYTE command[5 + TOKEN_BYTES] = {0x80, 0x10, 0, 0, TOKEN_BYTES, (BYTE)(number >> 8), (BYTE)number};
  put32(command + 7, in);
  put32(command + 11, ++sequence);
  for (int i = 15; i < 21; i++) command[i] = (BYTE)below(256);
  expected[0] = (BYTE)reader;
  for (int i = 0; i < TOKEN_BYTES; i++) expected[1 + i] = command[5 + i] ^ 0x5A;
  return exchange(command, sizeof command, expected, sizeof expected);
}

// What is in a transaction: a token is written, and must be there for as long as it lasts.
static LONG use_turn(int reader) {
  BYTE write[5 + TOKEN_BYTES] = {0x00, 0xD6, 0x82, 0x00, TOKEN_BYTES, (BYTE)(number >> 8), (BYTE)number};
  static const BYTE read[5] = {0x00, 0xB0, 0x82, 0x00, TOKEN_BYTES};
  BYTE challenges = (BYTE)(1 + below(4));
  put32(write + 7, ++transaction);
  write[11] = challenges;
  for (int i = 12; i < 21; i++) write[i] = (BYTE)below(256);
  LONG rv = exchange(write, sizeof write, NULL, 0);
  for (int i = 0; rv == SCARD_S_SUCCESS && i < challenges; i++) {
    rv = exchange(read, sizeof read, write + 5, TOKEN_BYTES);
    pause_ms(0, 8);
    if (rv == SCARD_S_SUCCESS) rv = challenge(reader, transaction);
  }
  if (rv == SCARD_W_RESET_CARD) violation("the card was reset in a transaction of mine");
  return rv;
}

static LONG take_turn(int reader) {
  long long began = now_ms();
  LONG rv = told("begin", began, SCardBeginTransaction(card));
  if (rv != SCARD_S_SUCCESS) return rv;
  rv = use_turn(reader);
  uint32_t draw = below(100);
  DWORD disposition = draw < 90 ? SCARD_LEAVE_CARD : draw < 96 ? SCARD_RESET_CARD : SCARD_UNPOWER_CARD;
  began = now_ms();
  LONG ended = told("end", began, SCardEndTransaction(card, disposition));
  return rv == SCARD_S_SUCCESS ? ended : rv;
}

static int is_lost(LONG rv) {
  return rv == SCARD_E_NO_SERVICE || rv == SCARD_F_COMM_ERROR || rv == SCARD_E_SERVICE_STOPPED ||
         rv == SCARD_E_INVALID_HANDLE || rv == SCARD_E_SYSTEM_CANCELLED || rv == SCARD_E_CANCELLED ||
         rv == SCARD_W_SECURITY_VIOLATION;
}

// A connection from its begin to its end. Returns the last result.
static LONG use_card(void) {
  int reader = (int)below((uint32_t)reader_count);
  DWORD mode = chance(15) ? SCARD_SHARE_EXCLUSIVE : SCARD_SHARE_SHARED;
  LONG rv = connect_card(readers[reader], mode);
  if (rv != SCARD_S_SUCCESS) return rv;
  for (uint32_t rounds = 1 + below(5); rounds > 0 && rv == SCARD_S_SUCCESS && !input_has_ended(); rounds--) {
    uint32_t draw = below(100);
    rv = draw < 15 ? status() : draw < 50 ? challenge(reader, 0) : take_turn(reader);
    if (rv == SCARD_W_RESET_CARD) rv = reconnect(mode);
    pause_ms(10, 110);
  }
  if (is_lost(rv)) return rv;
  uint32_t draw = below(100);
  DWORD disposition = draw < 79   ? SCARD_LEAVE_CARD
                      : draw < 89 ? SCARD_RESET_CARD
                      : draw < 99 ? SCARD_UNPOWER_CARD
                                  : SCARD_EJECT_CARD;
  long long began = now_ms();
  return told("disconnect", began, SCardDisconnect(card, disposition));
}

int main(int count, char **arguments) {
  if (count < 4 || count - 3 > MAX_READERS) return 2;
  number = (uint32_t)strtoul(arguments[1], NULL, 10);
  dice = (uint32_t)strtoul(arguments[2], NULL, 10) | 1;
  readers = arguments + 3;
  reader_count = count - 3;
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (!input_has_ended()) {
    LONG rv = establish();
    for (uint32_t uses = 1 + below(8); uses > 0 && !is_lost(rv) && !input_has_ended(); uses--) {
      if (chance(25)) rv = wait_for_change();
      if (!is_lost(rv)) rv = use_card();
      pause_ms(10, 110);
    }
    if (is_lost(rv)) {
      SCardReleaseContext(context);
      pause_ms(50, 150);
    } else {
      long long began = now_ms();
      told("release", began, SCardReleaseContext(context));
    }
  }
  return 0;
}
