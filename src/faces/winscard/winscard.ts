// SPDX-License-Identifier: MIT

import { Database, MemoryStore } from "../../database/index.ts";
import {
  anyText,
  type Check,
  type Clock,
  callback,
  clockObject,
  having,
  optional,
  optionsOf,
  Pace,
  type Random,
  shareModes,
  toNumber,
} from "../../port/index.ts";
import { checkedArguments } from "./argument-checks.ts";
import { protocolNumber } from "./arguments.ts";
import { type CacheFunctions, cacheFunctions } from "./cache-functions.ts";
import { type CardFunctions, cardFunctions } from "./card-functions.ts";
import { type CardTypeFunctions, cardTypeFunctions } from "./card-type-functions.ts";
import { type ContextFunctions, contextFunctions } from "./context-functions.ts";
import { databaseChoice } from "./database-choice.ts";
import { type DeviceFunctions, deviceFunctions } from "./device-functions.ts";
import { type ExchangeFunctions, exchangeFunctions } from "./exchange-functions.ts";
import { type DatabaseSource, type DefaultManager, Foundation } from "./foundation.ts";
import { HandleTable, type SCARDHANDLE } from "./handles.ts";
import { type LocateFunctions, locateFunctions } from "./locate-functions.ts";
import { type OpenCardFunctions, openCardFunctions } from "./open-card-functions.ts";
import { type ReaderNameFunctions, readerNameFunctions } from "./reader-name-functions.ts";
import type { CardPicker } from "./select-card.ts";
import { type ServiceFunctions, serviceFunctions } from "./service-functions.ts";

/** Dependencies of the WinSCard functions. Only the manager is required. */
export interface WinSCardOptions {
  /** Gives the resource manager for contexts that name none. Called each time; it may start one on demand. */
  readonly defaultManager: DefaultManager;
  /**
   * Gives the smart card database of a scope: card types, names and groups of readers, the audit log. Without one all
   * scopes have the same, which is empty at first, in memory, and gone with this object.
   *
   * `"system"`: the manager's own instead, where it has one: Windows' registry of cards and readers, its card cache, its
   * log, and what it knows of readers as devices. Elsewhere the functions on those fail with `unsupported-feature`.
   */
  readonly database?: DatabaseSource | "system" | undefined;
  /** What SCardAudit takes the time from, and the event of SCardAccessStartedEvent waits by; those need it. */
  readonly clock?: Clock | undefined;
  /**
   * Random source of the numbers of contexts and cards; `scard/winscard` passes the system's. Without it they are
   * consecutive, and a handle passed to another thread can be valid there.
   */
  readonly random?: Random | undefined;
  /** Who writes into the audit log: name and process of the program. */
  readonly program?: string | undefined;
  /** The dialog of SCardUIDlgSelectCard and GetOpenCardName, for calls that bring none of their own. */
  readonly picker?: CardPicker | undefined;
}

const databaseSource = callback<DatabaseSource>('a function that gives the database of a scope, or "system"');
const databaseOption: Check<DatabaseSource | "system"> = (value, place) =>
  value === "system" ? value : databaseSource(value, place);

const winscardOptions = optionsOf<WinSCardOptions>({
  defaultManager: callback<DefaultManager>("a function that gives the resource manager: () => manager"),
  database: optional(databaseOption),
  random: optional(having<Random>(["bytes"], "a source of random bytes")),
  clock: optional(clockObject),
  program: optional(anyText),
  picker: optional(having<CardPicker>(["pick"], "a dialog")),
});

/** All functions, by what they work on. */
export interface FunctionGroups
  extends ContextFunctions,
    CardFunctions,
    ExchangeFunctions,
    CardTypeFunctions,
    ReaderNameFunctions,
    LocateFunctions,
    CacheFunctions,
    DeviceFunctions,
    ServiceFunctions,
    OpenCardFunctions {}

/** The functions over one foundation. Those that stand on others call them as a program would: guarded. */
function functionsOver(foundation: Foundation, pace: Pace | undefined, picker: CardPicker | undefined): FunctionGroups {
  const context = guarded(contextFunctions(foundation), pace);
  const card = guarded(cardFunctions(foundation), pace);
  const inDatabase = databaseChoice(foundation, context);
  const cardType = guarded(cardTypeFunctions(inDatabase), pace);
  return {
    ...context,
    ...card,
    ...guarded(exchangeFunctions(foundation), pace),
    ...cardType,
    ...guarded(readerNameFunctions(inDatabase), pace),
    ...guarded(locateFunctions(foundation, inDatabase), pace),
    ...guarded(cacheFunctions(foundation, inDatabase), pace),
    ...guarded(deviceFunctions(foundation, inDatabase), pace),
    ...guarded(serviceFunctions(foundation, inDatabase), pace),
    ...guarded(openCardFunctions(foundation, { ...context, ...card, ...cardType }, picker), pace),
  };
}

type AsyncFunction = (...given: never[]) => Promise<unknown>;

/**
 * The functions, each of which refuses invalid arguments before it does anything, and yields to the event loop now and
 * then where calls are answered from memory or fail at once.
 */
function guarded<T extends Readonly<Record<keyof T, AsyncFunction>>>(functions: T, pace: Pace | undefined): T {
  const guard = ([name, run]: [string, AsyncFunction]): [string, AsyncFunction] => {
    // A refusal rejects, like every other failure.
    const call = (given: readonly unknown[]): Promise<unknown> => {
      try {
        return run(...(checkedArguments(name, given) as never[]));
      } catch (error) {
        return Promise.reject(error);
      }
    };
    return [name, (...given) => (pace === undefined ? call(given) : pace.settle(call(given)))];
  };
  return Object.fromEntries(Object.entries<AsyncFunction>(functions).map(guard)) as T;
}

/** An object of the functions that it is given. */
const FunctionObject = class {
  constructor(functions: FunctionGroups) {
    Object.assign(this, functions);
  }
} as new (
  functions: FunctionGroups,
) => FunctionGroups;

/**
 * The WinSCard functions over one table of handles. Each is a function of its own and can be taken off the object:
 *
 *     const { SCardEstablishContext, SCardConnect } = new WinSCard({ defaultManager: () => manager });
 *
 * C code ports line by line: parameters come in C's order, without the out-parameters and the lengths of buffers; a
 * call resolves to its out-values as one object, or rejects with a `SmartCardError` whose `rv` is what C would return.
 * Numbers are those of Microsoft's headers.
 *
 * The functions come in groups, by what they work on: `ContextFunctions`, `CardFunctions`, `ExchangeFunctions`,
 * `CardTypeFunctions`, `ReaderNameFunctions`, `LocateFunctions`, `CacheFunctions`, `DeviceFunctions`, `ServiceFunctions`,
 * `OpenCardFunctions`.
 */
export class WinSCard extends FunctionObject {
  readonly #table: HandleTable;

  constructor(options: WinSCardOptions) {
    const checked = winscardOptions(options, { operation: "WinSCard", path: "options" });
    const handles = new HandleTable({ random: checked.random });
    const foundation = new Foundation({ ...checked, handles, database: checked.database ?? databaseInMemory() });
    const pace = checked.clock === undefined ? undefined : new Pace(checked.clock);
    super(functionsOver(foundation, pace, checked.picker));
    this.#table = handles;
  }

  /**
   * How a connection was made: its share mode, SCARD_SHARE_*, and the protocol that was agreed on, SCARD_PROTOCOL_*. It uses
   * neither the card nor the reader, so it does not wait, and also works after the card was reset.
   *
   * @throws invalid-handle
   *
   * **Portability**: this is ours. C has no function that returns the share mode of a handle.
   */
  connectionTerms(card: SCARDHANDLE): { readonly shareMode: number; readonly protocol: number } {
    const { protocol, shareMode } = this.#table.card(card);
    return { shareMode: toNumber(shareModes, shareMode, "windows") ?? 0, protocol: protocolNumber(protocol) };
  }

  /** How many contexts and cards are open: both 0 once a program has closed all it opened. */
  get openHandles(): { readonly contexts: number; readonly cards: number } {
    return { contexts: this.#table.contexts, cards: this.#table.cards };
  }
}

function databaseInMemory(): DatabaseSource {
  const database = new Database(new MemoryStore());
  return () => database;
}
