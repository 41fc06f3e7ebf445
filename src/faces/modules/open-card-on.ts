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
import type { CardModule, ModuleCard } from "./card-module.ts";
import { CardSessions } from "./card-sessions.ts";
import { gidsModule } from "./gids-module.ts";
import { KeyCard } from "./key-card.ts";
import { ConnectionHost } from "./module-host.ts";
import type { OpenCard } from "./open-card.ts";
import { openPgpModule } from "./openpgp-module.ts";
import { PinCache, type PinCachePolicy } from "./pin-cache.ts";
import { PinEntry, type PinPrompt } from "./pin-entry.ts";
import { pivModule } from "./piv-module.ts";
import { pkcs15Module } from "./pkcs15-module.ts";

/** How to open a card. */
export interface OpenCardOptions extends WaitOptions {
  /** Asks the user for a PIN when a key needs it. @default none: call `verifyPin` before */
  readonly pin?: PinPrompt | undefined;
  /** How long a PIN that the card has accepted is kept. @default "process" */
  readonly pinCache?: PinCachePolicy | undefined;
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
  /** Ends what was opened for it. @default nothing */
  readonly dispose?: (() => Promise<void>) | undefined;
}

/**
 * The modules of this package, in the order in which a card is asked: PIV before GIDS, as Windows does it.
 *
 * @see Microsoft, "Smart Card Discovery Process"
 */
export const cardModules: readonly CardModule[] = [pivModule, gidsModule, openPgpModule, pkcs15Module];

const pinCache: Check<PinCachePolicy> = (value, place) => {
  if (value === "process" || value === "none") return value;
  if (typeof value !== "object" || value === null)
    return refuse(place, shown(value), 'give "process", "none" or { timedMs: milliseconds }', "invalid-value");
  const { timedMs } = optionsOf<{ timedMs: number }>({ timedMs: wholeNumber(1, MAX_TIMER_MS, "milliseconds") })(
    value,
    place,
  );
  return { timedMs };
};

const cardModule: Check<CardModule> = (value, place) => {
  const module = having<CardModule>(["open"], "a card module")(value, place);
  text("the name of a module")(module.name, { ...place, path: `${place.path}.name` });
  return module;
};

const openOptions = optionsOf<OpenCardOptions>({
  ...waitMembers,
  pin: optional(callback<PinPrompt>("a function that asks for the PIN")),
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
  const { clock, crypto, dispose = async () => undefined, webCrypto } = terms;
  const host = new ConnectionHost(connection, crypto);
  const wait: WaitOptions = {
    ...(options.signal !== undefined && { signal: options.signal }),
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
  };
  host.signal = options.signal;
  const all = [...(options.modules ?? []), ...cardModules];
  const { atr } = await connection.status(wait);
  host.atr = atr;
  const candidates =
    options.module === undefined ? await candidatesFor(atr, all, terms) : named(options.module, all, connection.reader);
  const find = (): Promise<Found> => firstThatOpens(candidates, host);
  const { card, module } = await connection.transaction(find, { ...wait, onReset: "repeat" });
  const cache = new PinCache(options.pinCache ?? "process", clock);
  const gone = (): void => cache.clear();
  const sessions = new CardSessions({ connection, host, module, card, clock, gone });
  const pins = new PinEntry(sessions, cache, { prompt: options.pin, clock, reader: connection.reader });
  return new KeyCard({ module: module.name, host, sessions, pins, cache, clock, webCrypto, dispose });
}

interface Found {
  readonly module: CardModule;
  readonly card: ModuleCard;
}

/** Those that the database names for the card come first, then all others. */
async function candidatesFor(
  atr: Uint8Array,
  all: readonly CardModule[],
  { cardTypes }: OpenCardTerms,
): Promise<readonly CardModule[]> {
  const types = (await cardTypes?.(atr)) ?? [];
  const names = types.flatMap(({ providers }) => providers["card-module"] ?? []);
  const first = names.flatMap((name) => all.filter((module) => hasName(module, name)));
  return [...new Set([...first, ...all])];
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

async function firstThatOpens(candidates: readonly CardModule[], host: ConnectionHost): Promise<Found> {
  for (const module of candidates) {
    const card = await module.open(host);
    if (card !== undefined) return { module, card };
  }
  const tried = candidates.map(({ name }) => name).join(", ");
  const message = `no module takes the card with the ATR ${encodeHex(host.atr, " ")} in "${host.reader}"; tried: ${tried}; pass a module for it in modules`;
  throw new SmartCardError("card-unsupported", message, host.place);
}
