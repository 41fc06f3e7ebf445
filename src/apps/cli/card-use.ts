// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import { hashOfCurve } from "../../base/keys/index.ts";
import type { KeyContainer, SignatureHash } from "../../entry/modules.ts";
import { SmartCardError } from "../../port/index.ts";
import { readData } from "./card-data.ts";
import { algorithmName } from "./card-facts.ts";
import { deliver, keyAndFiles, keyNamed, publicKeyFile } from "./card-keys.ts";
import { forceOption, pinOptions } from "./card-pins.ts";
import { type CardGroup, cardOptions, withCard } from "./card-session.ts";
import { type Command, command } from "./command.ts";
import { type OptionTable, UsageError } from "./options.ts";

const hashes = ["sha1", "sha224", "sha256", "sha384", "sha512"] as const satisfies readonly SignatureHash[];
const schemes = ["pkcs1", "pss", "ecdsa", "ed25519"] as const;
/** The longest salt that fits a key of 4096 bits, and more. */
const MOST_SALT_BYTES = 512;
/** A block of RSA with 16384 bits. */
const MOST_BLOCK_BYTES = 2048;

const useOptions = { ...pinOptions, ...forceOption, ...cardOptions } as const satisfies OptionTable;

const signOptions = {
  hash: {
    type: "string",
    short: "a",
    value: "HASH",
    choices: hashes,
    help: "what the data is hashed with; default sha256, and sha384 or sha512 with a larger curve",
  },
  scheme: {
    type: "string",
    short: "s",
    value: "SCHEME",
    choices: schemes,
    help: "the kind of signature; default: pkcs1 of an RSA key, and the one kind that another key makes",
  },
  salt: {
    type: "string",
    value: "BYTES",
    reads: saltBytes,
    help: "how long the salt of pss is; default: as the digest",
  },
  digest: { type: "boolean", help: "IN is the digest already, in bytes" },
  format: {
    type: "string",
    short: "F",
    value: "FORM",
    choices: ["der", "raw"],
    help: "of an ECDSA signature: der, as openssl and certificates have it, or raw, r and s, as JOSE has them; default der",
  },
  ...useOptions,
} as const satisfies OptionTable;

const decryptOptions = {
  scheme: {
    type: "string",
    short: "s",
    value: "SCHEME",
    choices: ["pkcs1", "oaep"],
    help: "the padding; default pkcs1",
  },
  hash: { type: "string", short: "a", value: "HASH", choices: hashes, help: "the hash of oaep; default sha256" },
  ...useOptions,
} as const satisfies OptionTable;

/** `sign`, `decrypt` and `derive` of a group. */
export function useCommands(group: CardGroup): readonly Command[] {
  return [signCommand(group), decryptCommand(group), deriveCommand(group)];
}

function signCommand(group: CardGroup): Command {
  return command({
    name: "sign",
    summary: "sign a file with a key on the card",
    usage: [`[OPTION…] ${group.keyWord} [IN [OUT]]`],
    description: [
      `Signs IN with a private key of the card, and writes the signature to OUT, in bytes. Without IN and OUT, and for -, they are standard input and output. ${group.keyHelp}`,
      "openssl dgst -sha256 -verify KEY.pem -signature OUT IN checks a signature of RSA or ECDSA, with the key that keys export writes.",
    ],
    options: signOptions,
    argumentWords: "file",
    async run({ positionals, values }, terminal) {
      const [name, input, out] = keyAndFiles(group, positionals, 2);
      if (values.salt !== undefined && values.scheme !== "pss") throw new UsageError("--salt is for --scheme pss");
      const data = await readData(input, terminal, [values.pin]);
      return withCard(group, values, terminal, async (session) => {
        const container = await keyNamed(session, name);
        const scheme = schemeOf(container, values.scheme);
        const hash = values.hash ?? usualHash(container);
        const signature = await session.card.sign(container, data, {
          ...session.wait,
          ...(scheme === "pss" && { scheme, saltBytes: values.salt }),
          ...(scheme !== "ed25519" && { hash }),
          ...(scheme === "ed25519" && values.hash !== undefined && { hash: values.hash }),
          ...(values.digest === true && { isDigest: true }),
          format: values.format,
        });
        const json = { key: container.name, scheme, ...(scheme !== "ed25519" && { hash }), signature };
        return deliver({ out, data: signature, json, said: "Signature written to" }, values.json, terminal);
      });
    },
  });
}

function decryptCommand(group: CardGroup): Command {
  return command({
    name: "decrypt",
    summary: "decrypt a file with an RSA key on the card",
    usage: [`[OPTION…] ${group.keyWord} [IN [OUT]]`],
    description: [
      `Decrypts IN, which was encrypted with the public RSA key of the card, and writes what was in it to OUT, readable by its owner alone. Without IN and OUT, and for -, they are standard input and output. ${group.keyHelp}`,
      "openssl pkeyutl -encrypt -pubin -inkey KEY.pem -in PLAIN -out IN makes what it takes, with the key that keys export writes.",
    ],
    options: decryptOptions,
    argumentWords: "file",
    async run({ positionals, values }, terminal) {
      const [name, input, out] = keyAndFiles(group, positionals, 2);
      if (values.hash !== undefined && values.scheme !== "oaep") throw new UsageError("--hash is for --scheme oaep");
      const data = await readData(input, terminal, [values.pin], MOST_BLOCK_BYTES);
      return withCard(group, values, terminal, async (session) => {
        const container = await keyNamed(session, name);
        const { hash, scheme } = values;
        const plain = await session.card.decrypt(container, data, { ...session.wait, scheme, hash });
        try {
          const json = { key: container.name, data: plain };
          return await deliver(
            { out, data: plain, secret: true, json, said: "Data written to" },
            values.json,
            terminal,
          );
        } finally {
          zeroBytes(plain);
        }
      });
    },
  });
}

function deriveCommand(group: CardGroup): Command {
  return command({
    name: "derive",
    summary: "agree on a secret with the owner of another key",
    usage: [`[OPTION…] ${group.keyWord} [PUBLIC-KEY [OUT]]`],
    description: [
      `Agrees on a secret by ECDH or X25519: PUBLIC-KEY is the other side's, in PEM or DER, on the same curve. The secret goes to OUT, in bytes, readable by its owner alone. Without them, and for -, they are standard input and output. ${group.keyHelp}`,
      "The other side gets the same with openssl pkeyutl -derive -inkey OWN.pem -peerkey KEY.pem. Derive keys from it with a hash.",
    ],
    options: useOptions,
    argumentWords: "file",
    async run({ positionals, values }, terminal) {
      const [name, input, out] = keyAndFiles(group, positionals, 2);
      if ((input === undefined || input === "-") && values.pin?.from === "stdin")
        throw new UsageError("standard input cannot bring the key and a PIN: name a file, or give the PIN as env:NAME");
      const other = await publicKeyFile(input, terminal);
      return withCard(group, values, terminal, async (session) => {
        const container = await keyNamed(session, name);
        const secret = await session.card.deriveKey(container, other, session.wait);
        try {
          const json = { key: container.name, secret };
          return await deliver(
            { out, data: secret, secret: true, json, said: "Secret written to" },
            values.json,
            terminal,
          );
        } finally {
          zeroBytes(secret);
        }
      });
    },
  });
}

/** The kind of signature that is made. @throws invalid-value (the key does not make the one that was asked for) */
function schemeOf({ key, name }: KeyContainer, asked: (typeof schemes)[number] | undefined): (typeof schemes)[number] {
  const own = key.kind === "rsa" ? (["pkcs1", "pss"] as const) : ([key.kind === "ec" ? "ecdsa" : "ed25519"] as const);
  const scheme = asked ?? own[0];
  if (own.some((one) => one === scheme) || key.kind === "x25519") return scheme;
  const message = `the key ${name} is ${algorithmName(key)}: --scheme is ${own.join(" or ")}, not ${scheme}`;
  throw new SmartCardError("invalid-value", message);
}

function usualHash({ key }: KeyContainer): SignatureHash {
  return key.kind === "ec" ? hashOfCurve(key.curve) : "sha256";
}

function saltBytes(option: string, text: string): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : MOST_SALT_BYTES + 1;
  if (number > MOST_SALT_BYTES) throw new UsageError(`${option} is a number of bytes, 0 to ${MOST_SALT_BYTES}`);
  return number;
}
