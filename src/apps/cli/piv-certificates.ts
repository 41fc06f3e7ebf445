// SPDX-License-Identifier: MIT

import { equalBytes } from "../../base/binary/index.ts";
import {
  type CertificateSigner,
  certificatePublicKey,
  decodePublicKey,
  encodeName,
  encodePublicKey,
  hashOfCurve,
  keyIdentifiers,
  readCertificate,
  sequence,
  signatureAlgorithm,
  signedCertificate,
  signedRequest,
  time,
} from "../../base/keys/index.ts";
import type { KeyContainer } from "../../entry/modules.ts";
import { PivAdmin, type PivSlot } from "../../faces/modules/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { derIn, formatOption, inForm, readData } from "./card-data.ts";
import { algorithmName, certificateForPrograms } from "./card-facts.ts";
import { digitsOf, pivGroup, pivSlot, slotText } from "./card-groups.ts";
import { type CertificateReader, deliver, done, keyNamed, publicKeyFile, publicKeyOf } from "./card-keys.ts";
import { forceOption, pinOptions } from "./card-pins.ts";
import { type CardSession, cardOptions, withCard } from "./card-session.ts";
import { type Command, command } from "./command.ts";
import { type OptionTable, UsageError } from "./options.ts";
import { adminOptions, slotAndFiles } from "./piv-keys.ts";
import { withManagementKey } from "./piv-management.ts";
import type { Terminal } from "./terminal.ts";

/** A certificate on a card has some kilobytes; a file may have a chain of them. */
const MOST_FILE_BYTES = 1_048_576;
const MAX_DAYS = 36_500;
const DEFAULT_DAYS = 365;
const DAY_MS = 86_400_000;
const SERIAL_BYTES = 16;
/** In most containers of tokens. Yubico's firmware 4 and 5. */
const MOST_CERTIFICATE_BYTES = 12_000;

/** The certificates of PIV slots, those without a key too. */
export const pivCertificates: CertificateReader = {
  word: "Slot ",
  async all({ card, crypto }) {
    const { slots } = await new PivAdmin(card, crypto).status();
    return slots.flatMap(({ certificate, slot }) =>
      certificate === undefined ? [] : [{ key: digitsOf(slot), label: slot.name, certificate }],
    );
  },
  one: ({ card, crypto }, key) => new PivAdmin(card, crypto).certificate(pivSlot(key)),
};

const importCertificate = command({
  name: "import",
  summary: "put a certificate on the card",
  usage: ["[OPTION…] SLOT [FILE]"],
  description: [
    `Puts the first certificate in FILE, or in standard input for - and without FILE, into a slot. PEM and DER are taken. A certificate of another key than that of the slot is refused, unless --force is given. ${pivGroup.keyHelp}`,
  ],
  options: adminOptions,
  argumentWords: "file",
  async run({ positionals, values }, terminal) {
    const [slot, path] = slotAndFiles(positionals, 1);
    const sources = [values.pin, sourceOf(values["management-key"])];
    const data = await readData(path, terminal, sources, MOST_FILE_BYTES);
    const certificate = derIn(data, ["CERTIFICATE", "X509 CERTIFICATE"]);
    if (certificate === undefined || readCertificate(certificate) === undefined)
      throw new SmartCardError(
        "invalid-value",
        `there is no certificate in ${path ?? "standard input"}, in PEM or DER`,
      );
    if (certificate.length > MOST_CERTIFICATE_BYTES)
      throw new SmartCardError(
        "invalid-value",
        `the certificate has ${certificate.length} bytes; there is room for ${MOST_CERTIFICATE_BYTES}`,
      );
    return withCard(pivGroup, values, terminal, async (session) => {
      const containers = await session.card.containers(session.wait);
      const own = containers.find(({ name }) => name === digitsOf(slot))?.publicKey;
      if (values.force !== true && own !== undefined && !isOf(certificate, own)) {
        const message = `the certificate is of another key than slot ${slotText(slot)} has; --force imports it all the same`;
        throw new SmartCardError("invalid-value", message, { reader: session.card.reader });
      }
      await withManagementKey(session, values["management-key"], (admin) => admin.putCertificate(slot, certificate));
      const json = { key: digitsOf(slot), ...certificateForPrograms(certificate, session.crypto) };
      return done(`Certificate imported into slot ${slotText(slot)}.`, json, values.json, terminal);
    });
  },
});

function sourceOf(source: { readonly from: string } | undefined): { readonly from: "stdin" } | undefined {
  return source?.from === "stdin" ? { from: "stdin" } : undefined;
}

function isOf(certificate: Uint8Array, publicKey: Uint8Array): boolean {
  const key = certificatePublicKey(certificate);
  return key.ok && equalBytes(encodePublicKey(key.value), publicKey);
}

const remove = command({
  name: "delete",
  summary: "delete a certificate",
  usage: ["[OPTION…] SLOT"],
  description: [`Deletes the certificate in a slot; its key stays. ${pivGroup.keyHelp}`],
  options: adminOptions,
  run({ positionals, values }, terminal) {
    const [slot] = slotAndFiles(positionals, 0);
    return withCard(pivGroup, values, terminal, async (session) => {
      await withManagementKey(session, values["management-key"], (admin) => admin.putCertificate(slot, undefined));
      return done(`Certificate in slot ${slotText(slot)} deleted.`, { deleted: digitsOf(slot) }, values.json, terminal);
    });
  },
});

const nameOptions = {
  subject: {
    type: "string",
    short: "s",
    value: "NAME",
    reads: subjectOf,
    help: "whose certificate it is, as RFC 4514 writes names: CN=Alice,O=Example; needed. What has no = is the common name",
  },
  hash: {
    type: "string",
    short: "a",
    value: "HASH",
    choices: ["sha256", "sha384", "sha512"],
    help: "of the signature; default sha256, and sha384 with P-384",
  },
  "public-key": {
    type: "string",
    value: "FILE",
    completes: "file",
    help: "the public key of the slot, for a card that does not tell it; keys generate has written it",
  },
} as const;

const requestOptions = {
  ...nameOptions,
  ...formatOption,
  ...pinOptions,
  ...forceOption,
  ...cardOptions,
} as const satisfies OptionTable;

const request = command({
  name: "request",
  summary: "make a request for a certificate, signed by the key",
  usage: ["[OPTION…] --subject NAME SLOT [FILE]"],
  description: [
    `Makes a certificate request (PKCS #10) for the key in a slot, which signs it, and writes it into FILE, or to standard output for - and without FILE. A certificate authority makes a certificate of it, which import puts on the card. ${pivGroup.keyHelp}`,
  ],
  options: requestOptions,
  argumentWords: "file",
  run({ positionals, values }, terminal) {
    const [slot, out] = slotAndFiles(positionals, 1);
    const { subject } = values;
    if (subject === undefined) throw new UsageError("--subject NAME is needed");
    return withCard(pivGroup, values, terminal, async (session) => {
      const signer = await signerOf(session, slot, values.hash, values["public-key"], terminal);
      const made = await signedRequest(subject, signer);
      return deliver(
        {
          out,
          data: inForm(made, "CERTIFICATE REQUEST", values.format),
          json: { key: digitsOf(slot), request: made },
          said: `CSR for slot ${slotText(slot)} written to`,
        },
        values.json,
        terminal,
      );
    });
  },
});

const generateOptions = {
  ...nameOptions,
  "valid-days": {
    type: "string",
    short: "d",
    value: "N",
    reads: daysOf,
    help: `how long it is valid; default ${DEFAULT_DAYS}`,
  },
  ...adminOptions,
} as const satisfies OptionTable;

const generate = command({
  name: "generate",
  summary: "make a self-signed certificate, and put it on the card",
  usage: ["[OPTION…] --subject NAME SLOT"],
  description: [
    `Makes a certificate of the key in a slot, which the key itself signs, and puts it into the slot. Where several secrets come from standard input, the PIN is on its first line. ${pivGroup.keyHelp}`,
  ],
  options: generateOptions,
  run({ positionals, values }, terminal) {
    const [slot] = slotAndFiles(positionals, 0);
    const { subject } = values;
    if (subject === undefined) throw new UsageError("--subject NAME is needed");
    return withCard(pivGroup, values, terminal, async (session) => {
      const { crypto } = session;
      const signer = await signerOf(session, slot, values.hash, values["public-key"], terminal);
      const now = nodeClock.wallTime();
      const certificate = await signedCertificate(
        {
          serialNumber: positive(crypto.randomBytes(SERIAL_BYTES)),
          issuer: subject,
          subject,
          validity: sequence(timeOf(now), timeOf(now + (values["valid-days"] ?? DEFAULT_DAYS) * DAY_MS)),
          publicKey: signer.publicKey,
          extensions: keyIdentifiers((data) => crypto.hash("sha1", data), signer.publicKey, signer.publicKey),
        },
        signer,
      );
      await withManagementKey(session, values["management-key"], (admin) => admin.putCertificate(slot, certificate));
      const json = { key: digitsOf(slot), ...certificateForPrograms(certificate, crypto) };
      return done(`Certificate generated in slot ${slotText(slot)}.`, json, values.json, terminal);
    });
  },
});

/** The actions of `scard piv certificates`. */
export const pivCertificateActions: readonly Command[] = [importCertificate, generate, request, remove];

/** What signs with the key in a slot. @throws unsupported-feature (the key signs nothing), no-key-container */
async function signerOf(
  session: CardSession,
  slot: PivSlot,
  asked: Hash | undefined,
  file: string | undefined,
  terminal: Terminal,
): Promise<CertificateSigner> {
  if (file !== undefined) return untoldSigner(session, slot, asked, await publicKeyFile(file, terminal));
  const container = await keyNamed(session, digitsOf(slot)).catch(async (error: unknown) => {
    throw (await isTold(session, slot)) ? error : untold(slot, session.card.reader);
  });
  return containerSigner(session, container, asked);
}

function isTold({ card, crypto }: CardSession, slot: PivSlot): Promise<boolean> {
  return new PivAdmin(card, crypto).keyFacts(slot).then(
    () => true,
    () => false,
  );
}

function untold(slot: PivSlot, reader: string): SmartCardError {
  const message = `this card tells of a key by its certificate, and there is none in slot ${slotText(slot)}: give --public-key FILE, which keys generate has written`;
  return new SmartCardError("no-key-container", message, { reader });
}

/** What signs with a key that the card does not tell. */
function untoldSigner(
  { card, crypto, wait }: CardSession,
  slot: PivSlot,
  asked: Hash | undefined,
  publicKey: Uint8Array,
): CertificateSigner {
  const decoded = decodePublicKey(publicKey);
  if (!decoded.ok) throw new SmartCardError("invalid-value", `--public-key: ${decoded.error.message}`);
  const key = decoded.value;
  const hash = asked ?? (key.kind === "ec" ? hashOfCurve(key.curve) : "sha256");
  const algorithm = signatureAlgorithm(key.kind, hash);
  if (algorithm === undefined) throw signsNothing(digitsOf(slot), key.kind.toUpperCase(), card.reader);
  return {
    algorithm,
    publicKey,
    async sign(data) {
      await card.verifyPin(undefined, wait);
      return card.transaction(async () => {
        await card.verifyPin(undefined, wait);
        return new PivAdmin(card, crypto).sign(slot, key, hash, data);
      }, wait);
    },
  };
}

function signsNothing(name: string, algorithm: string, reader: string): SmartCardError {
  const message = `the key ${name} is ${algorithm}, which signs nothing: a certificate of it is signed by another key`;
  return new SmartCardError("unsupported-feature", message, { reader });
}

function containerSigner(
  { card, wait }: CardSession,
  container: KeyContainer,
  asked: Hash | undefined,
): CertificateSigner {
  const { key, name } = container;
  const hash = asked ?? (key.kind === "ec" ? hashOfCurve(key.curve) : "sha256");
  const algorithm = signatureAlgorithm(key.kind, hash);
  if (algorithm === undefined) throw signsNothing(name, algorithmName(key), card.reader);
  return {
    algorithm,
    publicKey: publicKeyOf(container),
    sign: (data) => card.sign(container, data, { ...wait, ...(key.kind !== "ed25519" && { hash }) }),
  };
}

type Hash = "sha256" | "sha384" | "sha512";

function subjectOf(option: string, text: string): Uint8Array {
  const encoded = encodeName(text);
  if (encoded.ok) return encoded.value;
  throw new UsageError(`${option} is a name such as CN=Alice,O=Example: ${encoded.error.message}`);
}

function daysOf(option: string, text: string): number {
  const days = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > MAX_DAYS) throw new UsageError(`${option} is 1 to ${MAX_DAYS}`);
  return days;
}

/** A number that is positive, and has all its bytes. RFC 5280, 4.1.2.2. */
function positive(bytes: Uint8Array): Uint8Array {
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function timeOf(wallTime: number): Uint8Array {
  return time(new Date(wallTime).toISOString().replace(/\D/g, "").slice(0, 14));
}
