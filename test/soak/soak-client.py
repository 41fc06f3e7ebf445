# SPDX-License-Identifier: MIT
"""A client of the soak on pyscard. What the three kinds of clients do is in docs/reliability/soak.md.

usage: soak-client.py NUMBER SEED READER...

Prints a line for each call: its name, its result in hexadecimal, and how long it took, in milliseconds; and a line that
begins with `!` for what must not be. The end of the input ends it, when its turn is over.
"""

import random
import select
import sys
import time

from smartcard.scard import (
    SCARD_E_CANCELLED,
    SCARD_E_INVALID_HANDLE,
    SCARD_E_NO_SERVICE,
    SCARD_E_SERVICE_STOPPED,
    SCARD_E_SYSTEM_CANCELLED,
    SCARD_EJECT_CARD,
    SCARD_F_COMM_ERROR,
    SCARD_LEAVE_CARD,
    SCARD_PCI_T0,
    SCARD_PCI_T1,
    SCARD_PROTOCOL_T0,
    SCARD_PROTOCOL_T1,
    SCARD_RESET_CARD,
    SCARD_S_SUCCESS,
    SCARD_SCOPE_SYSTEM,
    SCARD_SHARE_EXCLUSIVE,
    SCARD_SHARE_SHARED,
    SCARD_STATE_CHANGED,
    SCARD_STATE_UNAWARE,
    SCARD_UNPOWER_CARD,
    SCARD_W_RESET_CARD,
    SCARD_W_SECURITY_VIOLATION,
    SCardBeginTransaction,
    SCardConnect,
    SCardDisconnect,
    SCardEndTransaction,
    SCardEstablishContext,
    SCardGetStatusChange,
    SCardReconnect,
    SCardReleaseContext,
    SCardStatus,
    SCardTransmit,
)

TOKEN_BYTES = 16
EITHER = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1
LOST = {
    code & 0xFFFFFFFF
    for code in (
        SCARD_E_NO_SERVICE,
        SCARD_F_COMM_ERROR,
        SCARD_E_SERVICE_STOPPED,
        SCARD_E_INVALID_HANDLE,
        SCARD_E_SYSTEM_CANCELLED,
        SCARD_E_CANCELLED,
        SCARD_W_SECURITY_VIOLATION,
    )
}

number = int(sys.argv[1])
dice = random.Random(int(sys.argv[2]))
readers = sys.argv[3:]
context = None
card = None
protocol = None
transactions = 0
sequence = 0


def chance(percent):
    return dice.randrange(100) < percent


def pause(least_ms, most_ms):
    time.sleep(dice.randint(least_ms, most_ms) / 1000)


def input_has_ended():
    return bool(select.select([sys.stdin], [], [], 0)[0])


def is_lost(result):
    return result & 0xFFFFFFFF in LOST


def told(name, call, *arguments):
    """Calls, and tells of it. What came out is a list whose first is the result, or the result alone."""
    began = time.monotonic()
    out = call(*arguments)
    result = out[0] if isinstance(out, (list, tuple)) else out
    lasted = int((time.monotonic() - began) * 1000)
    print(f"{name} {result & 0xFFFFFFFF:08X} {lasted}", flush=True)
    return out


def violation(what):
    print(f"! {what}", flush=True)
    sys.exit(1)


def wait_for_change():
    """Looks at all readers, then waits for a while until something changes."""
    result, states = told("look", SCardGetStatusChange, context, 0, [(name, SCARD_STATE_UNAWARE) for name in readers])
    if result != SCARD_S_SUCCESS:
        return result
    known = [(state[0], state[1] & ~SCARD_STATE_CHANGED) for state in states]
    return told("wait", SCardGetStatusChange, context, dice.randint(100, 599), known)[0]


def exchange(command, expected):
    """Sends a command, and compares the answer with what it must be."""
    pci = SCARD_PCI_T0 if protocol == SCARD_PROTOCOL_T0 else SCARD_PCI_T1
    result, answer = told("transmit", SCardTransmit, card, pci, list(command))
    if result == SCARD_S_SUCCESS and bytes(value & 0xFF for value in answer) != expected + b"\x90\x00":
        violation(f"the answer to {bytes(command).hex()} was {bytes(value & 0xFF for value in answer).hex()}")
    return result


def random_bytes(count):
    return bytes(dice.randrange(256) for _ in range(count))


def challenge(reader, within):
    """Something to which no other command has the answer. `within` is the transaction, or 0."""
    global sequence
    if not readers[reader].startswith("Virtual PCD"):
        offset, length = dice.randrange(240), dice.randint(1, 16)
        expected = bytes((place * 73 + 19) & 0xFF for place in range(offset, offset + length))
        return exchange(bytes([0x00, 0xB0, 0x81, offset, length]), expected)
    sequence += 1
    said = number.to_bytes(2, "big") + within.to_bytes(4, "big") + sequence.to_bytes(4, "big") + random_bytes(6)
    return exchange(bytes([0x80, 0x10, 0, 0, TOKEN_BYTES]) + said, bytes([reader]) + bytes(b ^ 0x5A for b in said))


def use_turn(reader):
    """What is in a transaction: a token is written, and must be there for as long as it lasts."""
    global transactions
    transactions += 1
    challenges = dice.randint(1, 4)
    token = number.to_bytes(2, "big") + transactions.to_bytes(4, "big") + bytes([challenges]) + random_bytes(9)
    result = exchange(bytes([0x00, 0xD6, 0x82, 0x00, TOKEN_BYTES]) + token, b"")
    for _ in range(challenges):
        if result == SCARD_S_SUCCESS:
            result = exchange(bytes([0x00, 0xB0, 0x82, 0x00, TOKEN_BYTES]), token)
        pause(0, 8)
        if result == SCARD_S_SUCCESS:
            result = challenge(reader, transactions)
    if result == SCARD_W_RESET_CARD:
        violation("the card was reset in a transaction of mine")
    return result


def take_turn(reader):
    result = told("begin", SCardBeginTransaction, card)
    if result != SCARD_S_SUCCESS:
        return result
    result = use_turn(reader)
    disposition = dice.choices([SCARD_LEAVE_CARD, SCARD_RESET_CARD, SCARD_UNPOWER_CARD], [90, 6, 4])[0]
    ended = told("end", SCardEndTransaction, card, disposition)
    return ended if result == SCARD_S_SUCCESS else result


def use_round(reader):
    draw = dice.randrange(100)
    if draw < 15:
        return told("status", SCardStatus, card)[0]
    return challenge(reader, 0) if draw < 50 else take_turn(reader)


def use_card():
    """A connection from its begin to its end. Returns the last result."""
    global card, protocol
    reader = dice.randrange(len(readers))
    mode = SCARD_SHARE_EXCLUSIVE if chance(15) else SCARD_SHARE_SHARED
    result, card, protocol = told("connect", SCardConnect, context, readers[reader], mode, EITHER)
    if result != SCARD_S_SUCCESS:
        return result
    for _ in range(dice.randint(1, 5)):
        if input_has_ended():
            break
        result = use_round(reader)
        if result == SCARD_W_RESET_CARD:
            init = dice.choices([SCARD_LEAVE_CARD, SCARD_RESET_CARD, SCARD_UNPOWER_CARD], [80, 15, 5])[0]
            result, protocol = told("reconnect", SCardReconnect, card, mode, EITHER, init)
        pause(10, 110)
        if result != SCARD_S_SUCCESS:
            break
    if is_lost(result):
        return result
    ways = [SCARD_LEAVE_CARD, SCARD_RESET_CARD, SCARD_UNPOWER_CARD, SCARD_EJECT_CARD]
    return told("disconnect", SCardDisconnect, card, dice.choices(ways, [79, 10, 10, 1])[0])


while not input_has_ended():
    result, context = told("establish", SCardEstablishContext, SCARD_SCOPE_SYSTEM)
    established = result == SCARD_S_SUCCESS
    for _ in range(dice.randint(1, 8)):
        if is_lost(result) or input_has_ended():
            break
        if chance(25):
            result = wait_for_change()
        if not is_lost(result):
            result = use_card()
        pause(10, 110)
    if is_lost(result):
        # A context that was not established is no argument for pyscard.
        if established:
            SCardReleaseContext(context)
        pause(50, 150)
    else:
        told("release", SCardReleaseContext, context)
