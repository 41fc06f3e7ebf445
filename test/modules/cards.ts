// SPDX-License-Identifier: MIT

// The software cards that card modules are tried with, each with keys and a certificate where its kind is made with one.

import { hexBytes } from "../../src/base/binary/index.ts";
import type { SoftwareCard } from "../../src/entry/cards.ts";
import type { ChallengeAnswer, PinRole, PinValue } from "../../src/entry/modules.ts";
import type { CommandInit } from "../../src/port/index.ts";
import { attributes, OpenPgpBench } from "../cards/openpgp-bench.ts";
import { ADMINISTRATOR_KEY } from "../gids/gids-bench.ts";
import { PivSession } from "../piv/piv-session.ts";
import { gidsCardWithKeys } from "./gids-keys.ts";
import { generateOpenPgpKeys } from "./openpgp-keys.ts";
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
  await generateOpenPgpKeys(bench, signature, decryption, authentication);
  bench.card.reset();
  return bench.card;
}

/** A GIDS card with a certified RSA key, and keys on the curves. */
export async function gidsCard(): Promise<SoftwareCard> {
  return (await gidsCardWithKeys()).card;
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
