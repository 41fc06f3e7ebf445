// SPDX-License-Identifier: MIT

import { createPrivateKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { zeroBytes } from "../../base/binary/index.ts";
import {
  PivAdmin,
  type PivAlgorithm,
  type PivPinPolicy,
  type PivSlot,
  type PivTouchPolicy,
} from "../../faces/modules/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { formatOption, inForm, readData } from "./card-data.ts";
import { digitsOf, pivGroup, pivSlot, slotText } from "./card-groups.ts";
import { deliver, done, keyAndFiles, tell } from "./card-keys.ts";
import { forceOption, pinOptions } from "./card-pins.ts";
import { type CardSession, cardOptions, withCard } from "./card-session.ts";
import { type Command, command } from "./command.ts";
import { confirmed } from "./confirmation.ts";
import { type OptionTable, UsageError } from "./options.ts";
import { managementKeyOption, withManagementKey } from "./piv-management.ts";
import type { Terminal } from "./terminal.ts";

const algorithms = [
  "rsa1024",
  "rsa2048",
  "rsa3072",
  "rsa4096",
  "eccp256",
  "eccp384",
  "ed25519",
  "x25519",
  "p256",
  "p384",
] as const;

/** Options of what changes a PIV card. */
export const adminOptions = {
  ...managementKeyOption,
  ...pinOptions,
  ...forceOption,
  ...cardOptions,
} as const satisfies OptionTable;

const policyOptions = {
  "pin-policy": {
    type: "string",
    value: "POLICY",
    choices: ["default", "never", "once", "always"] as const satisfies readonly PivPinPolicy[],
    help: "when the key wants the PIN; default: as its slot has it",
  },
  "touch-policy": {
    type: "string",
    value: "POLICY",
    choices: ["default", "never", "always", "cached"] as const satisfies readonly PivTouchPolicy[],
    help: "when the key wants a touch; default: never",
  },
} as const;

const generateOptions = {
  algorithm: {
    type: "string",
    short: "a",
    value: "NAME",
    choices: algorithms,
    help: "of the key, p256 and p384 being eccp256 and eccp384; default eccp256",
  },
  ...policyOptions,
  ...formatOption,
  ...adminOptions,
} as const satisfies OptionTable;

const generate = command({
  name: "generate",
  summary: "make a key on the card",
  usage: ["[OPTION…] SLOT [PUBLIC-KEY]"],
  description: [
    `Makes a key pair on the card, and writes its public key into PUBLIC-KEY, or to standard output for - and without it. It replaces a key that is in the slot, and asks before. ${pivGroup.keyHelp}`,
  ],
  options: generateOptions,
  argumentWords: "file",
  run({ positionals, values }, terminal) {
    const [slot, out] = slotAndFiles(positionals, 1);
    const algorithm = algorithmOf(values.algorithm ?? "eccp256");
    return withCard(pivGroup, values, terminal, async (session) => {
      await confirmReplacing(session, slot, values.force, terminal);
      const publicKey = await withManagementKey(session, values["management-key"], (admin) =>
        admin.generate(slot, algorithm, policiesOf(values)),
      );
      return deliver(
        {
          out,
          data: inForm(publicKey, "PUBLIC KEY", values.format),
          json: { slot: digitsOf(slot), algorithm, publicKey },
          said: `Key generated in slot ${slotText(slot)}; its public key is in`,
        },
        values.json,
        terminal,
      );
    });
  },
});

const importOptions = { ...policyOptions, ...adminOptions } as const satisfies OptionTable;

const importKey = command({
  name: "import",
  summary: "put a private key on the card",
  usage: ["[OPTION…] SLOT PRIVATE-KEY"],
  description: [
    `Puts the private key in the file PRIVATE-KEY, PEM without a passphrase, into a slot; - is standard input. It replaces a key that is in the slot, and asks before. ${pivGroup.keyHelp}`,
  ],
  options: importOptions,
  argumentWords: "file",
  async run({ positionals, values }, terminal) {
    const [slot, path] = slotAndFiles(positionals, 1);
    if (path === undefined) throw new UsageError("the file of the private key is missing");
    const data = await readData(path, terminal, [values.pin], MOST_KEY_BYTES);
    const { algorithm, parts } = privateKeyIn(data, path);
    try {
      return await withCard(pivGroup, values, terminal, async (session) => {
        await confirmReplacing(session, slot, values.force, terminal);
        await withManagementKey(session, values["management-key"], (admin) =>
          admin.importKey(slot, algorithm, parts, policiesOf(values)),
        );
        const json = { slot: digitsOf(slot), algorithm };
        return done(`Private key imported into slot ${slotText(slot)}.`, json, values.json, terminal);
      });
    } finally {
      for (const [, value] of parts) zeroBytes(value);
    }
  },
});

const info = command({
  name: "info",
  summary: "say what the card tells of a key",
  usage: ["[OPTION…] SLOT"],
  description: [`Says what kind of key is in a slot, where it was made, and its policies. ${pivGroup.keyHelp}`],
  options: cardOptions,
  run({ positionals, values }, terminal) {
    const [slot] = slotAndFiles(positionals, 0);
    return withCard(pivGroup, values, terminal, async ({ card, crypto }) => {
      const facts = await new PivAdmin(card, crypto).keyFacts(slot);
      if (facts === undefined) throw noKey(slot, card.reader);
      const json = { slot: digitsOf(slot), name: slot.name, ...facts };
      return tell(
        [
          ["Key slot", slotText(slot)],
          ["Algorithm", facts.algorithm ?? "Unsupported"],
          ["Origin", facts.origin?.toUpperCase()],
          ["PIN required for use", facts.pinPolicy?.toUpperCase()],
          ["Touch required for use", facts.touchPolicy?.toUpperCase()],
        ],
        json,
        values.json,
        terminal,
      );
    });
  },
});

const attestOptions = { ...formatOption, ...cardOptions } as const satisfies OptionTable;

const attest = command({
  name: "attest",
  summary: "write the certificate by which the card attests a key",
  usage: ["[OPTION…] SLOT [FILE]"],
  description: [
    `Writes the certificate by which a YubiKey says that it has made the key itself, into FILE or to standard output. ${pivGroup.keyHelp}`,
  ],
  options: attestOptions,
  argumentWords: "file",
  run({ positionals, values }, terminal) {
    const [slot, out] = slotAndFiles(positionals, 1);
    return withCard(pivGroup, values, terminal, async ({ card, crypto }) => {
      const certificate = await new PivAdmin(card, crypto).attest(slot);
      return deliver(
        {
          out,
          data: inForm(certificate, "CERTIFICATE", values.format),
          json: { slot: digitsOf(slot), certificate },
          said: `Attestation certificate for slot ${slotText(slot)} written to`,
        },
        values.json,
        terminal,
      );
    });
  },
});

const move = command({
  name: "move",
  summary: "move a key into another slot",
  usage: ["[OPTION…] SOURCE DEST"],
  description: ["Moves a key from the slot SOURCE into DEST, which must be empty. YubiKeys do it since firmware 5.7."],
  options: adminOptions,
  run({ positionals, values }, terminal) {
    const [source, dest, ...others] = positionals;
    if (source === undefined || dest === undefined || others.length > 0)
      throw new UsageError("two slots are needed: SOURCE and DEST");
    const [from, to] = [pivSlot(source), pivSlot(dest)];
    if (from.reference === to.reference) throw new UsageError("SOURCE must be different from DEST");
    return withCard(pivGroup, values, terminal, async (session) => {
      await withManagementKey(session, values["management-key"], (admin) => admin.moveKey(from, to));
      const text = `Key moved from slot ${slotText(from)} to slot ${slotText(to)}.`;
      return done(text, { from: digitsOf(from), to: digitsOf(to) }, values.json, terminal);
    });
  },
});

const remove = command({
  name: "delete",
  summary: "delete a key",
  usage: ["[OPTION…] SLOT"],
  description: [
    `Deletes the private key in a slot, and asks before; its certificate stays. YubiKeys do it since firmware 5.7. ${pivGroup.keyHelp}`,
  ],
  options: adminOptions,
  run({ positionals, values }, terminal) {
    const [slot] = slotAndFiles(positionals, 0);
    return withCard(pivGroup, values, terminal, async (session) => {
      await confirmed(`The key in slot ${slotText(slot)} will be gone`, values.force, terminal);
      await withManagementKey(session, values["management-key"], (admin) => admin.moveKey(slot, undefined));
      return done(`Key in slot ${slotText(slot)} deleted.`, { deleted: digitsOf(slot) }, values.json, terminal);
    });
  },
});

/** The actions of `scard piv keys` beside list and export. */
export const pivKeyActions: readonly Command[] = [info, generate, importKey, attest, move, remove];

/** The slot that a command is about, and its files. @throws UsageError */
export function slotAndFiles(
  positionals: readonly string[],
  mostFiles: number,
): readonly [slot: PivSlot, ...files: string[]] {
  const [, ...files] = keyAndFiles(pivGroup, positionals, mostFiles);
  return [pivSlot(positionals[0] ?? ""), ...files];
}

/** The error for a slot without a key. */
function noKey(slot: PivSlot, reader: string): SmartCardError {
  return new SmartCardError("no-key-container", `there is no key in slot ${slotText(slot)}`, { reader });
}

async function confirmReplacing(
  { card, wait }: CardSession,
  slot: PivSlot,
  force: boolean | undefined,
  terminal: Terminal,
): Promise<void> {
  const containers = await card.containers(wait);
  if (!containers.some(({ name }) => name === digitsOf(slot))) return;
  await confirmed(`The key that is in slot ${slotText(slot)} will be gone`, force, terminal);
}

function algorithmOf(word: (typeof algorithms)[number]): PivAlgorithm {
  const name = word.toUpperCase();
  return (/^P\d/.test(name) ? `ECC${name}` : name) as PivAlgorithm;
}

function policiesOf(values: { readonly "pin-policy"?: PivPinPolicy; readonly "touch-policy"?: PivTouchPolicy }): {
  readonly pin: PivPinPolicy;
  readonly touch: PivTouchPolicy;
} {
  return { pin: values["pin-policy"] ?? "default", touch: values["touch-policy"] ?? "default" };
}

const MOST_KEY_BYTES = 65_536;

/** A private key for the card: its parts with the tags of Yubico's IMPORT. */
interface PrivateKeyParts {
  readonly algorithm: PivAlgorithm;
  readonly parts: readonly (readonly [tag: number, value: Uint8Array])[];
}

/** Reads a private key; the file's bytes are cleared. @throws invalid-value */
function privateKeyIn(data: Uint8Array, path: string): PrivateKeyParts {
  try {
    const key = createPrivateKey(Buffer.from(data.buffer, data.byteOffset, data.length));
    return partsOf(key.export({ format: "jwk" }), key, path);
  } catch (cause) {
    throw cause instanceof SmartCardError ? cause : noPrivateKey(path, cause);
  } finally {
    zeroBytes(data);
  }
}

function noPrivateKey(path: string, cause: unknown): SmartCardError {
  const message = `${path} is no private key in PEM without a passphrase`;
  return new SmartCardError("invalid-value", message, {}, { cause });
}

/** Lengths of the parts: halves of the modulus; the numbers of the curve. */
function partsOf(jwk: JsonWebKey, key: KeyObject, path: string): PrivateKeyParts {
  const part = (name: keyof JsonWebKey, length: number): Uint8Array => {
    const bytes = Buffer.from(String(jwk[name] ?? ""), "base64url");
    const value = new Uint8Array(length);
    value.set(bytes.subarray(Math.max(0, bytes.length - length)), Math.max(0, length - bytes.length));
    bytes.fill(0);
    return value;
  };
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (jwk.kty === "RSA" && (bits === 1024 || bits === 2048 || bits === 3072 || bits === 4096)) {
    const tags = [
      ["p", 0x01],
      ["q", 0x02],
      ["dp", 0x03],
      ["dq", 0x04],
      ["qi", 0x05],
    ] as const;
    return { algorithm: `RSA${bits}`, parts: tags.map(([name, tag]) => [tag, part(name, bits / 16)]) };
  }
  switch (jwk.crv) {
    case "P-256":
      return { algorithm: "ECCP256", parts: [[0x06, part("d", 32)]] };
    case "P-384":
      return { algorithm: "ECCP384", parts: [[0x06, part("d", 48)]] };
    case "Ed25519":
      return { algorithm: "ED25519", parts: [[0x07, part("d", 32)]] };
    case "X25519":
      return { algorithm: "X25519", parts: [[0x08, part("d", 32)]] };
    default:
      throw new SmartCardError(
        "invalid-value",
        `the key in ${path} is of a kind that PIV does not have: use RSA with 1024, 2048, 3072 or 4096 bits, P-256, P-384, Ed25519 or X25519`,
      );
  }
}
