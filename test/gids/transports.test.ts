// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { runExchange } from "../../src/base/iso7816/index.ts";
import { newCard } from "../../src/cards/descriptions/index.ts";
import { T0Adapter } from "../../src/cards/software-card/index.ts";
import { openSoftwareCard, surroundings } from "../../src/entry/software.ts";
import { testRig } from "../../src/entry/test-rig.ts";
import { GidsBench, PIN, setUp, template, tlv } from "./gids-bench.ts";

it("over T=0: long data in a chain, long answers with GET RESPONSE", async () => {
  const bench = await GidsBench.ready();
  const adapter = new T0Adapter(bench.card);
  const send = async (header: string, data: string, le?: number): Promise<string> => {
    const [cla = 0, ins = 0, p1 = 0, p2 = 0] = hexBytes(header);
    const command = { cla, ins, p1, p2, data: hexBytes(data), le };
    const options = { protocol: "t0", longData: "chaining" } as const;
    const { data: answer, sw } = await runExchange((bytes) => adapter.transmit(bytes), command, options);
    return `${encodeHex(answer)}${sw.toString(16).toUpperCase()}`;
  };
  expect(await send("00200080", PIN)).toBe("9000");
  const object = tlv("DF24", "77".repeat(700));
  expect(await send("00DBA010", object)).toBe("9000");
  expect(await send("00CBA010", "5C02DF24", 256)).toBe(`${object}9000`);
  const parameters = tlv("62", "8201188302B081", tlv("8C", "8F10101000"), tlv("A5", template("B6", "57", "81")));
  expect(await send("00E00000", parameters)).toBe("9000");
  expect(await send("00440000", "")).toBe("9000");
  const publicKey = await send("00470000", "AC06800107830181", 256);
  expect(publicKey).toMatch(/^7F4982010981820100[0-9A-F]{512}82030100019000$/);
  expect(await send("00CB3FFF", "7008840181A5037F4980", 256)).toBe(publicKey);
});

it("testRig gives a blank card in three lines", async () => {
  await using rig = await testRig({ card: "gids" });
  const card = await rig.connect();
  const data = hexBytes("A00000039742544659");
  const answer = await card.send({ cla: 0x00, ins: 0xa4, p1: 0x04, p2: 0x00, data, le: 256 });
  expect([encodeHex(answer.data), answer.sw]).toEqual(["61124F0BA00000039742544659020173034001C0", 0x9000]);
});

it("what is done lasts in its file, before it is answered", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scard-gids-"));
  try {
    const path = join(folder, "card.json");
    writeFileSync(path, JSON.stringify(await newCard("gids", surroundings(), { keep: "file" })));
    const ask = async (...commands: readonly string[]): Promise<string> => {
      const { card } = await openSoftwareCard(path);
      card.reset("cold");
      let answer = "";
      for (const command of commands) {
        const before = readFileSync(path, "utf8");
        answer = encodeHex(await card.process(hexBytes(command)));
        // What only reads writes nothing.
        if (command.startsWith("00CB")) expect(readFileSync(path, "utf8")).toBe(before);
      }
      card.powerOff();
      return answer;
    };
    expect(await ask(...setUp)).toBe("9000");
    expect(await ask("00CBA010045C02DF2500")).toBe("DF2502ABCD9000");
    for (const word of ["63C2", "63C1", "63C0", "6983"]) expect(await ask("0020008004" + "39393939")).toBe(word);
    expect(await ask(`0020008008${PIN}`)).toBe("6983");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
