// SPDX-License-Identifier: MIT

import { type OpenCard, openCard } from "../../entry/modules.ts";
import { nodeRuntime } from "../../platform/node/runtime/index.ts";
import { type Connection, type HostCrypto, SmartCardError, type WaitOptions } from "../../port/index.ts";
import { CardPins, type PinChoice } from "./card-pins.ts";
import { readerOption } from "./connect-options.ts";
import { explainingWait } from "./holder-notice.ts";
import { managerOption, withManager } from "./manager-option.ts";
import { type OptionTable, UsageError } from "./options.ts";
import { chooseReader } from "./reader-choice.ts";
import type { Terminal } from "./terminal.ts";
import { visible } from "./text.ts";
import { waiting } from "./waiting.ts";

/** Options of all commands for the card in a reader. */
export const cardOptions = { ...readerOption, ...managerOption } as const satisfies OptionTable;

/** A group of commands: those for one kind of card, or for any. */
export interface CardGroup {
  /** The word behind `scard`. */
  readonly name: "piv" | "openpgp" | "card";
  /** The module that must take the card. @default any */
  readonly module: string | undefined;
  /** What the application is called, for errors. */
  readonly application: string;
  /** What a key is called in usages. */
  readonly keyWord: "SLOT" | "KEY";
  /** What the help says of it. */
  readonly keyHelp: string;
  /** The name of a key on the card. @throws UsageError (there can be no such key) */
  readonly keyOf: (word: string) => string;
  /** The card, where it is connected to already. @default the command connects to the card that its options choose */
  readonly place?: ConnectedCard;
}

/** A card that is connected to already: the one of `scard shell`. */
export interface ConnectedCard {
  /** Lends the connection. @throws UsageError (it is in a transaction), and what connecting fails with */
  lend<T>(signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T>;
}

const anyCard = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;

/** What a command works with. */
export interface CardSession {
  readonly card: OpenCard;
  readonly pins: CardPins;
  readonly crypto: HostCrypto;
  /** For each call: it ends when the program is asked to end. */
  readonly wait: WaitOptions;
}

/** What was chosen on the command line. */
export interface CardChoice extends PinChoice {
  readonly reader?: string | undefined;
  readonly manager?: string | undefined;
}

/** Opens the card that was chosen, works with it, and closes it. */
export function withCard<T>(
  group: CardGroup,
  choice: CardChoice,
  terminal: Terminal,
  work: (session: CardSession) => Promise<T>,
): Promise<T> {
  const { place } = group;
  return waiting(terminal, undefined, ({ signal }) => {
    if (place !== undefined) {
      if (choice.manager !== undefined || choice.reader !== undefined)
        throw new UsageError("the shell has one card: leave --reader and --manager out");
      return place.lend(signal, (connection) => withModule(connection, { group, choice, terminal, signal }, work));
    }
    return withManager(choice.manager, terminal, async (manager) => {
      const { context } = manager;
      const reader = await chooseReader(context, choice.reader);
      const connection = await context.connect(reader, { ...anyCard, signal }).catch((error: unknown) => {
        throw explained(error, group, reader, false);
      });
      try {
        // Another program may be in a transaction: from here on commands come soon after one another.
        const free = connection.transaction(async () => undefined, { signal, onReset: "repeat" });
        await explainingWait(manager, reader, terminal, free).catch((error: unknown) => {
          throw explained(error, group, reader, false);
        });
        return await withModule(connection, { group, choice, terminal, signal }, work);
      } finally {
        await connection.disconnect("leave").catch(() => undefined);
      }
    });
  });
}

/** What a command was given. */
interface Chosen {
  readonly group: CardGroup;
  readonly choice: CardChoice;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Opens the module of the card, and works with it. */
async function withModule<T>(
  connection: Connection,
  { choice, group, signal, terminal }: Chosen,
  work: (session: CardSession) => Promise<T>,
): Promise<T> {
  const pins = new CardPins(terminal, choice);
  const { makeHostCrypto } = await import("../../platform/node/crypto/index.ts");
  const state = { isOpen: false };
  try {
    await using card = await openCard(connection, { pin: pins.prompt, module: group.module, signal });
    state.isOpen = true;
    return await work({ card, pins, crypto: makeHostCrypto(nodeRuntime().random), wait: { signal } });
  } catch (error) {
    throw explained(error, group, connection.reader, state.isOpen);
  }
}

/** An error of the library, with the remedy that a command has. */
function explained(error: unknown, { application, module, name }: CardGroup, reader: string, isOpen: boolean): unknown {
  if (!(error instanceof SmartCardError)) return error;
  const again = (reason: string): SmartCardError =>
    new SmartCardError(error.code, reason, error.details, { cause: error });
  const where = `"${visible(reader)}"`;
  switch (error.code) {
    case "card-unsupported":
      if (module === undefined) return again(`no card module of this program knows the card in ${where}`);
      return again(`the card in ${where} has no ${application}; "scard card info" says what it has`);
    case "no-smartcard":
      return again(`there is no card in ${where}: put it in`);
    case "removed-card":
      if (!isOpen) return again(`there is no card in ${where}: put it in`);
      return again(`the card was pulled out of ${where}, or exchanged, in the middle; put it back and begin anew`);
    case "chv-blocked":
      return again(
        error.reason.replace(/unblock\(\) sets a new one.*$/, `"scard ${name} access unblock-pin" sets a new one`),
      );
    case "security-violation":
      return again(error.reason.replace(/: to send it all the same answer .*$/, ": --force sends it all the same"));
    case "unsupported-feature":
      return again(error.reason.replace(/give openCard\(\) a function pin.*$/, "use --pin prompt"));
    default:
      return error;
  }
}
