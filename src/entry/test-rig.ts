// SPDX-License-Identifier: MIT

/**
 * `scard/testing/rig`: a manager, a virtual reader and a card for one test, and all of it is gone afterwards. It needs no
 * service and no test runner: vitest, jest and node:test use it alike.
 */

import { type CardFault, FaultyCard, type SoftwareCard } from "../cards/software-card/index.ts";
import type { EmbeddedManager } from "../managers/embedded/index.ts";
import { nodeClock } from "../platform/node/runtime/index.ts";
import {
  anyText,
  type Check,
  type Connection,
  type ConnectOptions,
  type Context,
  having,
  listOf,
  optional,
  optionsOf,
  refuse,
  shown,
} from "../port/index.ts";
import type { VirtualReader } from "../readers/virtual/index.ts";
import { embeddedManager, type OpenedCard, openDescribedCard, openSoftwareCard, virtualReader } from "./software.ts";

/** What a test needs. */
export interface TestRigOptions {
  /**
   * The card: `demo`, `piv`, `openpgp`, `gids`, `yubikey` or `filesystem` for a new one; the path of a description; a description, as
   * JSON has it; or a card of your own.
   */
  readonly card: string | object | SoftwareCard;
  /** The name of its reader. @default the one that programs look for, or else `Virtual Reader` */
  readonly reader?: string | undefined;
  /** What goes wrong at which command of the card. @default nothing */
  readonly faults?: readonly CardFault[] | undefined;
}

/** A manager with one reader and a card in it. */
export interface TestRig extends AsyncDisposable {
  readonly manager: EmbeddedManager;
  /** The reader: `reader.remove()` pulls the card, `reader.insert(rig.card)` puts it back. */
  readonly reader: VirtualReader;
  readonly readerName: string;
  readonly card: SoftwareCard;
  readonly context: Context;
  /** Connects to the card: shared, over any protocol that it has, unless you say otherwise. */
  connect(options?: Partial<ConnectOptions>): Promise<Connection>;
  /** Ends all. `await using` calls it. */
  close(): Promise<void>;
}

const someCard: Check<TestRigOptions["card"]> = (value, place) => {
  if (typeof value === "string" || (typeof value === "object" && value !== null && !Array.isArray(value))) return value;
  const remedy = "pass a kind of card, the path of its description, the description itself, or a software card";
  return refuse(place, shown(value), remedy);
};
const rigOptions = optionsOf<TestRigOptions>({
  card: someCard,
  reader: optional(anyText),
  // The card with faults says what is wrong with them.
  faults: optional(listOf((value) => value as CardFault, "faults")),
});
const isCard = having<SoftwareCard>(["reset", "powerOff", "process"], "a software card");

/**
 * Makes a manager with one virtual reader and a card in it, for a test.
 *
 * ```ts
 * await using rig = await testRig({ card: "piv" });
 * const card = await rig.connect();
 * const answer = await card.transmit(Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00));
 * ```
 *
 * @throws invalid-value (no such card; what is wrong with its description), invalid-parameter (no card)
 */
export async function testRig(options: TestRigOptions): Promise<TestRig> {
  const { card: wanted, faults, reader: named } = rigOptions(options, { operation: "testRig", path: "options" });
  const { card, readerOptions } = await cardOf(wanted);
  const manager = embeddedManager();
  try {
    const reader = virtualReader({ ...readerOptions, ...(named !== undefined && { name: named }) });
    const inserted =
      faults === undefined ? card : new FaultyCard(card, { faults, clock: nodeClock, remove: () => reader.remove() });
    reader.insert(inserted);
    const added = await manager.addReader(reader);
    const context = await manager.establishContext();
    const close = async (): Promise<void> => {
      await context.release().catch(() => undefined);
      await manager.close();
    };
    return {
      manager,
      reader,
      readerName: added,
      card: inserted,
      context,
      connect: (terms = {}) =>
        context.connect(added, { shareMode: "shared", preferredProtocols: ["t0", "t1"], ...terms }),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await manager.close();
    throw error;
  }
}

async function cardOf(card: TestRigOptions["card"]): Promise<Pick<OpenedCard, "card" | "readerOptions">> {
  if (typeof card === "string") {
    return openSoftwareCard(card);
  }
  if ("process" in card)
    return { card: isCard(card, { operation: "testRig", path: "options.card" }), readerOptions: {} };
  return openDescribedCard(card);
}
