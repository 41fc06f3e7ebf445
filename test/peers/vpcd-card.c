// SPDX-License-Identifier: MIT

// A virtual card for any reader that speaks vpcd's protocol: pcscd's driver of the vsmartcard project, or ours. Both
// services get the very same card from it, and it is quick enough to leave what a measurement shows to the service.
//
// usage: vpcd-card PORT [out]
//
// The card is in the reader at the start, or with `out` when it is told. Commands on standard input, one a line:
//   in     connect to the reader (put the card in)
//   out    end the connection (pull the card)
// Each is answered by one line, `in NANOSECONDS` or `out NANOSECONDS`, with the monotonic clock's reading from
// just before. The end of the input ends the program.
//
// Commands of the card (class 80):
//   80 10 xx xx Lc data    answers with the data (an echo)
//   80 20 hi lo            answers with hi lo bytes: 00 01 02 ...
//   80 30 hi lo            answers after hi lo milliseconds
//   80 40 00 00            answers how many commands came before it since the last power-up or reset, as one byte
// All end with 90 00; anything else is answered 6D 00.

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_MESSAGE = 65535, CONTROL_POWER_OFF = 0, CONTROL_POWER_ON = 1, CONTROL_RESET = 2, CONTROL_ATR = 4 };

// T=0 and T=1, historical bytes "peers", and the check byte that T=1 asks for.
static const uint8_t atr[] = {0x3B, 0x85, 0x80, 0x01, 'p', 'e', 'e', 'r', 's', 0x75};

static uint8_t commands_since_reset;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// vpcd writes the length and the message apart. Without quick acknowledgement the second waits for the first's
// delayed one, 40 ms; and the kernel forgets the option, so that it is set again for each message.
static void acknowledge_at_once(int socket) {
  int one = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

// Returns 0 where the reader has closed the connection.
static int read_all(int socket, uint8_t *bytes, size_t length) {
  while (length > 0) {
    ssize_t count = read(socket, bytes, length);
    if (count <= 0) return 0;
    acknowledge_at_once(socket);
    bytes += count;
    length -= (size_t)count;
  }
  return 1;
}

// Length and message in one write; `message` has two bytes free in front of it.
static int send_message(int socket, uint8_t *message, size_t length) {
  message[-2] = (uint8_t)(length >> 8);
  message[-1] = (uint8_t)length;
  return write(socket, message - 2, length + 2) == (ssize_t)(length + 2);
}

static void sleep_ms(int milliseconds) {
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  nanosleep(&time, NULL);
}

// Puts the answer to a command in its place, and returns the answer's length.
static size_t answer_command(const uint8_t *command, size_t length, uint8_t *answer) {
  size_t answered = 0;
  int parameter = length >= 4 ? command[2] << 8 | command[3] : 0;
  uint8_t before = commands_since_reset++;
  uint8_t instruction = length >= 4 && command[0] == 0x80 ? command[1] : 0;
  if (instruction == 0x10 && length >= 5 && length >= 5u + command[4]) {
    answered = command[4];
    memcpy(answer, command + 5, answered);
  } else if (instruction == 0x20 && parameter <= MAX_MESSAGE - 2) {
    for (; answered < (size_t)parameter; answered++) answer[answered] = (uint8_t)answered;
  } else if (instruction == 0x30) {
    sleep_ms(parameter);
  } else if (instruction == 0x40) {
    answer[answered++] = before;
  } else {
    answer[0] = 0x6D;
    answer[1] = 0x00;
    return 2;
  }
  answer[answered] = 0x90;
  answer[answered + 1] = 0x00;
  return answered + 2;
}

// Serves one message. Returns 0 where the connection is over.
static int serve(int socket) {
  static uint8_t message[MAX_MESSAGE], answer_with_length[MAX_MESSAGE + 2];
  uint8_t *answer = answer_with_length + 2, length_bytes[2];
  if (!read_all(socket, length_bytes, 2)) return 0;
  size_t length = (size_t)(length_bytes[0] << 8 | length_bytes[1]);
  if (!read_all(socket, message, length)) return 0;
  if (length != 1) return send_message(socket, answer, answer_command(message, length, answer));
  if (message[0] == CONTROL_ATR) {
    memcpy(answer, atr, sizeof atr);
    return send_message(socket, answer, sizeof atr);
  }
  commands_since_reset = 0;
  return 1;
}

// Connects, and tries for ten seconds: the reader may be on its way up.
static int insert(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int attempt = 0; attempt < 500; attempt++) {
    int one = 1, connection = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0) {
      acknowledge_at_once(connection);
      commands_since_reset = 0;
      return connection;
    }
    close(connection);
    sleep_ms(20);
  }
  fprintf(stderr, "vpcd-card: no reader on port %d\n", port);
  exit(1);
}

int main(int count, char **arguments) {
  if (count < 2) {
    fprintf(stderr, "usage: vpcd-card PORT [out]\n");
    return 2;
  }
  int port = atoi(arguments[1]), connection = -1;
  char line[16];
  size_t filled = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (count < 3) {
    long long at = now();
    connection = insert(port);
    printf("in %lld\n", at);
  }
  for (;;) {
    // A negative descriptor is left out by poll: no card in the reader, nothing to wait for.
    struct pollfd waits[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = connection, .events = POLLIN}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) return 1;
    if (waits[1].revents != 0 && !serve(connection)) {
      close(connection);
      connection = -1;
    }
    if (waits[0].revents == 0) continue;
    if (read(STDIN_FILENO, line + filled, 1) != 1) return 0;
    if (line[filled] != '\n') {
      if (filled < sizeof line - 1) filled++;
      continue;
    }
    line[filled] = 0;
    filled = 0;
    long long at = now();
    if (connection >= 0) close(connection);
    connection = strcmp(line, "in") == 0 ? insert(port) : -1;
    printf("%s %lld\n", connection >= 0 ? "in" : "out", at);
  }
}
