// SPDX-License-Identifier: MIT

import { createPrivateKey, type JsonWebKey, X509Certificate } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { CardKindName, CertifiedKey, NewKey } from "../../entry/card-files.ts";
import { type CardFile, newCardFile, personalizeCard, readCard } from "../../entry/card-files.ts";
import { cardKindNames } from "../../entry/software.ts";
import { nodeClock, readTextFile } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { anyAccessCommands } from "./card-access.ts";
import { anyGroup } from "./card-groups.ts";
import { anyInfoCommand } from "./card-info.ts";
import { certificateCommands, keyCommands } from "./card-keys.ts";
import { cardRun } from "./card-run.ts";
import { useCommands } from "./card-use.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { type OptionTable, type ParsedLine, refuseArguments, UsageError } from "./options.ts";
import { SecretReader, secretSource } from "./secret-source.ts";
import { commandWithActions } from "./subcommand.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

const newOptions = {
  memory: { type: "boolean", help: "the card begins anew each time: its changes are not written back into FILE" },
} as const satisfies OptionTable;

const newCard = command({
  name: "new",
  summary: "make a new card, in a file",
  usage: ["[OPTION…] KIND FILE"],
  description: [
    `Writes a new card into FILE, which must not be there, readable by its owner alone. KIND is ${cardKindNames.join(", ")}. piv and yubikey are a YubiKey: PIN 123456, PUK 12345678, and the management key of the factory. openpgp has the PIN 123456 and the admin PIN 12345678, filesystem the PIN 1234. gids is blank: gids-tool --initialize sets it up, or scard card provision, with the PIN 123456 where none is given.`,
    "What programs change on the card goes back into FILE, unless --memory was given.",
  ],
  options: newOptions,
  argumentWords: cardKindNames,
  argumentFiles: true,
  async run({ positionals, values }, terminal) {
    const [kind, path, ...others] = positionals;
    if (kind === undefined || path === undefined) throw new UsageError("a kind of card and a file are needed");
    refuseArguments(others);
    const file = await newCardFile(kindOf(kind), path, values.memory === true ? "memory" : "file");
    report(file, values.json === true, terminal);
    return exitCodes.ok;
  },
});

function kindOf(word: string): CardKindName {
  const known = cardKindNames.find((name) => name === word);
  if (known === undefined) throw new UsageError(`there is no such kind of card; known: ${cardKindNames.join(", ")}`);
  return known;
}

const show = command({
  name: "show",
  summary: "say what is on a card",
  usage: ["[OPTION…] FILE"],
  description: ["Says what card is in FILE, with its keys and the tries that are left. No PIN and no key is shown."],
  options: {},
  argumentWords: "file",
  async run({ positionals, values }, terminal) {
    report(await readCard(fileOf(positionals)), values.json === true, terminal);
    return exitCodes.ok;
  },
});

const SOURCE = "env:NAME, file:PATH, stdin or prompt";
const provisionOptions = {
  application: {
    type: "string",
    value: "NAME",
    help: "the application, on a card with several: piv, openpgp, gids; default: the first one, piv on a YubiKey",
  },
  pin: { type: "string", value: "SOURCE", reads: secretSource, help: `a new PIN; SOURCE is ${SOURCE}` },
  puk: {
    type: "string",
    value: "SOURCE",
    reads: secretSource,
    help: "a new PUK, or the admin PIN of OpenPGP; from standard input it is the line after the PIN",
  },
  key: {
    type: "string",
    value: "SLOT",
    help: "make a key in this slot, in place of one that is there, and a certificate for it: 9A, 9C, 9D, 9E, 82 to 95 of PIV; 81 and on of GIDS; signature, decryption, authentication of OpenPGP",
  },
  algorithm: {
    type: "string",
    value: "NAME",
    help: "of the key: rsa2048, rsa3072, rsa4096, p256, p384, ed25519, x25519; default p256, of GIDS rsa2048. OpenPGP also has p521, secp256k1, brainpoolp256r1, brainpoolp384r1 and brainpoolp512r1",
  },
  subject: { type: "string", value: "NAME", help: "the common name in the certificate; default: Test" },
  days: { type: "string", value: "N", help: "how long the certificate is valid; default 365" },
  ca: {
    type: "string",
    value: "FILE",
    completes: "file",
    help: "who signs it: a certificate in PEM; default: the key itself",
  },
  "ca-key": {
    type: "string",
    value: "FILE",
    completes: "file",
    help: "the private key of the CA, in PEM, without a passphrase",
  },
  "certificate-out": { type: "string", value: "FILE", completes: "file", help: "write the certificate there, in PEM" },
} as const satisfies OptionTable;

const provision = command({
  name: "provision",
  summary: "put keys, certificates and PINs on a card",
  usage: ["[OPTION…] FILE"],
  description: [
    "Puts a PIN, a PUK, and a key with its certificate into FILE, as the issuer of a card does: no PIN of before is asked for, and tries that were used up come back. A PIN never stands on the command line.",
  ],
  options: provisionOptions,
  argumentWords: "file",
  run: provisionCard,
});

async function provisionCard(
  { positionals, values }: ParsedLine<typeof provisionOptions>,
  terminal: Terminal,
): Promise<number> {
  const path = fileOf(positionals);
  const ofKey = ["algorithm", "subject", "days", "ca", "ca-key", "certificate-out"] as const;
  const stray = ofKey.find((name) => values[name] !== undefined);
  if (values.key === undefined && stray !== undefined)
    throw new UsageError(`--${stray} is for a new key: give --key SLOT`);
  if ((values.ca === undefined) !== (values["ca-key"] === undefined))
    throw new UsageError("--ca and --ca-key belong together");
  if (values.pin === undefined && values.puk === undefined && values.key === undefined) {
    throw new UsageError("there is nothing to do: give --pin, --puk or --key");
  }
  if (
    values.algorithm?.toLowerCase() === "x25519" &&
    values.ca === undefined &&
    values["certificate-out"] !== undefined
  )
    throw new UsageError("a key of X25519 signs nothing, not even its own certificate: give --ca and --ca-key");
  const reader = new SecretReader(terminal);
  const pin = values.pin && (await reader.read(values.pin, "PIN", "new"));
  const puk = values.puk && (await reader.read(values.puk, "PUK", "new"));
  const key = values.key === undefined ? undefined : await newKeyOf(values.key, values);
  const done = await personalizeCard(path, {
    application: values.application,
    ...((pin !== undefined || puk !== undefined) && { secrets: { pin, puk } }),
    ...(key !== undefined && { key }),
  });
  pin?.fill(0);
  puk?.fill(0);
  const out = values["certificate-out"];
  if (out !== undefined && done.certificate !== undefined) {
    await writeFile(out, new X509Certificate(done.certificate).toString());
  }
  report(done, values.json === true, terminal);
  return exitCodes.ok;
}

const DEFAULT_DAYS = 365;
const MAX_DAYS = 36_500;
const DAY_MS = 86_400_000;
/** Clocks that are a little behind accept the certificate too. */
const EARLIER_MS = 60_000;

async function newKeyOf(slot: string, values: ParsedLine<typeof provisionOptions>["values"]): Promise<NewKey> {
  const days = values.days === undefined ? DEFAULT_DAYS : Number(values.days);
  if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS) throw new UsageError(`--days is 1 to ${MAX_DAYS}`);
  const now = nodeClock.wallTime();
  const { ca, "ca-key": caKey } = values;
  return {
    slot,
    algorithm: values.algorithm,
    subject: values.subject ?? "Test",
    notBefore: timeDigits(now - EARLIER_MS),
    notAfter: timeDigits(now + days * DAY_MS),
    ...(ca !== undefined && caKey !== undefined && { authority: await authorityOf(ca, caKey) }),
  };
}

function timeDigits(wallTime: number): string {
  return new Date(wallTime).toISOString().replace(/\D/g, "").slice(0, 14);
}

const MAX_PEM_BYTES = 65_536;

async function authorityOf(ca: string, caKey: string): Promise<NonNullable<NewKey["authority"]>> {
  const certificate = certificateOf(ca, await readTextFile(ca, { mostBytes: MAX_PEM_BYTES }));
  const text = await readTextFile(caKey, { mostBytes: MAX_PEM_BYTES });
  const jwk = privateKeyOf(caKey, text);
  if (!certificate.checkPrivateKey(createPrivateKey({ key: jwk, format: "jwk" }))) {
    throw new SmartCardError("invalid-value", `the key in ${caKey} is not that of the certificate in ${ca}`);
  }
  return { certificate: new Uint8Array(certificate.raw), key: authorityKey(caKey, jwk) };
}

function certificateOf(path: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw unreadable(`${path} is no certificate in PEM`, cause);
  }
}

function privateKeyOf(path: string, text: string): JsonWebKey {
  try {
    return createPrivateKey(text).export({ format: "jwk" });
  } catch (cause) {
    throw unreadable(`${path} is no private key in PEM without a passphrase`, cause);
  }
}

function unreadable(message: string, cause: unknown): SmartCardError {
  return new SmartCardError("invalid-value", message, {}, { cause });
}

function authorityKey(path: string, jwk: JsonWebKey): CertifiedKey {
  const bytes = (name: keyof JsonWebKey): Uint8Array =>
    new Uint8Array(Buffer.from(String(jwk[name] ?? ""), "base64url"));
  if (jwk.kty === "RSA") {
    const [n, e, d, p, q] = (["n", "e", "d", "p", "q"] as const).map(bytes);
    const [dp, dq, qinv] = (["dp", "dq", "qi"] as const).map(bytes);
    const none = new Uint8Array(0);
    const material = {
      n: n ?? none,
      e: e ?? none,
      d: d ?? none,
      p: p ?? none,
      q: q ?? none,
      dp: dp ?? none,
      dq: dq ?? none,
      qinv: qinv ?? none,
    };
    return { algorithm: "rsa", material };
  }
  const algorithm = ({ "P-256": "P-256", "P-384": "P-384", "P-521": "P-521", Ed25519: "ed25519" } as const)[
    String(jwk.crv)
  ];
  if (algorithm === undefined) {
    throw new SmartCardError(
      "invalid-value",
      `the key in ${path} cannot sign certificates here: use RSA, P-256, P-384, P-521 or Ed25519`,
    );
  }
  return { algorithm, material: bytes("d") };
}

function fileOf(positionals: readonly string[]): string {
  const [path, ...others] = positionals;
  if (path === undefined) throw new UsageError("the file of the card is missing");
  if (others.length > 0) throw new UsageError("one FILE is enough, and there are more arguments");
  return path;
}

/** What card it is, for people or for programs. */
function report({ path, plan }: CardFile, asJson: boolean, terminal: Terminal): void {
  const { contents, keep, kind, reader } = plan;
  if (asJson) {
    const applications = contents.map(({ facts, name }) => ({ name, ...Object.fromEntries(facts) }));
    terminal.print(jsonText({ file: path, kind, keep, reader, applications }));
    return;
  }
  const kept = keep === "file" ? "changes are kept" : "changes are forgotten";
  terminal.print(`${terminal.paint("bold", visible(path))}  ${kind}, ${kept}`);
  if (reader !== undefined) terminal.print(`  reader  ${visible(reader)}`);
  for (const { facts, name } of contents) {
    terminal.print(`  ${terminal.paint("bold", name)}`);
    const width = Math.max(...facts.map(([label]) => label.length));
    for (const [label, value] of facts) terminal.print(`    ${label.padEnd(width)}  ${visible(value)}`);
  }
}

/** `scard card`: the card in a reader, of any kind; and cards made of software, in files. */
export const card: Command = commandWithActions({
  name: "card",
  summary: "use the card in a reader; make software cards in files",
  description: [
    "info, certificates, keys, sign, decrypt, derive and access are for the card in a reader, of any kind that scard/modules knows. scard piv and scard openpgp know more of those two.",
    "new, show, provision and run make, show and play software cards in files. The same file goes into a virtual reader (scard daemon --reader virtual --card FILE, scard insert), into SCARD_MANAGER=embedded:virtual+FILE, into tests, and with scard card run into the vpcd reader of another service.",
  ],
  actions: [
    anyInfoCommand(anyGroup),
    certificateCommands(anyGroup),
    keyCommands(anyGroup),
    ...useCommands(anyGroup),
    commandWithActions({
      name: "access",
      within: "card",
      summary: "verify, change and unblock PINs",
      description: ["The PINs of the card in a reader."],
      actions: anyAccessCommands(anyGroup),
    }),
    newCard,
    show,
    provision,
    cardRun,
  ],
});
