# SPDX-License-Identifier: MIT

"""The client of pyscard in bench/clients.ts; node/main.ts says what it is told and what it prints.

usage: exchange.py READER [first]
"""

import json
import os
import sys
import threading
import time

from smartcard.CardConnection import CardConnection
from smartcard.scard import (
    INFINITE,
    SCARD_SCOPE_USER,
    SCARD_STATE_UNAWARE,
    SCardEstablishContext,
    SCardGetStatusChange,
)
from smartcard.System import readers

ECHO = [0x80, 0x10, 0, 0, 16] + 16 * [0]


def exchange(connection):
    data, _, _ = connection.transmit(ECHO)
    if len(data) != 16:
        raise ValueError(f"the card answered {len(data)} bytes")


def exchange_many(connection, count):
    times = []
    for _ in range(count):
        before = time.perf_counter_ns()
        exchange(connection)
        times.append(round((time.perf_counter_ns() - before) / 1000, 1))
    return times


def wait_for_ever(reader, begun):
    _, context = SCardEstablishContext(SCARD_SCOPE_USER)
    _, states = SCardGetStatusChange(context, 0, [(reader, SCARD_STATE_UNAWARE)])
    begun.release()
    SCardGetStatusChange(context, INFINITE, [(name, state) for name, state, _ in states])


def wait_many(reader, count):
    begun = threading.Semaphore(0)
    for _ in range(count):
        threading.Thread(target=wait_for_ever, args=(reader, begun), daemon=True).start()
    for _ in range(count):
        begun.acquire()
    return True


def main():
    name = sys.argv[1]
    connection = next(reader for reader in readers() if str(reader) == name).createConnection()
    connection.connect(CardConnection.T1_protocol)
    exchange(connection)
    if len(sys.argv) > 2:
        print(time.monotonic_ns(), flush=True)
        os._exit(0)
    print("ready", flush=True)
    for line in sys.stdin:
        verb, count = line.split()
        answer = exchange_many(connection, int(count)) if verb == "transmit" else wait_many(name, int(count))
        print(json.dumps(answer), flush=True)
    # The end of the process is the end of its waits.
    os._exit(0)


main()
