// SPDX-License-Identifier: MIT

// What the winscard18 program prints: one line per call, with a label of its own, the function, the result in
// hexadecimal and what came out, but nothing that differs from run to run (handles, names of readers). Readers are R0
// and R1, in the order in which the service lists them.

#ifndef TRANSCRIPT_H
#define TRANSCRIPT_H

#include <winscard.h>

// A handle that no service gives out: real ones are random, and equal to this one with a probability of 2^-31.
#define BAD 0x7BADBAD

enum { READERS = 2, LONGEST = 70000 };

// The names of the readers: the first with the card, the second empty.
extern char readers[READERS][MAX_READERNAME];

// Prints a call whose result is all that came out.
#define plain(label, expression) result(label, #expression, expression)
void result(const char *label, const char *function, LONG rv);

// Prints a call and what came out.
void call(const char *label, const char *function, LONG rv, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Asks the parent process to do something to the card ("in", "out"), and waits until it is done.
void ask(const char *what);

// How many times as long as usual it waits before it says that a call waits: for a machine that is busy.
extern int patience;

long long milliseconds(void);
void pause_ms(int duration);

// A reader's state for the transcript: its events are counted from the first state that was seen of that reader, since
// services begin to count at different numbers. A state of 0 has no count.
DWORD relative(const char *reader, DWORD state);

// Bytes in hexadecimal, long ones as their length only; four results can be in use at once.
const char *hex(const BYTE *bytes, DWORD length);

// 0 or 1 for a reader's name, -1 for any other.
int reader_number(const char *name);

// What most scenes begin with. They print a line only where they fail.
SCARDCONTEXT new_context(void);
SCARDHANDLE connect_shared(SCARDCONTEXT context);

// Calls that are made in many scenes, printed with what came out. connect_to returns 0 where the call failed,
// wait_for the state of the reader without the mark of a change.
SCARDHANDLE connect_to(const char *label, SCARDCONTEXT context, const char *reader, DWORD mode, DWORD protocols);
DWORD wait_for(const char *label, SCARDCONTEXT context, const char *reader, DWORD current, DWORD timeout);
void status_of(const char *label, SCARDHANDLE card);
void send_command(const char *label, SCARDHANDLE card, const char *command, DWORD length);
#define SEND(label, card, command) send_command(label, card, command, sizeof command - 1)

// The scenes.
void connecting(void);
void exchanging(void);
void taking_turns(void);
void moving_the_card(void);

#endif
