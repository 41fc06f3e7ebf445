# SPDX-License-Identifier: MIT
"""A pyscard program that does what it is told, a line at a time, and answers each line with one of its own.

The test decides who does what when. Results are printed as eight hexadecimal digits.
"""

import sys
import threading

from smartcard.scard import (
    INFINITE,
    SCARD_LEAVE_CARD,
    SCARD_PCI_T1,
    SCARD_PROTOCOL_T0,
    SCARD_PROTOCOL_T1,
    SCARD_RESET_CARD,
    SCARD_SCOPE_SYSTEM,
    SCARD_SHARE_SHARED,
    SCARD_STATE_CHANGED,
    SCARD_STATE_UNAWARE,
    SCardBeginTransaction,
    SCardCancel,
    SCardConnect,
    SCardDisconnect,
    SCardEndTransaction,
    SCardEstablishContext,
    SCardGetStatusChange,
    SCardListReaders,
    SCardReconnect,
    SCardReleaseContext,
    SCardStatus,
    SCardTransmit,
)

EITHER = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1
PNP = "\\\\?PnP?\\Notification"

context = None
card = None


def code(result):
    return f"{result & 0xFFFFFFFF:08X}"


def hexadecimal(values):
    return "".join(f"{value:02X}" for value in values)


def establish():
    global context
    result, context = SCardEstablishContext(SCARD_SCOPE_SYSTEM)
    return code(result)


def readers():
    result, names = SCardListReaders(context, [])
    return f"{code(result)} {'|'.join(names)}"


def connect(*name):
    global card
    result, card, protocol = SCardConnect(context, " ".join(name), SCARD_SHARE_SHARED, EITHER)
    return f"{code(result)} {protocol}"


def begin():
    return code(SCardBeginTransaction(card))


def end(disposition):
    return code(SCardEndTransaction(card, SCARD_RESET_CARD if disposition == "reset" else SCARD_LEAVE_CARD))


def transmit(command):
    result, response = SCardTransmit(card, SCARD_PCI_T1, list(bytes.fromhex(command)))
    return f"{code(result)} {hexadecimal(response)}"


def status():
    result, reader, _state, protocol, atr = SCardStatus(card)
    return f"{code(result)} {reader} {protocol} {hexadecimal(atr)}"


def reconnect():
    result, protocol = SCardReconnect(card, SCARD_SHARE_SHARED, EITHER, SCARD_LEAVE_CARD)
    return f"{code(result)} {protocol}"


def disconnect():
    return code(SCardDisconnect(card, SCARD_LEAVE_CARD))


def state_of(name, current, timeout):
    result, states = SCardGetStatusChange(context, timeout, [(name, current)])
    return result, states[0][1] if states else 0


def cancelled():
    """Waits for a change that does not come, until a thread cancels the wait."""
    name = SCardListReaders(context, [])[1][0]
    _, state = state_of(name, SCARD_STATE_UNAWARE, 0)
    over = threading.Event()
    results = set()

    def cancel():
        # A cancel that comes before the wait ends nothing, so one is not enough.
        while not over.wait(0.05):
            results.add(code(SCardCancel(context)))

    thread = threading.Thread(target=cancel)
    thread.start()
    result, _ = state_of(name, state & ~SCARD_STATE_CHANGED, INFINITE)
    over.set()
    thread.join()
    return f"{code(result)} {' '.join(results)}"


def arrival():
    """Waits until a reader comes or goes."""
    _, state = state_of(PNP, SCARD_STATE_UNAWARE, 0)
    result, state = state_of(PNP, state & ~SCARD_STATE_CHANGED, INFINITE)
    return f"{code(result)} {state & 0xFFFF:04X}"


def release():
    return code(SCardReleaseContext(context))


actions = {
    action.__name__: action
    for action in (
        establish,
        readers,
        connect,
        begin,
        end,
        transmit,
        status,
        reconnect,
        disconnect,
        cancelled,
        arrival,
        release,
    )
}

for line in sys.stdin:
    name, *arguments = line.split()
    print(f"{name} {actions[name](*arguments)}", flush=True)
