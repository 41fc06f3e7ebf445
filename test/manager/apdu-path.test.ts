// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import type { Reader } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { apdu, bytesOf, settle } from "./world.ts";

// The way of one APDU through the manager, as the class comment of SlotConnection has it: who follows a call in the
// editor opens each file once.

const path = ["connection.ts", "operations.ts", "reader-access.ts", "driver.ts"];

/** A reader that notes from where each exchange is called, and the protocols that its card was made to speak. */
function tracingReader(): { readonly reader: Reader; readonly stacks: string[]; readonly negotiated: string[] } {
  const stacks: string[] = [];
  const negotiated: string[] = [];
  const reader: Reader = {
    description: {
      name: "Tracing",
      id: "tracing",
      vendor: "",
      product: "",
      type: "vendor",
      protocols: ["t0", "t1"],
      canEject: false,
    },
    open: async (events) => events.inserted(),
    power: async () => bytesOf("3B8180018080"),
    setProtocol: async (protocol) => void negotiated.push(protocol),
    transmit: async () => {
      stacks.push(stackHere());
      return bytesOf("9000");
    },
    control: async () => bytesOf(""),
    getAttribute: () => undefined,
    setAttribute: () => false,
    close: async () => {},
  };
  return { negotiated, reader, stacks };
}

function stackHere(): string {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const { stack } = new Error("here");
  Error.stackTraceLimit = before;
  return stack ?? "";
}

/** The manager's files in a stack, from the caller down: a file that calls itself counts once. */
function filesOf(stack: string): string[] {
  const files = Array.from(stack.matchAll(/managers\/embedded\/([\w-]+\.ts)/g), ([, file]) => file ?? "").reverse();
  return files.filter((file, place) => file !== files[place - 1]);
}

async function connected() {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime });
  const { negotiated, reader, stacks } = tracingReader();
  const name = await manager.addReader(reader);
  await runtime.settle();
  const connect = async (client: string) => {
    const context = await manager.client({ name: client }).establishContext();
    return context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
  };
  return { connect, negotiated, runtime, stacks };
}

describe("the way of one APDU", () => {
  test("enters no file twice where the reader is free", async () => {
    const { connect, stacks } = await connected();
    const connection = await connect("one");
    await connection.transmit(apdu);
    expect(stacks.map(filesOf)).toEqual([path]);
  });

  test("enters no file twice after a reset, when the card is first made to speak its protocol", async () => {
    const { connect, negotiated, stacks } = await connected();
    const connection = await connect("one");
    await connection.beginTransaction();
    await connection.endTransaction("reset");
    expect(negotiated).toHaveLength(1);
    await connection.transmit(apdu);
    expect(negotiated).toHaveLength(2);
    expect(stacks.map(filesOf)).toEqual([path]);
  });

  test("enters no file twice where it had to wait for its turn", async () => {
    const { connect, runtime, stacks } = await connected();
    const [holder, waiting] = [await connect("one"), await connect("two")];
    await holder.beginTransaction();
    const sent = waiting.transmit(apdu);
    await runtime.settle();
    expect(stacks).toEqual([]);
    await holder.endTransaction();
    await sent;
    expect(stacks.map(filesOf)).toEqual([path]);
  });
});
