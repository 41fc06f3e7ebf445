// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { decodeCommand, type RunExchangeOptions, runExchange, type SendCommand } from "../../src/base/iso7816/index.ts";
import { FileSystemCard, parseCardImage, T0Adapter, VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeBlockCipher } from "../../src/platform/node/runtime/index.ts";
import { SimulatedRuntime, seededRandom } from "../../src/testing/runtime/index.ts";

const FILE_BYTES = 4096;
const fileId = Uint8Array.of(0x00, 0x01);

function makeCard(): FileSystemCard {
  const image = parseCardImage({
    name: "exchange card",
    files: [
      {
        type: "transparent",
        id: "0001",
        content: "00",
        size: FILE_BYTES,
        access: { read: "always", update: "always" },
      },
    ],
  });
  if (!image.ok) throw new Error(JSON.stringify(image.error));
  const card = new FileSystemCard(image.value, seededRandom(1), nodeBlockCipher);
  card.reset();
  return card;
}

/** A card over one of the protocols, and what was sent to it. */
function wired(protocol: "t0" | "t1"): { send: SendCommand; lengths: number[] } {
  const card = makeCard();
  const lengths: number[] = [];
  const adapter = new T0Adapter(card);
  return {
    lengths,
    send: async (command) => {
      lengths.push(command.length);
      return protocol === "t0" ? adapter.transmit(command) : card.process(command);
    },
  };
}

const ways: readonly (readonly [name: string, options: RunExchangeOptions & { protocol: "t0" | "t1" }])[] = [
  ["T=0, in envelopes", { protocol: "t0" }],
  ["T=0, in a chain", { protocol: "t0", longData: "chaining" }],
  ["T=1, with extended length fields", { protocol: "t1" }],
  ["T=1, in envelopes", { protocol: "t1", longData: "envelope" }],
  ["T=1, in a chain", { protocol: "t1", longData: "chaining" }],
];

describe.each(ways)("the file-system card over %s", (_, options) => {
  test("property: takes what it is sent, and gives it back, whatever the lengths", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 1200 }),
        fc.nat(FILE_BYTES - 1200),
        fc.constantFrom(1, 255, 256, 300, 65_536),
        fc.constantFrom(undefined, 256, 1000),
        async (data, offset, le, updateLe) => {
          const { lengths, send } = wired(options.protocol);
          const at = (place: number): { p1: number; p2: number } => ({ p1: place >> 8, p2: place & 0xff });
          const selected = await runExchange(send, { cla: 0, ins: 0xa4, p1: 0, p2: 4, data: fileId, le: 256 }, options);
          expect([selected.sw, selected.data[0]]).toEqual([0x9000, 0x62]);
          const update = { cla: 0, ins: 0xd6, ...at(offset), data, le: updateLe };
          expect((await runExchange(send, update, options)).sw).toBe(0x9000);
          const read: number[] = [];
          while (read.length < data.length) {
            const place = at(offset + read.length);
            const response = await runExchange(send, { cla: 0, ins: 0xb0, ...place, le }, options);
            expect([0x9000, 0x6282]).toContain(response.sw);
            expect(response.data.length).toBeGreaterThan(0);
            expect(response.data.length).toBeLessThanOrEqual(le);
            read.push(...response.data);
          }
          expect(encodeHex(Uint8Array.from(read.slice(0, data.length)))).toBe(encodeHex(data));
          if (options.protocol === "t0") expect(Math.max(...lengths)).toBeLessThanOrEqual(260);
        },
      ),
      { numRuns: 15 },
    );
  });

  test("answers the same refusals: the last part brings the status word", async () => {
    const { send } = wired(options.protocol);
    const missing = { cla: 0, ins: 0xd6, p1: 0, p2: 0, data: new Uint8Array(300) };
    expect((await runExchange(send, missing, options)).sw).toBe(0x6986);
  });
});

describe("connection.send over T=0, through the manager and the virtual reader", () => {
  test.each([undefined, "envelope", "chaining"] as const)("writes 3,000 bytes, longData %s", async (longData) => {
    const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
    const manager = new EmbeddedManager({ runtime });
    const reader = new VirtualReader({ name: "Desk", id: "desk", clock: runtime.clock });
    reader.insert(makeCard());
    await manager.addReader(reader);
    await runtime.settle();
    const context = await manager.establishContext();
    const connection = await context.connect("Desk", { shareMode: "shared", preferredProtocols: ["t0"] });
    expect(connection.protocol).toBe("t0");
    await connection.send({ cla: 0, ins: 0xa4, p1: 0, p2: 0x0c, data: fileId });
    const data = Uint8Array.from({ length: 3000 }, (_, index) => (index * 7) & 0xff);
    const options = longData === undefined ? {} : { longData };
    expect((await connection.send({ cla: 0, ins: 0xd6, p1: 0, p2: 0, data }, options)).sw).toBe(0x9000);
    const { data: end } = await connection.send({ cla: 0, ins: 0xb0, p1: 2996 >> 8, p2: 2996 & 0xff, le: 4 });
    expect(encodeHex(end)).toBe(encodeHex(data.subarray(-4)));
    await manager.close();
  });
});

test("property: a card of any answers over T=0 ends every exchange, within the limits", async () => {
  const answer = fc.oneof(
    fc
      .constantFrom(0x6100, 0x6101, 0x6c00, 0x6c01, 0x6c02, 0x9000, 0x6d00)
      .map((sw) => Uint8Array.of(sw >> 8, sw & 0xff)),
    fc.uint8Array({ maxLength: 300 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(answer, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(0, 10, 255, 256, 2000),
      fc.constantFrom("envelope" as const, "chaining" as const),
      async (answers, length, longData) => {
        let sent = 0;
        const send: SendCommand = async (command) => {
          expect(decodeCommand(command).ok).toBe(true);
          return Uint8Array.from(answers[sent++ % answers.length] ?? []);
        };
        const command = { cla: 0, ins: 0x2a, p1: 0, p2: 0, data: new Uint8Array(length), le: 65_536 };
        const code = await runExchange(send, command, { protocol: "t0", longData }).then(
          ({ data }) => (data.length <= 65_536 ? "done" : "too long"),
          (error) => error.code,
        );
        expect(["done", "no-envelope", "malformed-response", "endless-response", "response-too-long"]).toContain(code);
        expect(sent).toBeLessThanOrEqual(1024 + 9);
      },
    ),
    { numRuns: 60 },
  );
});
