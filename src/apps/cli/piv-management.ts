// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import { pivFactory } from "../../base/card-applications/index.ts";
import { type ManagementAlgorithm, managementAlgorithms, PivAdmin } from "../../faces/modules/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { keyOf } from "./card-access.ts";
import { SOURCES } from "./card-pins.ts";
import type { CardSession } from "./card-session.ts";
import { UsageError } from "./options.ts";
import { type SecretSource, secretSource } from "./secret-source.ts";

/** Where a management key comes from, or that it is the one of the factory. */
type ManagementKeySource = SecretSource | { readonly from: "factory" };

/** The option for the management key. */
export const managementKeyOption = {
  "management-key": {
    type: "string",
    short: "m",
    value: "SOURCE",
    reads: managementKeySource,
    help: `where the management key comes from, in hexadecimal: ${SOURCES}; or default, the key of the factory. Without it the card's own copy is taken, where ykman has put one behind the PIN`,
  },
} as const;

function managementKeySource(option: string, text: string): ManagementKeySource {
  if (text === "default") return { from: "factory" };
  try {
    return secretSource(option, text);
  } catch (cause) {
    throw new UsageError(
      `${option} says where the management key comes from: env:NAME, file:PATH, stdin, prompt, or default`,
      { cause },
    );
  }
}

/** Runs work in a transaction in which the management key was shown. */
export async function withManagementKey<T>(
  session: CardSession,
  source: ManagementKeySource | undefined,
  work: (admin: PivAdmin) => Promise<T>,
): Promise<T> {
  const { card, crypto, wait } = session;
  const admin = new PivAdmin(card, crypto);
  const algorithm = await admin.managementAlgorithm();
  const isStored = source === undefined && (await admin.managementKeyIsStored());
  if (isStored) await card.verifyPin(undefined, wait);
  let key = isStored ? undefined : await keyFrom(source, session);
  try {
    return await card.transaction(async () => {
      if (isStored) {
        await card.verifyPin(undefined, wait);
        key = await admin.storedManagementKey();
        if (key === undefined) throw noStoredKey(card.reader);
      }
      await card.authenticate(fitting(key ?? new Uint8Array(0), algorithm), wait).catch(wrongKey);
      return work(admin);
    }, wait);
  } finally {
    if (key !== undefined) zeroBytes(key);
  }
}

async function keyFrom(source: ManagementKeySource | undefined, { pins }: CardSession): Promise<Uint8Array> {
  if (source?.from === "factory") return keyOf(new TextEncoder().encode(pivFactory.managementKey), "management key");
  return readKey(await pins.known(source, "management key", "--management-key"));
}

/** A key in hexadecimal; its digits are cleared. */
export function readKey(digits: Uint8Array): Uint8Array {
  try {
    return keyOf(digits, "management key");
  } finally {
    zeroBytes(digits);
  }
}

/** @throws UsageError for a key that is not as long as the card's cipher has it */
export function fitting(key: Uint8Array, algorithm: ManagementAlgorithm): Uint8Array {
  const { keyBytes: bytes } = managementAlgorithms[algorithm];
  if (key.length === bytes) return key;
  throw new UsageError(
    `the management key of ${algorithm} has ${2 * bytes} digits, and this one has ${2 * key.length}`,
  );
}

function wrongKey(error: unknown): never {
  if (!(error instanceof SmartCardError) || error.code !== "security-violation") throw error;
  const message = "the card does not take this management key: it has another one";
  throw new SmartCardError(error.code, message, error.details, { cause: error });
}

function noStoredKey(reader: string): SmartCardError {
  const message = "the card says that its management key is behind the PIN, and there is none: give --management-key";
  return new SmartCardError("no-key-container", message, { reader });
}
