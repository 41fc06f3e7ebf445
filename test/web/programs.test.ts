// SPDX-License-Identifier: MIT

// The same program over scard/web and over scard/winscard: the cards see the same, and each step has the same outcome.

import { describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { createSmartCard, type ExtendedSmartCardConnection } from "../../src/entry/web.ts";
import {
  SmartCardError as PcscError,
  SCARD_ATTR_VENDOR_NAME,
  SCARD_EJECT_CARD,
  SCARD_LEAVE_CARD,
  SCARD_PCI_RAW,
  SCARD_PCI_T0,
  SCARD_PCI_T1,
  SCARD_PROTOCOL_RAW,
  SCARD_PROTOCOL_T0,
  SCARD_PROTOCOL_T1,
  SCARD_RESET_CARD,
  SCARD_SCOPE_SYSTEM,
  SCARD_SHARE_DIRECT,
  SCARD_SHARE_EXCLUSIVE,
  SCARD_SHARE_SHARED,
  SCARD_STATE_EMPTY,
  SCARD_STATE_PRESENT,
  SCARD_UNPOWER_CARD,
  type SCARDHANDLE,
  WinSCard,
} from "../../src/entry/winscard.ts";
import { type FaceMaker, historyOf, programOf, type Step, slots } from "./program-steps.ts";

const CONTROL_CODE = 0x0031_2000;
/** What a program throws in a transaction. */
const MINE = "mine";

type Result = () => Promise<string>;

/** The web face. */
const web: FaceMaker = async (manager, happen) => {
  const context = await createSmartCard({ manager }).establishContext();
  const connections = new Map<number, ExtendedSmartCardConnection>();
  const describeError = (error: unknown): string => {
    if (typeof error === "string") return error;
    const { name, responseCode } = error as { readonly name: string; readonly responseCode?: string };
    return responseCode === undefined ? name : `${name} ${responseCode}`;
  };
  const told = (work: Result): Promise<string> => work().catch(describeError);
  const hexOf = (buffer: ArrayBuffer): string => encodeHex(new Uint8Array(buffer));

  async function stepOn(connection: ExtendedSmartCardConnection, step: Step): Promise<string> {
    switch (step.kind) {
      case "transmit":
        return hexOf(
          await connection.transmit(step.command, step.protocol === undefined ? {} : { protocol: step.protocol }),
        );
      case "status": {
        const { answerToReset = new ArrayBuffer(0), readerName, state } = await connection.status();
        return `${readerName} ${state} ${hexOf(answerToReset)}`;
      }
      case "attribute":
        return hexOf(await connection.getAttribute(SCARD_ATTR_VENDOR_NAME));
      case "control":
        return hexOf(await connection.control(CONTROL_CODE, Uint8Array.of(1)));
      case "disconnect":
        await connection.disconnect(step.disposition);
        return "done";
      default:
        throw new Error(`${step.kind} needs no connection`);
    }
  }

  async function transact(
    connection: ExtendedSmartCardConnection,
    step: Step & { kind: "transaction" },
    signal: AbortSignal,
  ) {
    const lines: string[] = [];
    const callback = async (): Promise<"leave" | "reset" | "unpower" | "eject"> => {
      for (const inner of step.steps) {
        if (inner.kind === "happening") await happen(inner.happening);
        else lines.push(await told(() => stepOn(connection, inner)));
      }
      if (step.end === "throw") throw MINE;
      if (step.end !== "dangling") return step.end;
      void told(() => stepOn(connection, danglingStep(step.slot))).then((line) => lines.push(line));
      return "unpower";
    };
    const end = await told(async () => {
      await connection.startTransaction(callback, { signal });
      return "done";
    });
    return [...lines, end].join(", ");
  }

  async function run(step: Step, signal: AbortSignal): Promise<string> {
    switch (step.kind) {
      case "happening":
        await happen(step.happening);
        return "done";
      case "list":
        return (await context.listReaders()).join();
      case "wait": {
        const currentState = step.present ? { present: true } : { empty: true };
        const asked = [{ readerName: step.reader, currentState }];
        const [state] = await context.getStatusChange(asked, { timeout: step.timeoutMs, signal });
        const flags = Object.entries(state?.eventState ?? {}).flatMap(([flag, isSet]) => (isSet ? [flag] : []));
        return `${flags.sort()} ${state?.eventCount} ${hexOf(state?.answerToReset ?? new ArrayBuffer(0))}`;
      }
      case "connect": {
        if (connections.has(step.slot)) return "is connected";
        const how = { preferredProtocols: step.protocols, signal };
        const { activeProtocol = "none", connection } = await context.connect(slots[step.slot] ?? "", step.mode, how);
        connections.set(step.slot, connection);
        return activeProtocol;
      }
      default: {
        const connection = connections.get(step.slot);
        if (connection === undefined) return "is not connected";
        if (step.kind === "transaction") return transact(connection, step, signal);
        const line = await stepOn(connection, step);
        if (step.kind === "disconnect") connections.delete(step.slot);
        return line;
      }
    }
  }

  return {
    run: (step, signal) => told(() => run(step, signal)),
    end: async () => {
      for (const connection of connections.values()) await connection.disconnect().catch(() => undefined);
    },
  };
};

function danglingStep(slot: number): Step {
  return { kind: "transmit", slot, command: Uint8Array.of(0x00, 0xb0, 0x00, 0x00, 0x04) };
}

const dispositions = {
  leave: SCARD_LEAVE_CARD,
  reset: SCARD_RESET_CARD,
  unpower: SCARD_UNPOWER_CARD,
  eject: SCARD_EJECT_CARD,
};
const shareModes = { shared: SCARD_SHARE_SHARED, exclusive: SCARD_SHARE_EXCLUSIVE, direct: SCARD_SHARE_DIRECT };
const protocols = { t0: SCARD_PROTOCOL_T0, t1: SCARD_PROTOCOL_T1, raw: SCARD_PROTOCOL_RAW };
const headers = { t0: SCARD_PCI_T0, t1: SCARD_PCI_T1, raw: SCARD_PCI_RAW };
const states = ["unknown", "absent", "present", "swallowed", "powered", "negotiable", "specific"];

/** What the draft makes of a return code, written down once more. */
function exceptionOf(error: unknown): string {
  if (!(error instanceof PcscError)) return typeof error === "string" ? error : (error as Error).name;
  if (error.code === "cancelled") return "aborted";
  if (error.code === "invalid-parameter") return "TypeError";
  if (["invalid-handle", "invalid-context", "service-stopped"].includes(error.code)) return "InvalidStateError";
  if (error.code === "not-supported") return "SmartCardError unsupported-feature";
  const isOther = ["timeout", "comm-error", "cant-dispose", "invalid-value", "no-memory", "unexpected"].includes(
    error.code,
  );
  return isOther ? "UnknownError" : `SmartCardError ${error.code}`;
}

/** The WinSCard face. */
const winscard: FaceMaker = async (manager, happen) => {
  const api = new WinSCard({ defaultManager: () => manager });
  const { context } = await api.SCardEstablishContext(SCARD_SCOPE_SYSTEM);
  const cards = new Map<number, { readonly card: SCARDHANDLE; readonly protocol: number; isOpen: boolean }>();
  type Open = NonNullable<ReturnType<typeof cards.get>>;
  const told = (work: Result): Promise<string> => work().catch(exceptionOf);

  async function stepOn(open: Open, step: Step): Promise<string> {
    const { card } = open;
    switch (step.kind) {
      case "transmit": {
        const own = Object.values(headers).find((header) => header.protocol === open.protocol);
        const header = step.protocol === undefined ? own : headers[step.protocol];
        if (open.isOpen && header === undefined) return "InvalidStateError";
        return encodeHex((await api.SCardTransmit(card, header ?? null, step.command)).response);
      }
      case "status": {
        const { atr, protocol, readerNames, state } = await api.SCardStatus(card);
        const name = states[state] ?? "";
        const spoken = Object.entries(protocols).find(([, number]) => number === protocol)?.[0];
        return `${readerNames} ${name === "specific" ? spoken : name} ${encodeHex(atr)}`;
      }
      case "attribute":
        return encodeHex((await api.SCardGetAttrib(card, SCARD_ATTR_VENDOR_NAME)).attribute);
      case "control":
        return encodeHex((await api.SCardControl(card, CONTROL_CODE, Uint8Array.of(1))).output);
      case "disconnect":
        await api.SCardDisconnect(card, dispositions[step.disposition]);
        open.isOpen = false;
        return "done";
      default:
        throw new Error(`${step.kind} needs no card`);
    }
  }

  async function transact(open: Open, step: Step & { kind: "transaction" }, signal: AbortSignal): Promise<string> {
    const lines: string[] = [];
    const end = await told(async () => {
      await api.SCardBeginTransaction(open.card, { signal });
      for (const inner of step.steps) {
        if (inner.kind === "happening") await happen(inner.happening);
        else lines.push(await told(() => stepOn(open, inner)));
      }
      let pending: string | undefined;
      if (step.end === "throw") pending = MINE;
      if (step.end === "dangling") {
        // A connection that has ended starts no operation, and so leaves none in progress.
        lines.push(await told(() => stepOn(open, danglingStep(step.slot))));
        pending = open.protocol === 0 || !open.isOpen ? undefined : "InvalidStateError";
      }
      const disposition = step.end === "throw" ? "reset" : step.end === "dangling" ? "unpower" : step.end;
      const ended = await told(async () => {
        await api.SCardEndTransaction(open.card, dispositions[disposition]);
        return "done";
      });
      // After disconnect() the end of the transaction says so, whatever the callback has thrown.
      return open.isOpen ? (pending ?? ended) : "InvalidStateError";
    });
    return [...lines, end].join(", ");
  }

  async function run(step: Step, signal: AbortSignal): Promise<string> {
    switch (step.kind) {
      case "happening":
        await happen(step.happening);
        return "done";
      case "list":
        return (await api.SCardListReaders(context)).readers.join();
      case "wait": {
        const currentState = step.present ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY;
        const asked = [{ reader: step.reader, currentState }];
        const { readerStates } = await api.SCardGetStatusChange(context, step.timeoutMs, asked, { signal });
        const { atr = new Uint8Array(), eventState = 0 } = readerStates[0] ?? {};
        const flags = stateFlags.filter((_flag, bit) => eventState & (1 << bit)).sort();
        return `${flags} ${eventState >>> 16} ${encodeHex(atr)}`;
      }
      case "connect": {
        if (cards.has(step.slot)) return "is connected";
        const mask = step.protocols.reduce((bits, protocol) => bits | protocols[protocol], 0);
        const mode = shareModes[step.mode];
        const { activeProtocol, card } = await api.SCardConnect(context, slots[step.slot] ?? "", mode, mask, {
          signal,
        });
        cards.set(step.slot, { card, protocol: activeProtocol, isOpen: true });
        return Object.entries(protocols).find(([, number]) => number === activeProtocol)?.[0] ?? "none";
      }
      default: {
        const open = cards.get(step.slot);
        if (open === undefined) return "is not connected";
        if (step.kind === "transaction") return transact(open, step, signal);
        const line = await stepOn(open, step);
        if (step.kind === "disconnect") cards.delete(step.slot);
        return line;
      }
    }
  }

  return {
    run: (step, signal) => told(() => run(step, signal)),
    end: async () => {
      for (const { card } of cards.values()) await api.SCardDisconnect(card, SCARD_LEAVE_CARD).catch(() => undefined);
    },
  };
};

/** By bit. */
const stateFlags = [
  "ignore",
  "changed",
  "unknown",
  "unavailable",
  "empty",
  "present",
  "atrmatch",
  "exclusive",
  "inuse",
  "mute",
  "unpowered",
];

/** How many programs are compared. */
const PROGRAMS = 500;

describe("the same programs over scard/web and scard/winscard", () => {
  const seen = new Map<string, number>();

  test.each(Array.from({ length: 20 }, (_, part) => part))("part %i", async (part) => {
    for (let seed = part + 1; seed <= PROGRAMS; seed += 20) {
      const profile = seed % 2 === 0 ? "pcsclite" : "windows";
      const program = programOf(seed);
      const [one, other] = [await historyOf(program, web, profile), await historyOf(program, winscard, profile)];
      expect({ seed, ...one }).toEqual({ seed, ...other });
      for (const line of one.outcomes)
        for (const word of line.split(/: |, /)) seen.set(word, (seen.get(word) ?? 0) + 1);
    }
  });

  test("they come to what there is: transactions, aborts, removals", () => {
    const words = ["done", MINE, "aborted", "InvalidStateError", "UnknownError", "TypeError"];
    const codes = [
      "removed-card",
      "reset-card",
      "no-smartcard",
      "sharing-violation",
      "proto-mismatch",
      "unknown-reader",
    ];
    for (const word of [...words, ...codes.map((code) => `SmartCardError ${code}`)]) {
      expect([word, (seen.get(word) ?? 0) >= 10]).toEqual([word, true]);
    }
    expect(seen.get("never ends")).toBeUndefined();
  });
});
