// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import type { CardType } from "../../database/index.ts";
import {
  type Check,
  type Clock,
  type Connection,
  callback,
  foldName,
  type HostCrypto,
  having,
  listOf,
  MAX_TIMER_MS,
  optional,
  optionsOf,
  refuse,
  SmartCardError,
  shown,
  text,
  type WaitOptions,
  waitMembers,
  wholeNumber,
} from "../../port/index.ts";
import type { HostWebCrypto } from "../web-crypto/index.ts";
import { cardIdentifiers } from "./card-identifiers.ts";
import type { CardModule, ModuleCard, PinCachePolicy, PinRole } from "./card-module.ts";
import { CardSessions } from "./card-sessions.ts";
import { gidsModule } from "./gids-module.ts";
import { KeyCard } from "./key-card.ts";
import { ConnectionHost } from "./module-host.ts";
import type { OpenCard } from "./open-card.ts";
import { openPgpModule } from "./openpgp-module.ts";
import { PinCache, type PinCachePolicies, PinCaches, stricterPolicy } from "./pin-cache.ts";
import { PinEntry, type PinPrompt } from "./pin-entry.ts";
import { ReaderPinPad } from "./pin-pad.ts";
import { pivModule } from "./piv-module.ts";
import { pkcs15Module } from "./pkcs15-module.ts";
import { RemovalWatch } from "./removal-watch.ts";

/** How to open a card. */
export interface OpenCardOptions extends WaitOptions {
  /**
   * Asks the user for a PIN when a key needs it; or `"pad"`, where it is entered at the PIN pad of the reader, and never comes into
   * this process.
   *
   * @default none: call `verifyPin` before
   */
  readonly pin?: PinPrompt | "pad" | undefined;
  /**
   * How long a PIN that the card has accepted is kept: one policy for all, or one for each role. What the card's module says of a
   * PIN is the limit. All that have the card open under the same policy share its PINs.
   *
   * @default "process"
   */
  readonly pinCache?: PinCachePolicy | PinCachePolicies | undefined;
  /** Modules of your own, which are tried before those of the package. @default none */
  readonly modules?: readonly CardModule[] | undefined;
  /** The name of the module, where the card is not to be asked. @default by the database of card types, then by the card */
  readonly module?: string | undefined;
}

/** What a card is opened with, beside the options of the caller. */
export interface OpenCardTerms {
  readonly crypto: HostCrypto;
  readonly clock: Clock;
  /** What `card.webcrypto` leaves to the host. @default none: there is no `card.webcrypto` */
  readonly webCrypto?: HostWebCrypto | undefined;
  /** The types of cards with this ATR, from the database of card types. @default none is asked */
  readonly cardTypes?: ((atr: Uint8Array) => Promise<readonly CardType[]>) | undefined;
  /** The cached PINs of this process. @default those of this card alone */
  readonly pinCaches?: PinCaches | undefined;
  /** Ends what was opened for it. @default nothing */
  readonly dispose?: (() => Promise<void>) | undefined;
}

/**
 * The modules of this package, in the order in which a card is asked: PIV before GIDS, as Windows does it.
 *
 * @see Microsoft, "Smart Card Discovery Process"
 */
export const cardModules: readonly CardModule[] = [pivModule, gidsModule, openPgpModule, pkcs15Module];

const timed = optionsOf<{ timedMs: number }>({ timedMs: wholeNumber(1, MAX_TIMER_MS, "milliseconds") });
const policy: Check<PinCachePolicy> = (value, place) => {
  if (value === "process" || value === "none" || value === "always-prompt") return value;
  if (typeof value === "object" && value !== null) return timed(value, place);
  const remedy = 'give "process", "none", "always-prompt" or { timedMs: milliseconds }';
  return refuse(place, shown(value), remedy, "invalid-value");
};
const policies = optionsOf<PinCachePolicies>({
  user: optional(policy),
  signature: optional(policy),
  unblock: optional(policy),
  admin: optional(policy),
});
const pinCache: Check<PinCachePolicy | PinCachePolicies> = (value, place) => {
  const isByRole = typeof value === "object" && value !== null && !("timedMs" in value);
  return isByRole ? policies(value, place) : policy(value, place);
};
const pinPrompt: Check<PinPrompt | "pad"> = (value, place) =>
  value === "pad" ? value : callback<PinPrompt>('a function that asks for the PIN, or "pad"')(value, place);

const cardModule: Check<CardModule> = (value, place) => {
  const module = having<CardModule>(["open"], "a card module")(value, place);
  text("the name of a module")(module.name, { ...place, path: `${place.path}.name` });
  return module;
};

const openOptions = optionsOf<OpenCardOptions>({
  ...waitMembers,
  pin: optional(pinPrompt),
  pinCache: optional(pinCache),
  modules: optional(listOf(cardModule, "card modules", 1024)),
  module: optional(text("the name of a module")),
});

/** Checks the options of openCard. @throws invalid-parameter, invalid-value */
export function checkOpenOptions(options: unknown): OpenCardOptions {
  return openOptions(options, { operation: "openCard", path: "options" });
}

/**
 * Finds the module of the card on a connection, and opens the card.
 *
 * @throws card-unsupported (no module takes the card), provider-not-found (no module has the name that was given), and what
 * the connection throws
 */
export async function openCardOn(
  connection: Connection,
  options: OpenCardOptions,
  terms: OpenCardTerms,
): Promise<OpenCard> {
  const { clock, crypto: library, dispose = async () => undefined, webCrypto } = terms;
  const host = new ConnectionHost(connection, library);
  const wait: WaitOptions = {
    ...(options.signal !== undefined && { signal: options.signal }),
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
  };
  host.signal = options.signal;
  const all = [...(options.modules ?? []), ...cardModules];
  const { atr, eventCount } = await connection.status(wait);
  host.atr = atr;
  const candidates =
    options.module === undefined ? await candidatesFor(atr, all, terms) : named(options.module, all, connection.reader);
  const identified = options.module === undefined ? all.filter(({ identifiers }) => identifiers !== undefined) : [];
  const find = (): Promise<Found> => firstThatOpens(candidates, identified, host);
  const { card, module } = await connection.transaction(find, { ...wait, onReset: "repeat" });
  const pad = new ReaderPinPad(connection);
  const gone = (): void => cache.end();
  const sessions = new CardSessions({ connection, host, module, card, clock, gone });
  const watch = new RemovalWatch({ connection, clock, isNeeded: () => !cache.isEmpty, gone });
  const cache = new PinCache(
    {
      ...{ clock, randomBytes: (length) => library.randomBytes(length), kept: () => watch.start() },
      pins: (terms.pinCaches ?? new PinCaches()).of(nameOf(connection.reader, module, card), eventCount),
      policyOf: (role) => policyOf(sessions.card, role, options.pinCache),
    },
    card.pins.map(({ role }) => role),
  );
  const pins = new PinEntry(sessions, cache, { prompt: options.pin, pad, clock, reader: connection.reader });
  return new KeyCard({ module: module.name, host, sessions, pins, cache, watch, webCrypto, dispose });
}

/** Names a card in this process; undefined for one that its serial number does not tell apart from others. */
function nameOf(reader: string, module: CardModule, { identity, serialNumber }: ModuleCard): string | undefined {
  return serialNumber ? `${reader}\n${module.name}\n${identity}` : undefined;
}

/** What holds of a PIN: the stricter of what its card and the caller want. */
function policyOf(card: ModuleCard, role: PinRole, given: OpenCardOptions["pinCache"]): PinCachePolicy {
  const described = card.pins.find((pin) => pin.role === role)?.cache;
  const wanted = typeof given === "object" && !("timedMs" in given) ? given[role] : given;
  return stricterPolicy(described, wanted);
}

interface Found {
  readonly module: CardModule;
  readonly card: ModuleCard;
}

/** Those that the database names for the card come first, then all others that ask cards whether they are theirs. */
async function candidatesFor(
  atr: Uint8Array,
  all: readonly CardModule[],
  { cardTypes }: OpenCardTerms,
): Promise<readonly CardModule[]> {
  const types = (await cardTypes?.(atr)) ?? [];
  const names = types.flatMap(({ providers }) => providers["card-module"] ?? []);
  const first = names.flatMap((name) => all.filter((module) => hasName(module, name)));
  return [...new Set([...first, ...all.filter(({ identifiers }) => identifiers === undefined)])];
}

function named(name: string, all: readonly CardModule[], reader: string): readonly CardModule[] {
  const found = all.filter((module) => hasName(module, name));
  if (found.length > 0) return found;
  const known = all.map((module) => module.name).join(", ");
  const message = `there is no card module ${JSON.stringify(name)}; known: ${known}; pass your own in modules`;
  throw new SmartCardError("provider-not-found", message, { reader, operation: "openCard" });
}

function hasName({ name, otherNames = [] }: CardModule, wanted: string): boolean {
  return [name, ...otherNames].some((one) => foldName(one) === foldName(wanted));
}

/** The first module that takes the card; where none does, one whose identifier the card tells. */
async function firstThatOpens(
  candidates: readonly CardModule[],
  identified: readonly CardModule[],
  host: ConnectionHost,
): Promise<Found> {
  const open = async (modules: readonly CardModule[]): Promise<Found | undefined> => {
    for (const module of modules) {
      const card = await module.open(host);
      if (card !== undefined) return { module, card };
    }
    return undefined;
  };
  const found = await open(candidates);
  if (found !== undefined) return found;
  // Only the first one counts for Windows.
  const [told] = await cardIdentifiers(host);
  const named = identified.filter(({ identifiers = [] }) => identifiers.some((one) => plainDigits(one) === told));
  const other = told === undefined ? undefined : await open(named);
  if (other !== undefined) return other;
  const tried = [...candidates, ...named].map(({ name }) => name).join(", ");
  const itself = told === undefined ? "" : `, which tells the identifier ${told},`;
  const message = `no module takes the card with the ATR ${encodeHex(host.atr, " ")}${itself} in "${host.reader}"; tried: ${tried}; pass a module for it in modules`;
  throw new SmartCardError("card-unsupported", message, host.place);
}

/** A GUID without braces and hyphens. */
function plainDigits(guid: string): string {
  return guid.replaceAll(/[^0-9a-f]/gi, "").toUpperCase();
}
