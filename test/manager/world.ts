// SPDX-License-Identifier: MIT

import { decodeHex } from "../../src/base/binary/index.ts";
import { type SoftwareCard, VirtualReader, type VirtualReaderOptions } from "../../src/entry/cards.ts";
import { EmbeddedManager, type EmbeddedManagerOptions } from "../../src/managers/embedded/index.ts";
import type { Connection, Context, ErrorCode, ShareMode } from "../../src/port/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";

/** A card that answers each command with its own bytes and 9000, and keeps one byte of state until it is reset. */
export class EchoCard implements SoftwareCard {
  readonly #atr: Uint8Array;
  /** Resets so far, cold and warm. */
  readonly resets: string[] = [];
  /** Commands that came, as hexadecimal of their first two bytes. */
  readonly commands: Uint8Array[] = [];
  powered = false;

  constructor(atr = "3B8180018080") {
    this.#atr = bytesOf(atr);
  }

  reset(kind: "cold" | "warm"): Uint8Array {
    this.resets.push(kind);
    this.powered = true;
    return this.#atr;
  }

  powerOff(): void {
    this.powered = false;
  }

  process(command: Uint8Array): Uint8Array {
    this.commands.push(command.slice());
    return Uint8Array.of(...command, 0x90, 0x00);
  }
}

/** A manager with one virtual reader, on a clock of its own. */
export interface World {
  readonly runtime: SimulatedRuntime;
  readonly manager: EmbeddedManager;
  readonly reader: VirtualReader;
  readonly name: string;
  readonly card: EchoCard;
  /** Another reader in the same manager. */
  addReader(options: Omit<VirtualReaderOptions, "clock">): Promise<{ reader: VirtualReader; name: string }>;
  /** A context of a client with that name. */
  context(client: string, oneAtATime?: boolean): Promise<Context>;
  /** A connection of a new client with that name. */
  connect(client: string, shareMode?: ShareMode): Promise<Connection>;
}

export const apdu: Uint8Array = Uint8Array.of(0x00, 0xa4, 0x00, 0x00);

export function settle(): Promise<unknown> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Makes a world, with the card in the reader unless told otherwise. */
export async function world(
  world: Omit<EmbeddedManagerOptions, "runtime"> & { readonly empty?: boolean; readonly atr?: string } = {},
): Promise<World> {
  const { empty = false, atr, ...options } = world;
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime, ...options });
  const addReader: World["addReader"] = async (readerOptions) => {
    const reader = new VirtualReader({ ...readerOptions, clock: runtime.clock });
    return { reader, name: await manager.addReader(reader) };
  };
  const { reader, name } = await addReader({ name: "Reader" });
  const card = new EchoCard(atr);
  if (!empty) reader.insert(card);
  await runtime.settle();
  const context: World["context"] = (client, oneAtATime = false) =>
    manager.client({ name: client }).establishContext({ oneAtATime });
  return {
    runtime,
    manager,
    reader,
    name,
    card,
    addReader,
    context,
    async connect(client, shareMode = "shared") {
      return (await context(client)).connect(name, { shareMode, preferredProtocols: ["t1"] });
    },
  };
}

/** The bytes that hexadecimal text stands for. */
export function bytesOf(hex: string): Uint8Array {
  const decoded = decodeHex(hex);
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
}

/** How a promise stands, without waiting for it: pending, fulfilled, or the code that it was rejected with. */
export async function stateOf(promise: Promise<unknown>): Promise<"pending" | "fulfilled" | ErrorCode> {
  const state = Promise.race([
    promise.then(
      () => "fulfilled" as const,
      (error: unknown) => {
        if (error instanceof SmartCardError) return error.code;
        throw error;
      },
    ),
    settle().then(() => "pending" as const),
  ]);
  return state;
}

/** The error that a call fails with. */
export async function failureOf(promise: Promise<unknown>): Promise<SmartCardError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SmartCardError) return error;
    throw error;
  }
  throw new Error("the call succeeded where an error was expected");
}

/** Marks promises whose rejection is looked at later, so that it does not count as unhandled meanwhile. */
export function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
