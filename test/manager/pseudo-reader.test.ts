// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import {
  isPseudoReader,
  PNP_NOTIFICATION,
  type Reader,
  readerNameProblem,
  type SmartCardError,
} from "../../src/port/index.ts";
import { VpcdReader } from "../../src/readers/vpcd/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { failureOf, settle, world } from "./world.ts";

/** A driver that calls its reader as it likes: what a virtual reader does under another description. */
function named(name: string, id: string, runtime: SimulatedRuntime): Reader {
  const inner = new VirtualReader({ name: "inner", clock: runtime.clock });
  const description = { ...inner.description, name, id };
  return new Proxy<Reader>(inner, {
    get: (target, key) => {
      if (key === "description") return description;
      const member: unknown = Reflect.get(target, key);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

describe("the name of the pseudo reader", () => {
  test("is refused for readers of ours, in any case", () => {
    const { clock, trace } = new SimulatedRuntime({ settle });
    for (const name of [PNP_NOTIFICATION, PNP_NOTIFICATION.toUpperCase()]) {
      for (const make of [
        () => new VirtualReader({ name, clock }),
        () => new VpcdReader({ name, host: "127.0.0.1", port: 1, clock, trace }),
      ]) {
        expect(make).toThrow(/reserves/);
      }
    }
  });

  test("becomes another where a driver has it, under either profile", async () => {
    for (const profile of ["windows", "pcsclite"] as const) {
      const { manager, runtime, context } = await world({ profile });
      const name = await manager.addReader(named(PNP_NOTIFICATION, "hostile", runtime));
      expect(name).toBe(`${PNP_NOTIFICATION} 1`);
      const client = await context("a");
      expect(await client.listReaders()).toEqual(["Reader", name]);
      // The pseudo reader is not a reader that can be connected to.
      const options = { shareMode: "direct", preferredProtocols: [] } as const;
      expect((await failureOf(client.connect(PNP_NOTIFICATION, options))).code).toBe("unknown-reader");
      const seen = await client
        .getStatusChange([{ reader: PNP_NOTIFICATION }], { timeoutMs: 0 })
        .catch((error: SmartCardError) => error.details.readerStates ?? []);
      expect(seen.map(({ flags }) => [flags.empty, flags.present])).toEqual([[undefined, undefined]]);
    }
  });
});

test("reader names in a manager are valid and unique, for any names of the drivers", async () => {
  const odd = fc.oneof(
    fc.string({ unit: "binary", maxLength: 140 }),
    fc.string({ maxLength: 140 }),
    fc.constantFrom(
      "",
      " ",
      "R",
      "r",
      "R 1",
      PNP_NOTIFICATION,
      PNP_NOTIFICATION.toLowerCase(),
      "\ud800",
      "R".repeat(200),
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(odd, { minLength: 1, maxLength: 6 }), async (wanted) => {
      const runtime = new SimulatedRuntime({ settle });
      const manager = new EmbeddedManager({ runtime });
      const names: string[] = [];
      for (const [index, name] of wanted.entries())
        names.push(await manager.addReader(named(name, `${index}`, runtime)));
      expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
      for (const name of names) {
        expect(readerNameProblem(name)).toBeUndefined();
        expect(isPseudoReader(name)).toBe(false);
      }
      // One that can be a name, and is not taken, stays as it is.
      const [first = ""] = wanted;
      if (readerNameProblem(first) === undefined) expect(names[0]).toBe(first);
      await manager.close();
    }),
    { numRuns: 200 },
  );
});
