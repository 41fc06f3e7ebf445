// SPDX-License-Identifier: MIT

import { checkBytes } from "../binary/index.ts";
import { type Check, listOf, type Members, optional, optionsOf, refuse, shown } from "./check.ts";
import { abortSignal, anyText, byteString, milliseconds, text, truth, wholeNumber, word } from "./checks.ts";
import { dispositions, initializations, protocols, scopes, shareModes } from "./codes.ts";
import { type ErrorDetails, SmartCardError } from "./error.ts";
import type {
  ClientIdentity,
  ConnectOptions,
  ContextOptions,
  ReaderStateQuery,
  ReconnectOptions,
  TransmitOptions,
  WaitOptions,
} from "./resource-manager.ts";
import { type Disposition, MAX_COMMAND_BYTES, type Protocol, type ReaderFlags, readerFlags } from "./vocabulary.ts";

/**
 * What the calls of the port take, checked in one place for every manager, before anything is asked of anybody. Each
 * function gives a copy back, which the caller cannot change any more.
 */

/** The members of {@link WaitOptions}, for options objects that have them too. */
export const waitMembers: Members<WaitOptions> = {
  timeoutMs: optional(milliseconds),
  signal: optional(abortSignal),
};

const connectMembers: Members<ConnectOptions> = {
  ...waitMembers,
  shareMode: word(shareModes, "share mode"),
  preferredProtocols: listOf(word(protocols, "protocol"), `protocols: ["t0", "t1"] for either`, 64),
};

const waitOptions = optionsOf(waitMembers);
const contextOptions = optionsOf<ContextOptions>({
  scope: optional(word(scopes, "scope")),
  oneAtATime: optional(truth),
});
const connectOptions = optionsOf(connectMembers);
const reconnectOptions = optionsOf<ReconnectOptions>({
  ...connectMembers,
  initialization: word(initializations, "initialization"),
});

/** @throws invalid-parameter, invalid-value (a scope that there is not) */
export function checkContextOptions(options: unknown = {}): ContextOptions {
  return contextOptions(options, { operation: "establish context", path: "options" });
}

/** @throws invalid-parameter, cancelled (the signal is aborted already) */
export function checkWait(operation: string, options: unknown): WaitOptions {
  // Most calls have none.
  if (options === undefined) return noOptions;
  const wait = waitOptions(options, { operation, path: "options" });
  throwIfAborted(operation, wait.signal);
  return wait;
}

const noOptions: WaitOptions = {};

/**
 * @throws invalid-parameter; invalid-value (a share mode or a protocol that there is not); proto-mismatch (no protocol, and
 * the share mode needs one); cancelled (the signal is aborted already)
 */
export function checkConnectOptions(options: unknown, reader: string): ConnectOptions {
  return usable("connect", connectOptions(options, { operation: "connect", path: "options" }), reader);
}

/** @throws as {@link checkConnectOptions} */
export function checkReconnectOptions(options: unknown, reader: string): ReconnectOptions {
  return usable("reconnect", reconnectOptions(options, { operation: "reconnect", path: "options" }), reader);
}

function usable<T extends ConnectOptions>(operation: string, options: T, reader: string): T {
  if (options.preferredProtocols.length === 0 && options.shareMode !== "direct") {
    const message = `${operation} names no protocol; only a direct connection does without one`;
    throw new SmartCardError("proto-mismatch", message, { reader, operation });
  }
  throwIfAborted(operation, options.signal);
  return options;
}

function throwIfAborted(operation: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(operation, signal);
}

/** The error of a wait whose signal was aborted. */
export function abortedError(
  operation: string,
  signal: AbortSignal | undefined,
  details: ErrorDetails = {},
): SmartCardError {
  const message = `${operation} was aborted by its signal`;
  return new SmartCardError("cancelled", message, { ...details, operation }, { cause: signal?.reason });
}

/** @throws invalid-value */
export function checkDisposition(operation: string, disposition: unknown): Disposition {
  return word(dispositions, "disposition")(disposition, { operation, path: "disposition" });
}

const transmitOptions = optionsOf<TransmitOptions>({
  ...waitMembers,
  protocol: optional<Protocol | undefined>(word(protocols, "protocol")),
});

/** @throws invalid-parameter, invalid-value (a protocol that there is not), cancelled (the signal is aborted already) */
export function checkTransmitOptions(options: unknown): TransmitOptions {
  if (options === undefined) return noOptions;
  const checked = transmitOptions(options, { operation: "transmit", path: "options" });
  throwIfAborted("transmit", checked.signal);
  return checked;
}

/**
 * What is sent to a card: bytes, and as many as a command can have.
 *
 * @throws TypeError (not bytes), invalid-parameter (fewer than 4, or more than 65,544)
 */
export function checkCommand(command: unknown, reader: string): Uint8Array {
  checkBytes(command, "transmit: command");
  if (command.length >= 4 && command.length <= MAX_COMMAND_BYTES) return command;
  const message = `a command has 4 to ${MAX_COMMAND_BYTES} bytes, not ${command.length}`;
  throw new SmartCardError("invalid-parameter", message, { reader, operation: "transmit" });
}

/** An attribute's tag or a control code: 32 bits, in whichever sign C code has them. @throws invalid-parameter */
export function checkDword(operation: string, value: unknown, name: string): number {
  return wholeNumber(-0x8000_0000, 0xffff_ffff)(value, { operation, path: name }) >>> 0;
}

/**
 * Refuses what no reader is named.
 *
 * @throws invalid-parameter (not a string); unknown-reader (empty, with a NUL in it, or longer than names can be)
 */
export function checkReaderName(operation: string, reader: unknown, path = "reader"): string {
  if (typeof reader !== "string") {
    refuse({ operation, path }, shown(reader), "pass the reader's name as a string; listReaders() gives the names");
  }
  const problem = unfitName(reader);
  if (problem === undefined) return reader;
  const message = `${operation}: ${path} is ${problem}, which no reader has for a name; listReaders() gives the names`;
  throw new SmartCardError("unknown-reader", message, { operation });
}

function unfitName(name: string): string | undefined {
  if (name === "") return "an empty string";
  if (name.includes("\0")) return "a string with a NUL in it";
  return name.length > MAX_NAME ? `a string of ${name.length} characters` : undefined;
}

/** Longer than the name of any reader of any system: pcsc-lite's have 127 bytes, Windows' no limit that is written down. */
const MAX_NAME = 1024;

const groupNames = listOf(text("the name of a reader group"), "names of reader groups");

/** @throws invalid-parameter */
export function checkGroups(groups: unknown): readonly string[] | undefined {
  return groups === undefined ? undefined : groupNames(groups, { operation: "list readers", path: "groups" });
}

const flag: Check<true> = (value, place) => {
  // What says that a flag is not set says nothing wrong.
  if (value === false) return undefined as never;
  return value === true ? value : refuse(place, shown(value), "give true, or leave it out");
};

const flagMembers = Object.fromEntries(readerFlags.map((name) => [name, optional(flag)])) as Members<ReaderFlags>;

/** What a report has beside a query's members: reports serve as the next queries as they are. */
interface ReportQuery extends ReaderStateQuery {
  readonly atr?: Uint8Array;
}

const query = optionsOf<ReportQuery>({
  reader: (value, { operation, path }) => checkReaderName(operation, value, path),
  flags: optional(optionsOf<ReaderFlags>(flagMembers)),
  eventCount: optional(wholeNumber(0, 0xffff)),
  atr: optional(byteString),
});
const queryList = listOf(query, "queries: [{ reader }] for one reader");

/** Copied: the caller may change its objects while the wait lasts. @throws invalid-parameter, unknown-reader */
export function checkQueries(queries: unknown): readonly ReaderStateQuery[] {
  return queryList(queries, { operation: "status change", path: "queries" });
}

const identity = optionsOf<ClientIdentity>({
  name: anyText,
  pid: optional(wholeNumber(0, 0xffff_ffff)),
  uid: optional(wholeNumber(0, 0xffff_ffff)),
});

/** @throws invalid-parameter */
export function checkIdentity(value: unknown): ClientIdentity {
  return identity(value, { operation: "client", path: "identity" });
}
