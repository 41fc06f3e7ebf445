// SPDX-License-Identifier: MIT

import { checkBytes, checkText } from "../base/binary/index.ts";
import { type Check, listOf, type Members, optional, optionsOf, refuse, shown } from "./check.ts";
import type { ClientIdentity } from "./client-identity.ts";
import { dispositions, initializations, protocols, scopes, shareModes } from "./codes.ts";
import { type ErrorDetails, SmartCardError } from "./error.ts";
import type {
  ConnectOptions,
  ContextOptions,
  ReaderStateQuery,
  ReconnectOptions,
  SendOptions,
  TransmitOptions,
  WaitOptions,
} from "./resource-manager.ts";
import {
  abortSignal,
  anyText,
  byteString,
  callback,
  milliseconds,
  text,
  truth,
  wholeNumber,
  word,
} from "./value-checks.ts";
import {
  type Disposition,
  MAX_COMMAND_BYTES,
  type Protocol,
  type ReaderFlags,
  readerFlags,
  STATUS_CHANGE,
} from "./vocabulary.ts";

/**
 * Checks of the arguments of the port's calls, in one place for every manager, before anything is sent. Each function
 * returns a copy that the caller cannot change.
 */

/** The longest list of protocols that a caller may prefer: longer than there are protocols. */
export const MAX_PREFERRED_PROTOCOLS = 64;

/** The members of {@link WaitOptions}, for options objects that have them too. */
export const waitMembers: Members<WaitOptions> = {
  timeoutMs: optional(milliseconds),
  signal: optional(abortSignal),
  onTurn: optional(callback<() => void>("a function")),
};

const connectMembers: Members<ConnectOptions> = {
  ...waitMembers,
  shareMode: word(shareModes, "share mode"),
  preferredProtocols: listOf(
    word(protocols, "protocol"),
    `protocols: ["t0", "t1"] for either`,
    MAX_PREFERRED_PROTOCOLS,
  ),
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

/** @throws invalid-parameter, invalid-value (unknown scope) */
export function checkContextOptions(options: unknown = {}): ContextOptions {
  return contextOptions(options, { operation: "establish context", path: "options" });
}

/** @throws invalid-parameter, cancelled (the signal is aborted already) */
export function checkWait(operation: string, options: unknown): WaitOptions {
  // Most calls have no options.
  if (options === undefined) return noOptions;
  const wait = waitOptions(options, { operation, path: "options" });
  throwIfAborted(operation, wait.signal);
  return wait;
}

const noOptions: WaitOptions = {};

/**
 * @throws invalid-parameter; invalid-value (unknown share mode or protocol); proto-mismatch (no protocol, and
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
  checkText(operation, "abortedError: operation");
  if (signal !== undefined) abortSignal(signal, { operation: "abortedError", path: "signal" });
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

const sendOptions = optionsOf<SendOptions>({
  ...waitMembers,
  longData: optional(word({ extended: 0, envelope: 0, chaining: 0 }, "way to send long data")),
});

/** @throws invalid-parameter, invalid-value (unknown way), cancelled (the signal is aborted already) */
export function checkSendOptions(options: unknown): SendOptions {
  if (options === undefined) return noOptions;
  const checked = sendOptions(options, { operation: "send", path: "options" });
  throwIfAborted("send", checked.signal);
  return checked;
}

/** @throws invalid-parameter, invalid-value (unknown protocol), cancelled (the signal is aborted already) */
export function checkTransmitOptions(options: unknown): TransmitOptions {
  if (options === undefined) return noOptions;
  const checked = transmitOptions(options, { operation: "transmit", path: "options" });
  throwIfAborted("transmit", checked.signal);
  return checked;
}

/**
 * A command for a card: bytes, of a valid length.
 *
 * @throws TypeError (not bytes), invalid-parameter (fewer than 4, or more than 65,544)
 */
export function checkCommand(command: unknown, reader: string): Uint8Array {
  checkBytes(command, "transmit: command");
  if (command.length >= 4 && command.length <= MAX_COMMAND_BYTES) return command;
  const message = `a command has 4 to ${MAX_COMMAND_BYTES} bytes, not ${command.length}`;
  throw new SmartCardError("invalid-parameter", message, { reader, operation: "transmit" });
}

/** An attribute's tag or a control code: 32 bits, signed or unsigned as in C code. @throws invalid-parameter */
export function checkDword(operation: string, value: unknown, name: string): number {
  return wholeNumber(-0x8000_0000, 0xffff_ffff)(value, { operation, path: name }) >>> 0;
}

/** The arguments of transmit. @throws as {@link checkCommand} and {@link checkTransmitOptions} */
export function checkTransmit(command: unknown, options: unknown, reader: string): TransmitOptions {
  checkCommand(command, reader);
  return checkTransmitOptions(options);
}

/** What is left of the arguments of a control, or of a call about an attribute, when they are checked. */
export interface NumberedCall {
  /** The control code, or the tag of the attribute, as an unsigned number: C code has it in either sign. */
  readonly number: number;
  readonly wait: WaitOptions;
}

/** The arguments of control. @throws invalid-parameter, TypeError (the input is no bytes), cancelled */
export function checkControl(code: unknown, input: unknown, options: unknown): NumberedCall {
  const number = checkDword("control", code, "code");
  checkBytes(input, "control: input");
  return { number, wait: checkWait("control", options) };
}

/** The arguments of getAttribute. @throws invalid-parameter, cancelled */
export function checkGetAttribute(attribute: unknown, options: unknown): NumberedCall {
  const operation = "get attribute";
  return { number: checkDword(operation, attribute, "attribute"), wait: checkWait(operation, options) };
}

/** The arguments of setAttribute. @throws invalid-parameter, TypeError (the value is no bytes), cancelled */
export function checkSetAttribute(attribute: unknown, value: unknown, options: unknown): NumberedCall {
  const number = checkDword("set attribute", attribute, "attribute");
  checkBytes(value, "set attribute: value");
  return { number, wait: checkWait("set attribute", options) };
}

/**
 * Refuses an impossible reader name.
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

/** Longer than the name of any reader of any system: pcsc-lite allows 127 bytes, Windows documents no limit. */
const MAX_NAME = 1024;

const groupNames = listOf(text("the name of a reader group"), "names of reader groups");

/** @throws invalid-parameter */
export function checkGroups(groups: unknown): readonly string[] | undefined {
  return groups === undefined ? undefined : groupNames(groups, { operation: "list readers", path: "groups" });
}

const flag: Check<true> = (value, place) => {
  // A flag that is false is valid.
  if (value === false) return undefined as never;
  return value === true ? value : refuse(place, shown(value), "give true, or leave it out");
};

const flagMembers = Object.fromEntries(readerFlags.map((name) => [name, optional(flag)])) as Members<ReaderFlags>;

/** Members that a report has in addition to a query: a report can be used as the next query. */
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
  return queryList(queries, { operation: STATUS_CHANGE, path: "queries" });
}

const identity = optionsOf<ClientIdentity>({
  name: anyText,
  pid: optional(wholeNumber(0, 0xffff_ffff)),
  uid: optional(wholeNumber(0, 0xffff_ffff)),
});

/** A name that is looked up when it is wanted, by a getter, is not read. @throws invalid-parameter */
export function checkIdentity(value: unknown): void {
  const isLookedUp =
    typeof value === "object" && value !== null && Object.getOwnPropertyDescriptor(value, "name")?.get !== undefined;
  const read = isLookedUp ? Object.create(value, { name: { value: "", enumerable: true } }) : value;
  identity(read, { operation: "client", path: "identity" });
}
