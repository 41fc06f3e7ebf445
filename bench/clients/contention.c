// SPDX-License-Identifier: MIT

// Many processes want the same card: each takes a transaction, keeps it for a time, ends it, pauses, and begins again.
//
// usage: contention READER PROCESSES HOLD_US PAUSE_US SECONDS
//
// Prints
//   handOver         from the holder's call of SCardEndTransaction to the return of SCardBeginTransaction in the
//                    process that has it next, where that one had asked before
//   freeShare        the share of the run in which the lock was free, by the same measure, while a client wanted it
//   idleShare        the same, but from the return of SCardEndTransaction: the lock is free before it, as long as the
//                    answer takes, and the program cannot know it
//   counts           transactions of each process
//   longestWait      the longest wait of any process for its turn, up to the end of the run

#include "client.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_PROCESSES = 64, MAX_TURNS = 20000 };

struct turn {
  double asked, got, ending, ended;
};

struct process {
  int count;
  struct turn turns[MAX_TURNS];
  // When it asked for a turn that it did not get before the end of the run; 0 where it was not waiting.
  double asks;
};

static struct process *processes;
static struct turn all[MAX_PROCESSES * MAX_TURNS];

static void take_turns(struct process *self, const char *reader, long hold_us, long pause_us, double start,
                       double end) {
  SCARDCONTEXT context = establish();
  await_card(context, reader);
  SCARDHANDLE card = connect_shared(context, reader);
  if (now_us() < start) sleep_us((long)(start - now_us()));
  while (now_us() < end && self->count < MAX_TURNS) {
    struct turn turn = {.asked = now_us()};
    self->asks = turn.asked;
    require(SCardBeginTransaction(card), "SCardBeginTransaction");
    turn.got = now_us();
    self->asks = 0;
    sleep_us(hold_us);
    turn.ending = now_us();
    require(SCardEndTransaction(card, SCARD_LEAVE_CARD), "SCardEndTransaction");
    turn.ended = now_us();
    self->turns[self->count++] = turn;
    if (pause_us > 0) sleep_us(pause_us);
  }
  // To release a context with an open connection resets the card, which those who still wait would be told.
  require(SCardDisconnect(card, SCARD_LEAVE_CARD), "SCardDisconnect");
  SCardReleaseContext(context);
}

static int by_grant(const void *one, const void *other) {
  return compare_doubles(&((const struct turn *)one)->got, &((const struct turn *)other)->got);
}

// How long before `until` a client has been waiting for the card, but not longer than since `since`.
static double wanted_before(int count, int next, double since, double until) {
  double earliest = until;
  // Who waited at `until` has it then, or gets it later.
  for (int at = next; at < count && at < next + MAX_PROCESSES; at++)
    if (all[at].asked < earliest) earliest = all[at].asked;
  if (earliest < since) earliest = since;
  return until - earliest;
}

static void print_results(int process_count, double start, double end) {
  static double hand_overs[MAX_PROCESSES * MAX_TURNS];
  int count = 0, handed = 0;
  double free_us = 0, idle_us = 0, longest = 0;
  for (int process = 0; process < process_count; process++) {
    memcpy(all + count, processes[process].turns, (size_t)processes[process].count * sizeof *all);
    count += processes[process].count;
  }
  qsort(all, (size_t)count, sizeof *all, by_grant);
  for (int at = 0; at < count; at++) {
    if (all[at].got - all[at].asked > longest) longest = all[at].got - all[at].asked;
    if (at == 0) continue;
    double released = all[at - 1].ending;
    if (all[at].asked < released) hand_overs[handed++] = all[at].got - released;
    free_us += wanted_before(count, at, released, all[at].got);
    if (all[at].got > all[at - 1].ended) idle_us += wanted_before(count, at, all[at - 1].ended, all[at].got);
  }
  for (int process = 0; process < process_count; process++) {
    double asks = processes[process].asks;
    if (asks > 0 && asks < end && end - asks > longest) longest = end - asks;
  }
  printf("{");
  print_percentiles("handOver", hand_overs, (size_t)handed);
  printf(",\"freeShare\":%.4f,\"idleShare\":%.4f", free_us / (end - start), idle_us / (end - start));
  printf(",\"longestWait\":%.0f,\"counts\":[", longest);
  for (int process = 0; process < process_count; process++)
    printf("%s%d", process > 0 ? "," : "", processes[process].count);
  printf("]}\n");
}

int main(int arguments, char **values) {
  if (arguments != 6) return 2;
  int process_count = atoi(values[2]), failed = 0;
  long hold_us = atol(values[3]), pause_us = atol(values[4]);
  pid_t children[MAX_PROCESSES];
  if (process_count > MAX_PROCESSES) return 2;
  size_t size = (size_t)process_count * sizeof *processes;
  processes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  // All begin together, when each has had the time to connect.
  double start = now_us() + 5e5, end = start + atof(values[5]) * 1e6;
  for (int process = 0; process < process_count; process++) {
    children[process] = fork();
    if (children[process] != 0) continue;
    take_turns(&processes[process], values[1], hold_us, pause_us, start, end);
    _exit(0);
  }
  for (int process = 0; process < process_count; process++) {
    int status = 0;
    waitpid(children[process], &status, 0);
    if (status != 0) failed = 1;
  }
  if (failed) return 1;
  print_results(process_count, start, end);
  return 0;
}
