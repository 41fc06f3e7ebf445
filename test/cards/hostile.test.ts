// SPDX-License-Identifier: MIT

// Clients that send anything: no card throws, answers without a status word, or opens.

import { expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { newCard, parseCard } from "../../src/cards/descriptions/index.ts";
import type { SoftwareCard } from "../../src/cards/software-card/index.ts";
import { surroundings } from "../../src/entry/software.ts";
import { attack, type HostileTerms } from "./hostile-client.ts";

/** Cards that are alike: making one from the factory takes an RSA key. */
async function cardsLike(kind: "piv" | "openpgp" | "gids" | "filesystem"): Promise<() => Promise<SoftwareCard>> {
  const described = await newCard(kind, surroundings());
  return () => opened(described);
}

async function opened(described: object): Promise<SoftwareCard> {
  const plan = parseCard(described);
  if (!plan.ok) throw new Error("no card");
  return (await plan.value.open(surroundings(), () => undefined)).card;
}

/** A GIDS card with a key and a certificate. */
async function gidsCard(): Promise<object> {
  const plan = parseCard(await newCard("gids", surroundings()));
  const [content] = plan.ok ? plan.value.contents : [];
  if (content?.provision === undefined) throw new Error("no card");
  const key = {
    slot: "81",
    algorithm: "rsa1024",
    subject: "A",
    notBefore: "20260101000000",
    notAfter: "20300101000000",
  };
  const { source } = await content.provision(await surroundings().crypto(), key);
  return { kind: "gids", applications: { gids: source } };
}

const COMMANDS = 100_000;
const TEST_MS = 600_000;

test("PIV", { timeout: TEST_MS }, async () => {
  await holds({
    makeCard: await cardsLike("piv"),
    selects: ["00A404000BA00000030800001000010000", "00A4040005A000000308"],
    instructions: [
      0x20, 0x24, 0x2c, 0x47, 0x87, 0xcb, 0xdb, 0xa4, 0xc0, 0x70, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfd, 0xfe, 0xff,
    ],
    secrets: ["313233343536", "3132333435363738", "010203040506070801020304"],
    closed: ["00200080"],
  });
});

test("OpenPGP", { timeout: TEST_MS }, async () => {
  await holds({
    makeCard: await cardsLike("openpgp"),
    selects: ["00A4040006D2760001240100"],
    instructions: [
      0x20, 0x24, 0x2c, 0x22, 0x2a, 0x47, 0x84, 0x88, 0xa5, 0xca, 0xcc, 0xda, 0xdb, 0xe6, 0x44, 0xa4, 0xc0, 0xf1, 0xf2,
    ],
    secrets: ["313233343536", "3132333435363738"],
    closed: ["00200081", "00200082", "00200083"],
  });
});

test("GIDS", { timeout: TEST_MS }, async () => {
  const described = await gidsCard();
  await holds({
    makeCard: async () => opened(described),
    selects: [
      "00A4040009A0000003974254465900",
      "00A4000C02A010",
      "00A4000C02B081",
      "002281A403830180",
      "002241B606800156840181",
    ],
    instructions: [0x20, 0x24, 0x2c, 0x22, 0x2a, 0x44, 0x47, 0x87, 0x88, 0xa4, 0xc0, 0xcb, 0xdb, 0xe0, 0xe4, 0xe6],
    secrets: ["313233343536", "010203040506070801020304"],
    closed: ["00200080", "00DBA01203DF2000", "002A9E9A0130"],
  });
});

test("a GIDS card from the factory", { timeout: TEST_MS }, async () => {
  const { answers, faults } = await attack({
    commands: COMMANDS / 10,
    seed: 18,
    makeCard: await cardsLike("gids"),
    selects: ["00A4040009A0000003974254465900", "00E000000E620C8201398302A0108C03033000", "0024018006313233343536"],
    instructions: [0x20, 0x24, 0x2c, 0x22, 0x2a, 0x44, 0x47, 0x87, 0x88, 0xa4, 0xc0, 0xcb, 0xdb, 0xe0, 0xe4, 0xe6],
    secrets: [],
    closed: [],
  });
  expect(faults).toEqual([]);
  expect(answers.size).toBeGreaterThan(8);
});

test("files", { timeout: TEST_MS }, async () => {
  await holds({
    makeCard: await cardsLike("filesystem"),
    selects: ["00A4000000", "00A404000BF073636172642E64656D6F00"],
    instructions: [
      0x20, 0x24, 0x2c, 0x26, 0x28, 0x82, 0x84, 0x88, 0xa4, 0xb0, 0xb2, 0xc0, 0xc2, 0xca, 0xd6, 0xda, 0xdc, 0xe0, 0xe2,
      0xe4,
    ],
    secrets: ["31323334"],
    closed: ["00200001"],
  });
});

/** A card in the field of a contactless reader, after commands that set it up. */
async function field(description: object, ...commands: readonly string[]): Promise<() => Promise<SoftwareCard>> {
  return async () => {
    const card = await opened(description);
    card.reset("cold");
    for (const command of commands) {
      expect(encodeHex(await card.process(hexBytes(command))).slice(-4), command).toBe("9000");
    }
    return card;
  };
}

const reader = {
  ownClass: 0xff,
  selects: ["FFCA000000", "FFB0000010", "FF82000006FFFFFFFFFFFF", "FF860000050100006000", "FF00000004D4420402"],
  instructions: [0x00, 0x82, 0x86, 0x88, 0xb0, 0xca, 0xc0, 0xd6, 0xd7, 0xb1],
};

test("an NTAG whose pages are protected by a password", { timeout: TEST_MS }, async () => {
  // Password, then PACK, then reading is protected too, then all of it from page 4 on.
  const pages = ["2BC0FFEE5E", "2CABCD0000", "2A80000000", "2904000004"];
  await reaches({
    ...reader,
    makeCard: await field(
      { kind: "ntag213", uid: "04112233445566" },
      ...pages.map((page) => `FF00000008D442A2${page}`),
    ),
    secrets: ["C0FFEE5E"],
    closed: ["FFB0000404", "FFD600040401020304"],
  });
});

test("MIFARE Ultralight", { timeout: TEST_MS }, async () => {
  const makeCard = await field({ kind: "ultralight", uid: "04112233445566" });
  // The identifier is never written.
  await reaches({ ...reader, makeCard, secrets: [], closed: ["FFD600000401020304"] });
});

test("a MIFARE Classic whose sector has keys of its own", { timeout: TEST_MS }, async () => {
  const trailer = `C0FFEE5E0001${"FF078069"}C0FFEE5E0002`;
  await reaches({
    ...reader,
    makeCard: await field(
      { kind: "mifare-classic-1k", uid: "01020304" },
      "FF82000006FFFFFFFFFFFF",
      "FF860000050100076000",
      `FFD6000710${trailer}`,
    ),
    secrets: ["C0FFEE5E"],
    closed: ["FFB0000510", `FFD6000510${"00".repeat(16)}`],
  });
});

test("an NDEF application whose message cannot be written", { timeout: TEST_MS }, async () => {
  const select = "00A4040007D276000085010100";
  await reaches({
    makeCard: await field({ kind: "ndef", uid: "04112233445566", message: "D00000", readOnly: true }),
    selects: [select, "00A4000C02E103", "00A4000C02E104", "FFCA000000"],
    instructions: [0xa4, 0xb0, 0xd6, 0xca, 0xc0, 0x70],
    ownClass: 0x00,
    secrets: [],
    closed: ["00D60000020000"],
  });
});

async function reaches(terms: HostileTerms): Promise<void> {
  const { answers, faults } = await attack({ commands: COMMANDS, seed: 19, ...terms });
  expect(faults).toEqual([]);
  // The attack reaches what is inside.
  expect(answers.size).toBeGreaterThan(7);
  expect(answers.get("9000")).toBeGreaterThan(COMMANDS / 100);
}

async function holds(terms: HostileTerms): Promise<void> {
  const { answers, faults } = await attack({ commands: COMMANDS, seed: 17, ...terms });
  expect(faults).toEqual([]);
  // The attack reaches what is inside: a card that refused everything would pass too.
  expect(answers.size).toBeGreaterThan(12);
  expect([...answers.keys()].some((word) => word.startsWith("63C"))).toBe(true);
}

test("a card that opens, one that throws and one that says nothing are found", async () => {
  const terms = { selects: ["00A4040000"], instructions: [0x20], secrets: [], closed: ["00200080"], commands: 1_000 };
  const card = (process: SoftwareCard["process"]): SoftwareCard => ({
    reset: () => Uint8Array.of(0x3b, 0),
    powerOff: () => undefined,
    process,
  });
  const faultsOf = async (process: SoftwareCard["process"]): Promise<string> => {
    return (await attack({ ...terms, makeCard: async () => card(process) })).faults.join("\n");
  };
  expect(await faultsOf(() => Uint8Array.of(0x90, 0))).toContain("00200080 is open");
  expect(await faultsOf(() => new Uint8Array(0))).toContain("0 bytes");
  const throwing = faultsOf(() => {
    throw new Error("inside");
  });
  expect(await throwing).toContain("an exception (inside)");
});
