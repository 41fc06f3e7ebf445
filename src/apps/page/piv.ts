// SPDX-License-Identifier: MIT

import { encodeHex, zeroBytes } from "../../base/binary/index.ts";
import { type CurveName, ecdsaToDer, readCertificate } from "../../base/keys/index.ts";
import {
  ConnectionHost,
  type KeyContainer,
  type ModuleCard,
  type PinDescription,
  pivModule,
  ReaderPinPad,
  type SignRequest,
} from "../../faces/modules/index.ts";
import { type ErrorCode, SmartCardError as PortError } from "../../port/index.ts";
import { browser } from "../page-parts/index.ts";
import type { CardLine } from "./card-line.ts";
import { PageCrypto } from "./host-crypto.ts";

/** A key of a PIV card that can sign, with its certificate. */
export interface PivKey {
  readonly container: KeyContainer;
  /** What the certificate says: titles and texts. */
  readonly facts: readonly (readonly [title: string, text: string])[];
  readonly pem: string;
}

/** What is on a PIV card. */
export interface PivFacts {
  readonly label: string;
  readonly serialNumber: string | undefined;
  readonly keys: readonly PivKey[];
  readonly triesLeft: number | undefined;
  readonly hasPad: boolean;
}

/** A challenge, and the signature of the card. */
export interface Signed {
  readonly container: string;
  readonly challenge: string;
  readonly algorithm: string;
  readonly signature: string;
  /** Whether the browser has verified it with the key of the certificate; undefined where it does not know the algorithm. */
  readonly isVerified: boolean | undefined;
}

/** Where a PIN comes from: what was typed in, which is cleared, or the reader's own pad. */
export type PinSource = { readonly pin: Uint8Array } | "pad" | "none";

/** How a PIN is shown to the card. */
export interface PinTerms {
  readonly source: PinSource;
  /** Whether the user has confirmed that the last try may be used up. */
  readonly lastTry: boolean;
}

const CHALLENGE_BYTES = 32;
const usualHash: Readonly<Partial<Record<CurveName, Hash>>> = {
  "P-384": "sha384",
  "P-521": "sha512",
  brainpoolP384r1: "sha384",
  brainpoolP512r1: "sha512",
};
const subtleNames = { sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" } as const;

/** The PIV application of the card on a line. */
export class PivOnLine {
  readonly #line: CardLine;
  readonly #crypto = new PageCrypto();
  readonly #host: ConnectionHost;
  readonly #pad: ReaderPinPad;

  constructor(line: CardLine) {
    this.#line = line;
    const { connection, reader } = line;
    this.#host = new ConnectionHost(
      { reader, send: (command, { longData }) => line.send(command, longData) },
      this.#crypto,
    );
    this.#pad = new ReaderPinPad({
      async control(code, input): Promise<Uint8Array> {
        try {
          return new Uint8Array(await connection.control(code, input));
        } catch (error) {
          throw portError(error);
        }
      },
    });
  }

  /** Reads the certificates of the card; undefined where it has no PIV application. */
  async read(): Promise<PivFacts | undefined> {
    const hasPad = await this.#pad.has("verify");
    return this.#work(async (card) => {
      const keys: PivKey[] = [];
      for (const container of await card.containers()) {
        const certificate = container.uses.includes("sign") ? await card.certificate(container) : undefined;
        const fields = certificate && readCertificate(certificate);
        if (certificate === undefined || fields === undefined) continue;
        const facts = [
          ["Subject", fields.subject],
          ["Issuer", fields.issuer],
          ["Serial number", encodeHex(fields.serialNumber)],
          ["Valid from", fields.notBefore ?? "not told"],
          ["Valid until", fields.notAfter ?? "not told"],
          ["Key", keyText(container.key)],
        ] as const;
        keys.push({ container, facts, pem: pemOf(certificate) });
      }
      const { label, serialNumber } = card;
      return { label, serialNumber, keys, hasPad, triesLeft: await card.triesLeft?.("user") };
    });
  }

  /** Has the card sign a new challenge. The PIN is cleared, and taken back from the card. */
  async sign({ container }: PivKey, terms: PinTerms): Promise<Signed> {
    const { source } = terms;
    try {
      const challenge = this.#crypto.randomBytes(CHALLENGE_BYTES);
      const { request, hash } = await requestFor(container, challenge);
      const signature = await this.#work(async (card) => {
        await this.#verify(card, container, terms);
        try {
          return await card.sign?.(container, request);
        } finally {
          await card.deauthenticate?.();
        }
      });
      if (signature === undefined) throw new PortError("unsupported-feature", "the card has no PIV application");
      const isDer = container.key.kind === "ec";
      return {
        container: container.name,
        challenge: encodeHex(challenge),
        algorithm: `${keyText(container.key)}${hash === undefined ? "" : ` with ${subtleNames[hash]}`}`,
        signature: encodeHex(isDer ? ecdsaToDer(signature) : signature),
        isVerified: await isVerified(container, hash, challenge, signature),
      };
    } finally {
      if (typeof source === "object") zeroBytes(source.pin);
    }
  }

  async #verify(card: ModuleCard, container: KeyContainer, { lastTry, source }: PinTerms): Promise<void> {
    if (container.pin === undefined || source === "none") return;
    // Another program may have used tries up since they were shown.
    const triesLeft = lastTry ? undefined : await card.triesLeft?.("user");
    if (triesLeft === 1) {
      const message = "one try of the PIN is left, and a wrong one blocks it: confirm that it may be used";
      throw new PortError("security-violation", message, { triesLeft });
    }
    const pin = card.pins.find(({ role }) => role === "user") as PinDescription;
    if (source !== "pad") {
      const { length } = source.pin;
      if (length < pin.leastBytes || length > pin.mostBytes)
        throw new PortError("invalid-chv", `the PIN has ${pin.leastBytes} to ${pin.mostBytes} characters`);
      await card.verify?.("user", source.pin, container);
      return;
    }
    const command = card.pinPad?.("verify", "user", container);
    if (command === undefined) throw new PortError("unsupported-feature", "the PIN cannot be entered at a pad");
    const status = await this.#pad.enter("verify", command, pin, this.#host.place, {});
    if (status !== 0x9000) throw this.#host.pinFailure(status, pin);
  }

  async #work<T>(work: (card: ModuleCard) => Promise<T>): Promise<T | undefined> {
    return this.#line.transaction(() =>
      this.#crypto.unpacking(async () => {
        const card = await pivModule.open(this.#host);
        return card && work(card);
      }),
    );
  }
}

/** Codes of the Web Smart Card API that the port has by the same name, and after which the card was not asked. */
const sameCodes: ReadonlySet<string> = new Set([
  ...["no-service", "no-smartcard", "reader-unavailable", "removed-card", "reset-card", "unpowered-card"],
]);

/** An error of the page's API as card modules know it. A reader that does not know a control code has no pad. */
function portError(error: unknown): PortError {
  const code = (error as { readonly responseCode?: string }).responseCode ?? "";
  const message = error instanceof Error ? error.message : "the reader has failed";
  return new PortError(sameCodes.has(code) ? (code as ErrorCode) : "unsupported-feature", message);
}

type Hash = keyof typeof subtleNames;

async function requestFor(
  { key }: KeyContainer,
  challenge: Uint8Array,
): Promise<{ readonly request: SignRequest; readonly hash: Hash | undefined }> {
  if (key.kind === "ed25519") return { request: { scheme: "ed25519", message: challenge }, hash: undefined };
  const hash = key.kind === "ec" ? hashOf(key.curve) : "sha256";
  const digest = new Uint8Array(await browser.crypto.subtle.digest(subtleNames[hash], challenge.slice()));
  return { request: { scheme: key.kind === "ec" ? "ecdsa" : "rsa-pkcs1", hash, digest }, hash };
}

function hashOf(curve: CurveName): Hash {
  return usualHash[curve] ?? "sha256";
}

async function isVerified(
  { key, publicKey }: KeyContainer,
  hash: Hash | undefined,
  challenge: Uint8Array,
  signature: Uint8Array,
): Promise<boolean | undefined> {
  if (publicKey === undefined) return undefined;
  const hashName = subtleNames[hash ?? "sha256"];
  const algorithm =
    key.kind === "rsa"
      ? { name: "RSASSA-PKCS1-v1_5", hash: hashName }
      : key.kind === "ec"
        ? { name: "ECDSA", hash: hashName, namedCurve: key.curve }
        : { name: "Ed25519" };
  try {
    const imported = await browser.crypto.subtle.importKey("spki", publicKey.slice(), algorithm, false, ["verify"]);
    return await browser.crypto.subtle.verify(algorithm, imported, signature.slice(), challenge.slice());
  } catch {
    return undefined;
  }
}

function keyText(key: KeyContainer["key"]): string {
  if (key.kind === "rsa") return `RSA ${key.bits} bits`;
  return key.kind === "ec" ? `EC ${key.curve}` : "Ed25519";
}

function pemOf(certificate: Uint8Array): string {
  const base64 = btoa(Array.from(certificate, (byte) => String.fromCharCode(byte)).join(""));
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}(?=.)/g, "$&\n")}\n-----END CERTIFICATE-----`;
}
