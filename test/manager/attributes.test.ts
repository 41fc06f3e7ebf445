// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { type Attribute, attributes, type Reader } from "../../src/port/index.ts";
import { VpcdReader } from "../../src/readers/vpcd/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { settle } from "./world.ts";

const asked = [
  "vendor-name",
  "vendor-ifd-type",
  "vendor-ifd-serial-no",
  "device-friendly-name-a",
  "device-system-name-a",
  "device-friendly-name-w",
] as const satisfies readonly Attribute[];

/** A driver that ends its text as drivers of pcsc-lite do. */
function withNul(inner: Reader): Reader {
  return new Proxy<Reader>(inner, {
    get: (target, key) => {
      if (key === "getAttribute") {
        return (attribute: number): Uint8Array | undefined => {
          const value = target.getAttribute(attribute);
          return value && Uint8Array.of(...value, ...(attribute >>> 16 === 1 ? [0] : []));
        };
      }
      const member: unknown = Reflect.get(target, key);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

test.each(["pcsclite", "windows"] as const)(
  "text ends in the same way on every reader, profile %s",
  async (profile) => {
    const runtime = new SimulatedRuntime({ settle });
    const { clock, trace } = runtime;
    const manager = new EmbeddedManager({ runtime, profile });
    const host = "127.0.0.1";
    const readers = [
      { reader: new VirtualReader({ name: "Desk", serial: "0815", clock }), serial: "0815", id: "virtual:0815" },
      {
        reader: new VpcdReader({ name: "Slot", host, port: 1, clock, trace }),
        serial: `${host}:1`,
        id: `vpcd:${host}:1`,
      },
      { reader: withNul(new VirtualReader({ name: "Other", serial: "7", clock })), serial: "7", id: "virtual:7" },
    ];
    const context = await manager.establishContext();
    for (const { id, reader, serial } of readers) {
      const name = await manager.addReader(reader);
      const connection = await context.connect(name, { shareMode: "direct", preferredProtocols: [] });
      const told: string[] = [];
      for (const attribute of asked) {
        const value = await connection.getAttribute(attributes[attribute].value);
        told.push(new TextDecoder(attribute.endsWith("-w") ? "utf-16le" : "utf-8").decode(value));
      }
      const nul = profile === "pcsclite" ? "\0" : "";
      const { product } = reader.description;
      expect(told).toEqual([`scard${nul}`, `${product}${nul}`, `${serial}${nul}`, `${name}\0`, `${id}\0`, `${name}\0`]);
      await connection.disconnect("leave");
    }
    await manager.close();
  },
);

test("a driver gets the tag of an attribute unsigned, in whichever sign the caller has it", async () => {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime });
  const asked: number[] = [];
  const reader = new VirtualReader({ name: "Desk", clock: runtime.clock });
  reader.getAttribute = (tag) => {
    asked.push(tag);
    return new Uint8Array();
  };
  reader.setAttribute = (tag) => asked.push(tag) > 0;
  const name = await manager.addReader(reader);
  const context = await manager.establishContext();
  const connection = await context.connect(name, { shareMode: "direct", preferredProtocols: [] });
  asked.length = 0;
  await connection.getAttribute(-1);
  await connection.setAttribute(-2, new Uint8Array(1));
  expect(asked).toEqual([0xffff_ffff, 0xffff_fffe]);
  await manager.close();
});
