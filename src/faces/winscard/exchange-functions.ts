// SPDX-License-Identifier: MIT

import {
  type Connection,
  fromNumber,
  MAX_RESPONSE_BYTES,
  protocols,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";
import { dword, protocolNumber, waitOf } from "./arguments.ts";
import type { Foundation } from "./foundation.ts";
import type { SCARDHANDLE } from "./handles.ts";
import type { SCARD_IO_REQUEST } from "./io-request.ts";

/** Options of SCardTransmit that C does not have. */
export interface TransmitOptions extends WaitOptions {
  /** Room for the answer in bytes, SW1 SW2 included: 2 to 65,538; 65,538 by default. */
  readonly maxResponseBytes?: number;
}

/**
 * The functions that exchange data over a connection: commands to the card and to the reader, attributes. Their last
 * parameter limits the wait as that of the functions on a card.
 */
export function exchangeFunctions({ handles }: Foundation) {
  return {
    /**
     * Sends a command to the card and returns its answer, SW1 SW2 included. Waits while another connection is in a
     * transaction; `signal` and `timeoutMs` do not interrupt an exchange that has begun.
     *
     * @param sendPci SCARD_PCI_T0, SCARD_PCI_T1 or SCARD_PCI_RAW, of the protocol in use; null stands for that.
     * @param command T=0: CLA INS P1 P2 [P3 [data]], without P3 where there are no data; T=1: a whole APDU.
     * @throws proto-mismatch (another protocol is in use), insufficient-buffer (the answer is longer than
     * `maxResponseBytes`; the exchange has taken place), invalid-parameter (length of the command), reset-card,
     * removed-card, unresponsive-card, comm-error, waited-too-long, timeout, cancelled, invalid-handle
     * @see SCardTransmit function (winscard.h), Microsoft
     *
     * **Portability**: pcsc-lite takes no null for `sendPci`.
     */
    SCardTransmit: async (
      card: SCARDHANDLE,
      sendPci: SCARD_IO_REQUEST | null,
      command: Uint8Array,
      options: TransmitOptions = {},
    ): Promise<{ readonly response: Uint8Array; readonly recvPci: SCARD_IO_REQUEST }> => {
      const connection = handles.card(card);
      const maxResponseBytes = options.maxResponseBytes ?? MAX_RESPONSE_BYTES;
      if (!(maxResponseBytes >= 2)) throw insufficientBuffer("an answer has at least SW1 SW2, 2 bytes", connection);
      const protocol = sendPci === null ? undefined : fromNumber(protocols, dword(sendPci.protocol, "PCI", "transmit"));
      if (sendPci !== null && protocol === undefined) {
        const details = { reader: connection.reader, operation: "transmit" };
        throw new SmartCardError("proto-mismatch", `${sendPci.protocol} in the send PCI is not a protocol`, details);
      }
      const wait = waitOf(options.timeoutMs, options.signal, "transmit");
      const response = await connection.transmit(command, { ...wait, protocol });
      if (response.length > maxResponseBytes) {
        const room = `the answer has ${response.length} bytes, more than the ${maxResponseBytes} that there is room for`;
        throw insufficientBuffer(room, connection);
      }
      const recvPci = { protocol: protocolNumber(protocol ?? connection.protocol), pciLength: 8 };
      return { response, recvPci };
    },

    /**
     * Sends a command to the reader. Works with every share mode; waits while another connection is in a transaction.
     *
     * @param controlCode IOCTL_SMARTCARD_*, CM_IOCTL_GET_FEATURE_REQUEST, SCARD_CTL_CODE(n), or what the reader says.
     * @param input null stands for no bytes.
     * @throws unsupported-feature (the reader does not know the code), invalid-parameter (input that an IOCTL_SMARTCARD_ does
     * not take), timeout, cancelled, invalid-handle, invalid-value; an IOCTL_SMARTCARD_ that needs a card no-smartcard,
     * proto-mismatch, unresponsive-card
     * @see SCardControl function (winscard.h), Microsoft; docs/guide/winscard/direct-access.md (each IOCTL_SMARTCARD_)
     *
     * **Portability**: codes are 0x00310000 + 4 n as on Windows; those of pcsc-lite, 0x42000000 + n, are taken too, and always
     * go to the reader. pcscd and macOS know no IOCTL_SMARTCARD_.
     */
    SCardControl: async (
      card: SCARDHANDLE,
      controlCode: number,
      input: Uint8Array | null,
      wait: WaitOptions = {},
    ): Promise<{ readonly output: Uint8Array }> => {
      const connection = handles.card(card);
      const code = dword(controlCode, "control code", "control");
      const bounds = waitOf(wait.timeoutMs, wait.signal, "control");
      return { output: await connection.control(code, input ?? new Uint8Array(), bounds) };
    },

    /**
     * Reads an attribute of the reader.
     *
     * @param attrId SCARD_ATTR_*.
     * @throws not-supported (the reader has no such attribute), timeout, cancelled, invalid-handle, invalid-value
     * @see SCardGetAttrib function (winscard.h), Microsoft
     *
     * **Portability**: `rv` is ERROR_NOT_SUPPORTED (50) as on Windows; pcsc-lite has SCARD_E_UNSUPPORTED_FEATURE. Strings
     * end in a NUL under pcsc-lite.
     */
    SCardGetAttrib: async (
      card: SCARDHANDLE,
      attrId: number,
      wait: WaitOptions = {},
    ): Promise<{ readonly attribute: Uint8Array }> => {
      const connection = handles.card(card);
      const id = dword(attrId, "attribute", "get attribute");
      return { attribute: await connection.getAttribute(id, waitOf(wait.timeoutMs, wait.signal, "get attribute")) };
    },

    /**
     * Sets an attribute of the reader; few can be.
     *
     * @param attrId SCARD_ATTR_*.
     * @throws not-supported (it cannot be set), timeout, cancelled, invalid-handle, invalid-value
     * @see SCardSetAttrib function (winscard.h), Microsoft
     */
    SCardSetAttrib: async (
      card: SCARDHANDLE,
      attrId: number,
      attribute: Uint8Array,
      wait: WaitOptions = {},
    ): Promise<void> => {
      const connection = handles.card(card);
      const id = dword(attrId, "attribute", "set attribute");
      await connection.setAttribute(id, attribute, waitOf(wait.timeoutMs, wait.signal, "set attribute"));
    },

    /**
     * Number of exchanges that the reader has completed since it was attached.
     *
     * @throws invalid-handle
     * @see SCardGetTransmitCount function (winscard.h), Microsoft
     *
     * **Portability**: pcsc-lite and macOS have no such function.
     */
    SCardGetTransmitCount: async (card: SCARDHANDLE): Promise<{ readonly transmitCount: number }> => {
      return { transmitCount: await handles.card(card).transmitCount() };
    },
  };
}

export type ExchangeFunctions = Readonly<ReturnType<typeof exchangeFunctions>>;

function insufficientBuffer(message: string, connection: Connection): SmartCardError {
  return new SmartCardError("insufficient-buffer", message, { reader: connection.reader, operation: "transmit" });
}
