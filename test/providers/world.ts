// SPDX-License-Identifier: MIT

import { type SoftwareCard, VirtualReader } from "../../src/entry/cards.ts";
import { ClassFactory, ComError } from "../../src/faces/providers/index.ts";
import { type CardPicker, WinSCard } from "../../src/faces/winscard/index.ts";
import { EmbeddedManager, type EmbeddedManagerOptions } from "../../src/managers/embedded/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { EchoCard, settle } from "../manager/world.ts";
import { Recorder } from "./recorder.ts";

/** All that the tests of a file write, and that anything in them writes. No code of a card may be in it. */
export const recorder: Recorder = new Recorder();

/** A program with the WinSCard API and a class factory of its own. */
export interface Program {
  readonly winscard: WinSCard;
  readonly factory: ClassFactory;
}

/** A manager with one reader and a card in it, and programs that use them. */
export interface World {
  readonly runtime: SimulatedRuntime;
  readonly manager: EmbeddedManager;
  readonly reader: VirtualReader;
  readonly name: string;
  readonly program: (name: string, picker?: CardPicker) => Program;
}

export async function world<C extends SoftwareCard = EchoCard>(
  world: Omit<EmbeddedManagerOptions, "runtime"> & { readonly card?: C } = {},
): Promise<World & { readonly card: C }> {
  const { card: given, ...options } = world;
  const runtime = new SimulatedRuntime({ settle });
  recorder.watch(runtime);
  const manager = new EmbeddedManager({ runtime, ...options });
  const reader = new VirtualReader({ name: "Reader", clock: runtime.clock });
  const name = await manager.addReader(reader);
  const card = given ?? (new EchoCard() as SoftwareCard as C);
  reader.insert(card);
  await runtime.settle();
  const program = (client: string, picker?: CardPicker): Program => {
    const { clock } = runtime;
    const winscard = new WinSCard({ defaultManager: () => manager.client({ name: client }), clock, picker });
    return { winscard, factory: new ClassFactory({ winscard }) };
  };
  return { runtime, manager, reader, name, card, program };
}

/** The HRESULT's name that a call fails with. Every failure must be a ComError. */
export async function rejectionOf(promise: Promise<unknown>): Promise<string> {
  return (await errorOf(promise)).hresultName;
}

/** The error that a call fails with. */
export async function errorOf(promise: Promise<unknown>): Promise<ComError> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof ComError)) throw error;
    recorder.write(error);
    return error;
  }
  throw new Error("the call succeeded where an error was expected");
}
