// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeResponse } from "../../src/base/iso7816/index.ts";
import type { CardImageSource } from "../../src/entry/cards.ts";
import { cardLimits, FileSystemCard, parseCardImage } from "../../src/entry/cards.ts";
import { nodeBlockCipher } from "../../src/platform/node/runtime/index.ts";
import type { Random } from "../../src/port/index.ts";
import { apdu, Session, tlv } from "./session.ts";

/** The same bytes always, so that a card and its copy are given the same, however much was asked before. */
const even: Random = { bytes: (length) => new Uint8Array(length).fill(0x5a) };

/** Something of everything, open enough for histories to get anywhere. */
const source: CardImageSource = {
  name: "everything",
  pins: [
    {
      reference: 1,
      value: { text: "1234" },
      canDisable: true,
      resettingCode: { value: { text: "8765" } },
      access: { reset: { any: [{ key: 2 }, { pin: 2 }] } },
    },
    { reference: 2, value: { text: "12" }, padTo: 4, triesLeft: 2 },
    { reference: 3, value: { text: "333" }, enabled: false, canDisable: true },
  ],
  keys: [
    { reference: 1, algorithm: "aes", use: "internal", value: "00".repeat(16) },
    { reference: 2, algorithm: "aes", use: "external", value: "00".repeat(32), tries: 15 },
    { reference: 3, algorithm: "3des", use: "mutual", value: "00".repeat(16), mac: "00".repeat(16) },
  ],
  access: { createEf: "always", createDf: "always", deleteChild: { pin: 1 }, putData: "always" },
  objects: [{ tag: "5A", value: "01", access: { update: { pin: 1 } } }],
  files: [
    {
      type: "df",
      id: "1000",
      name: "A001",
      label: "one",
      access: { createEf: { pin: 1 }, createDf: "always", delete: "always", deactivate: "always", activate: "always" },
      files: [
        {
          type: "transparent",
          id: "1001",
          sfi: 1,
          content: "0001020304",
          access: { update: "always", deactivate: "always", activate: { pin: 1 }, terminate: "always" },
        },
        { type: "linear-fixed", id: "1002", sfi: 2, records: ["800103 9000"], access: { update: "always" } },
        { type: "transparent", id: "1003", sfi: 3, content: "AA", access: { arr: { file: "1002", record: 1 } } },
      ],
    },
    { type: "linear-variable", id: "2000", sfi: 4, recordSize: 5, maxRecords: 4, access: { update: "always" } },
    { type: "cyclic", id: "2001", sfi: 5, recordSize: 2, maxRecords: 3, access: { append: "always" } },
    { type: "transparent", id: "2002", sfi: 6, size: 8, lifeCycle: "creation", access: { read: { pin: 3 } } },
  ],
};

const pick = fc.constantFrom;
const byte = fc.nat(255).map((value) => value.toString(16).padStart(2, "0"));
const ids = pick("1000", "1001", "1002", "1003", "2000", "2001", "2002", "3000", "3001", "3002", "3F00");
const secrets = pick("31323334", "39393939", "38373635", "3132FFFF", "333333", "35353535");
const hexBytes = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((data) => Buffer.from(data).toString("hex"));

const rules = pick(
  "",
  tlv("8C", "03 00 00"),
  tlv("8C", "7F 00 00 00 00 00 00 11"),
  tlv("8B", "1002 01"),
  tlv("AB", "80017F A010 A406830101950108 A406830102950180"),
  tlv("AB", "800101 9000 800102 A406 830103 950108"),
);
const fileKinds = pick(
  "8201 01 8002 0006",
  "8205 0221 0003 02",
  "8205 0421 0004 03",
  "8205 0621 0001 02",
  "8201 38",
  "8201 38 8403 A00007",
);
const create = fc
  .tuple(fileKinds, ids, rules, pick("", "8A0101", "8A0103", "8A0104", "880108"))
  .map(([kind, id, rule, more]) => apdu("00E00000", tlv("62", kind, tlv("83", id), rule, more)));

/** A command of a card with these files, on the basic channel. */
const command: fc.Arbitrary<string> = fc.oneof(
  { arbitrary: create, weight: 3 },
  fc.tuple(pick("00", "01", "02"), pick("0C", "00", "04"), ids).map(([p1, p2, id]) => apdu(`00A4${p1}${p2}`, id, "00")),
  { arbitrary: pick("00E80200021001", "00040200021001", "00440200021001"), weight: 1 },
  pick(apdu("00200002", "39393939"), apdu("00200001", "39")),
  { arbitrary: pick(apdu("00200001", "31323334"), apdu("00200002", "3132FFFF")), weight: 3 },
  { arbitrary: pick("00A4000C", "00A4010C021000", "00A4020C021001", "00A4000C022000"), weight: 3 },
  pick("00A4000C", "00A4000600", "00A4030C", apdu("00A4040C", "A001"), apdu("00A40400", "A0", "00"), "00A4020700"),
  fc.tuple(pick("04", "44", "E4", "E6", "E8"), fc.option(ids)).map(([ins, id]) => apdu(`00${ins}0000`, id ?? "")),
  fc
    .tuple(pick("20", "24", "26", "28", "2C"), pick("00", "01", "02", "03", "FF"), pick("01", "02", "03"))
    .chain(([ins, p1, p2]) =>
      fc.array(secrets, { maxLength: 2 }).map((values) => apdu(`00${ins}${p1}${p2}`, values.join(""))),
    ),
  fc.tuple(pick("80", "81", "82", "83", "86", "00"), byte).map(([p1, le]) => `00B0${p1}00${le}`),
  fc
    .tuple(pick("D0", "D6", "0E"), pick("8100", "8300", "8600", "0000", "0002"), hexBytes(4))
    .map(([ins, place, data]) => apdu(`00${ins}${place}`, data)),
  fc
    .tuple(pick("D2", "DC", "E2"), pick("0014", "0024", "0124", "0020", "0028", "0004", "0003", "002B"), hexBytes(5))
    .map(([ins, place, data]) => apdu(`00${ins}${place}`, data)),
  fc.tuple(pick("0005", "0105", "0125", "012D", "0002"), byte).map(([place, le]) => `00B2${place}${le}`),
  fc.tuple(pick("0124", "0025"), hexBytes(2)).map(([place, data]) => apdu(`00A2${place}`, data, "00")),
  fc.tuple(pick("5A", "42"), hexBytes(4)).map(([tag, data]) => apdu(`00DA00${tag}`, data)),
  pick("00CA005A00", "00CA004200", "0084000010", "0084000008", "0070000001", "0070800100", "00FE0000"),
  // The answer to the challenge of `even` under a key of zeros, and a wrong one.
  pick(
    apdu("00820002", "0ABE390F81F6CF7C1932786A9F229487"),
    apdu("00820002", "00".repeat(16)),
    apdu("00880001", "00".repeat(16), "00"),
    apdu("00820003", "00".repeat(40), "00"),
  ),
);

/** Any bytes, or a command on any channel, chained, in an envelope, with something changed. */
const hostile: fc.Arbitrary<string> = fc.oneof(
  hexBytes(40),
  fc.tuple(byte, command).map(([cla, text]) => cla + text.slice(2)),
  fc.tuple(pick("00", "10", "01", "11", "40"), command).map(([cla, text]) => cla + text.slice(2)),
  fc.tuple(pick("00", "10"), command).map(([cla, text]) => apdu(`${cla}C20000`, text.slice(0, 400))),
  fc.tuple(command, fc.nat(20), byte).map(([text, at, other]) => {
    const place = 2 * at;
    return place < text.length ? text.slice(0, place) + other + text.slice(place + 2) : text;
  }),
  fc.tuple(command, hexBytes(6)).map(([text, more]) => text + more),
  fc
    .tuple(pick("04", "0E", "20", "24", "2C", "82", "A2", "B1", "D7", "DA", "E0", "E4"), byte, byte, hexBytes(30))
    .map(([ins, p1, p2, data]) => apdu(`00${ins}${p1}${p2}`, data, "00")),
);

const anything = fc.oneof({ arbitrary: command, weight: 20 }, { arbitrary: hostile, weight: 5 }, pick("reset"));
/** Long ones too: fast-check by itself prefers short lists. */
const longHistory = fc.array(anything, { minLength: 30, maxLength: 60, size: "max" });
const history = fc.oneof(fc.array(anything, { maxLength: 30 }), longHistory);

function live(session: Session, commands: readonly string[]): string[] {
  return commands.map((text) => {
    if (text !== "reset") return session.ask(text);
    return Buffer.from(session.card.reset()).toString("hex");
  });
}

/** First status bytes of ISO/IEC 7816-4:2005, table 5. */
const firstBytes = [0x61, 0x62, 0x63, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x90];

describe("a file-system card", () => {
  test("property: after any history, any bytes are answered with a status word, and the card keeps its limits", () => {
    fc.assert(
      fc.property(history, fc.array(hostile, { maxLength: 30 }), (before, commands) => {
        const session = new Session(source, even);
        live(session, before);
        for (const text of commands) {
          const answer = session.card.process(Uint8Array.from(Buffer.from(text, "hex")));
          const response = decodeResponse(answer);
          if (!response.ok) throw new Error(response.error.message);
          expect(firstBytes).toContain(response.value.sw1);
          // ISO/IEC 7816-4:2005, 5.1.3: an error says nothing else.
          if (response.value.sw1 >= 0x64 && response.value.sw1 < 0x90) expect(response.value.data).toHaveLength(0);
        }
        expect(JSON.stringify(session.card.toImage()).length).toBeLessThan(2 * cardLimits.contentBytes);
      }),
      { numRuns: 100 },
    );
  });

  test("property: a card that was saved and restored behaves as the one that was reset", () => {
    fc.assert(
      fc.property(history, history, (before, after) => {
        const session = new Session(source, even);
        live(session, before);
        const saved = session.card.toImage();
        const restored = new Session(JSON.parse(JSON.stringify(saved)), even);
        expect(restored.card.toImage()).toEqual(saved);
        session.card.reset();
        expect(live(restored, after)).toEqual(live(session, after));
        expect(restored.card.toImage()).toEqual(session.card.toImage());
      }),
      { numRuns: 100 },
    );
  });

  test("property: a card that is saved knows nothing of what it was doing", () => {
    fc.assert(
      fc.property(history, (before) => {
        const session = new Session(source, even);
        live(session, before);
        const saved = session.card.toImage();
        session.card.reset();
        expect(session.card.toImage()).toEqual(saved);
      }),
      { numRuns: 100 },
    );
  });

  test("histories get somewhere: most commands succeed or are refused for a reason of their own", () => {
    const seen = new Map<string, number>();
    for (const commands of fc.sample(longHistory, { numRuns: 200, seed: 7 })) {
      for (const answer of live(new Session(source, even), commands)) {
        const word = answer.slice(-4);
        seen.set(word, (seen.get(word) ?? 0) + 1);
      }
    }
    const all = [...seen.values()].reduce((sum, count) => sum + count, 0);
    expect((seen.get("9000") ?? 0) / all).toBeGreaterThan(0.25);
    for (const word of ["6282", "6283", "6285", "6982", "6983", "6985", "6A82", "6A84", "6A89"]) {
      expect([...seen.keys()]).toContain(word);
    }
  });
});

test("an image that was saved makes no other card change", () => {
  const session = new Session(source, even);
  const saved = session.card.toImage();
  const image = parseCardImage(saved);
  if (!image.ok) throw new Error(JSON.stringify(image.error));
  const text = JSON.stringify(saved);
  const other = new FileSystemCard(image.value, even, nodeBlockCipher);
  other.process(Uint8Array.from(Buffer.from("00A4010C021000", "hex")));
  other.process(Uint8Array.from(Buffer.from("00D6810001FF", "hex")));
  expect(JSON.stringify(saved)).toBe(text);
  expect(JSON.stringify(session.card.toImage())).toBe(text);
  expect(JSON.stringify(other.toImage())).not.toBe(text);
});
