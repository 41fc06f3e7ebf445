// SPDX-License-Identifier: MIT

// The software cards that card modules are tried with, each with keys and a certificate where its kind is made with one.

import { expect } from "vitest";
import { concatBytes, hexBytes } from "../../src/base/binary/index.ts";
import { provisionGids } from "../../src/cards/gids/index.ts";
import type { SoftwareCard } from "../../src/entry/cards.ts";
import type { ChallengeAnswer, PinRole, PinValue } from "../../src/entry/modules.ts";
import type { CommandInit } from "../../src/port/index.ts";
import { attributes, OpenPgpBench } from "../cards/openpgp-bench.ts";
import { ADMINISTRATOR_KEY, crypto, GidsBench, template } from "../gids/gids-bench.ts";
import { PivSession } from "../piv/piv-session.ts";
import { algorithms } from "./piv-keys.ts";

/** A card, and how its PIN is unblocked. All have the PIN 123456, and three tries of it. */
export interface CardOfTest {
  readonly kind: string;
  readonly make: () => Promise<SoftwareCard>;
  /** A key that signs. */
  readonly key: string;
  readonly module: string;
  readonly unblock: { readonly by: PinRole; readonly secret: PinValue | ChallengeAnswer };
  /** What another program sends to use the key. */
  readonly use: readonly CommandInit[];
}

/** A PIV card as Yubico makes it. */
export async function pivCard(keys: Readonly<Record<string, number>>): Promise<SoftwareCard> {
  const session = await PivSession.open();
  await session.select();
  for (const [slot, algorithm] of Object.entries(keys)) await session.generate(Number.parseInt(slot, 16), algorithm);
  session.card.reset();
  return session.card;
}

/** An OpenPGP card with its three keys. */
export async function openPgpCard(
  signature: string,
  decryption: string,
  authentication: string,
): Promise<SoftwareCard> {
  const bench = new OpenPgpBench();
  expect(await bench.verify("83", "12345678")).toBe("9000");
  for (const [tag, key, attribute] of [
    ["C1", "B600", signature],
    ["C2", "B800", decryption],
    ["C3", "A400", authentication],
  ] as const) {
    expect(await bench.put(tag, attribute)).toBe("9000");
    await bench.ok("00478000", key, 65_536);
  }
  bench.card.reset();
  return bench.card;
}

/** A record of the map of containers, for a signature key. */
function record(name: string, signatureBits: number): Uint8Array {
  const bytes = new Uint8Array(86);
  for (const [at, unit] of [...name].entries()) bytes[2 * at] = unit.charCodeAt(0);
  bytes[80] = 1;
  new DataView(bytes.buffer).setUint16(82, signatureBits, true);
  return bytes;
}

/** A GIDS card with a certified RSA key, and keys on the curves. */
export async function gidsCard(): Promise<SoftwareCard> {
  const bench = new GidsBench();
  const times = { notBefore: "20260101000000", notAfter: "20400101000000" };
  await provisionGids(crypto, bench.image, { reference: 0x81, algorithm: "rsa2048", subject: "Holder", ...times });
  await bench.ok("00A40400", "A000000397425446590201");
  expect(await bench.verify("313233343536")).toBe("9000");
  for (const [at, mechanism] of ["0C", "0D", "0E"].entries()) {
    const reference = (0x82 + at).toString(16);
    await bench.keyFile(`B0${reference}`, "0F10101000", template("B6", `1${mechanism.slice(1)}`, reference));
    await bench.ok("00470000", `AC0680${"01"}${mechanism}8301${reference}`);
  }
  const object = await bench.ok("00CBA010", "5C02DF23");
  const before = hexBytes(object);
  const map = concatBytes(
    before.subarray(-86),
    ...["a", "b", "c"].map((name, at) => record(name, [256, 384, 521][at] ?? 0)),
  );
  const header = Uint8Array.of(0xdf, 0x23, 0x82, map.length >> 8, map.length & 0xff);
  await bench.ok("00DBA010", concatBytes(header, map));
  return bench.card;
}

const digest = new Uint8Array(32).fill(1);

/** One card of each kind that signs. */
export const cardsOfTest: readonly CardOfTest[] = [
  {
    kind: "PIV",
    make: () => pivCard({ "9A": algorithms.p256 }),
    key: "9A",
    module: "piv",
    unblock: { by: "unblock", secret: "12345678" },
    use: [{ cla: 0, ins: 0x87, p1: 0x11, p2: 0x9a, data: hexBytes("7C058200810101"), le: 256 }],
  },
  {
    kind: "OpenPGP",
    make: () => openPgpCard(attributes.p256, attributes.p256Ecdh, attributes.p256),
    key: "signature",
    module: "openpgp",
    unblock: { by: "admin", secret: "12345678" },
    use: [{ cla: 0, ins: 0x2a, p1: 0x9e, p2: 0x9a, data: digest, le: 256 }],
  },
  {
    kind: "GIDS",
    make: gidsCard,
    key: "82",
    module: "gids",
    unblock: { by: "admin", secret: hexBytes(ADMINISTRATOR_KEY) },
    use: [
      { cla: 0, ins: 0x22, p1: 0x41, p2: 0xb6, data: hexBytes("80011C840182") },
      { cla: 0, ins: 0x2a, p1: 0x9e, p2: 0x9a, data: digest, le: 256 },
    ],
  },
];
