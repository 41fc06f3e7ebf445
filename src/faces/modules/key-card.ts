// SPDX-License-Identifier: MIT

import { copyBytes, isBytes, kindOf, quoteWord, zeroBytes } from "../../base/binary/index.ts";
import type { CommandInit, ResponseApdu } from "../../base/iso7816/index.ts";
import { byteString, callback, checkWait, read, SmartCardError, type WaitOptions } from "../../port/index.ts";
import { type CardWebCrypto, type HostWebCrypto, WebCryptoOnCard } from "../web-crypto/index.ts";
import { adminSecret } from "./admin-secret.ts";
import type { FreeSpace, KeyContainer, PinDescription, PinRole } from "./card-module.ts";
import type { CardSessions, Session } from "./card-sessions.ts";
import type { FailurePlace } from "./failures.ts";
import { checkChange, checkDecrypt, checkSign, checkUnblock, checkVerify, waitOf } from "./key-card-options.ts";
import type { ConnectionHost } from "./module-host.ts";
import type {
  CardCertificate,
  CardProperties,
  ChallengeAnswer,
  ChangePinRequest,
  OpenCard,
  PinState,
  UnblockRequest,
  VerifyPinOptions,
} from "./open-card.ts";
import type { PinCache } from "./pin-cache.ts";
import { forgetVerified, type PinEntry, type PinNeed, type PinValue } from "./pin-entry.ts";
import type { RemovalWatch } from "./removal-watch.ts";
import {
  checkUse,
  type DecryptOptions,
  decryptRequest,
  otherKey,
  type SignOptions,
  secretIn,
  signatureIn,
  signRequest,
} from "./schemes.ts";
import { withCopies } from "./with-copies.ts";

/** What an open card is made of. */
export interface OpenCardParts {
  readonly module: string;
  readonly host: ConnectionHost;
  readonly sessions: CardSessions;
  readonly pins: PinEntry;
  readonly cache: PinCache;
  readonly watch: RemovalWatch;
  readonly webCrypto: HostWebCrypto | undefined;
  /** Ends what was opened for it. */
  readonly dispose: () => Promise<void>;
}

/** The card that openCard gives. */
export class KeyCard implements OpenCard {
  readonly #parts: OpenCardParts;
  #containers: readonly KeyContainer[] | undefined;
  #webCrypto: CardWebCrypto | undefined;
  #isClosed = false;

  /** @internal `openCard` makes it. */
  constructor(parts: OpenCardParts) {
    this.#parts = parts;
  }

  get reader(): string {
    return this.#parts.host.reader;
  }

  get module(): string {
    return this.#parts.module;
  }

  get webcrypto(): CardWebCrypto {
    const { webCrypto } = this.#parts;
    if (webCrypto === undefined)
      throw new SmartCardError("unsupported-feature", "this host has no Web Crypto", this.#place("webcrypto"));
    this.#webCrypto ??= new WebCryptoOnCard(this, webCrypto);
    return this.#webCrypto;
  }

  async containers(options: WaitOptions = {}): Promise<readonly KeyContainer[]> {
    const wait = checkWait("containers", options);
    this.#containers = await this.#run("containers", wait, ({ card }) => card.containers());
    return this.#containers;
  }

  async certificates(options: WaitOptions = {}): Promise<readonly CardCertificate[]> {
    const wait = checkWait("certificates", options);
    return this.#run("certificates", wait, async ({ card }) => {
      const found: CardCertificate[] = [];
      const containers = await card.containers();
      for (const container of containers) {
        const certificate = await card.certificate(container);
        if (certificate !== undefined) found.push({ container, certificate });
      }
      this.#containers = containers;
      return found;
    });
  }

  async certificate(container: KeyContainer | string, options: WaitOptions = {}): Promise<Uint8Array> {
    const operation = "certificate";
    const wait = checkWait(operation, options);
    const known = await this.#container(container, operation, wait);
    const certificate = await this.#run(operation, wait, ({ card }) => card.certificate(known));
    if (certificate !== undefined) return certificate;
    const message = `the key ${known.name} (${known.label}) has no certificate on the card`;
    throw new SmartCardError("no-such-certificate", message, this.#place(operation));
  }

  async sign(container: KeyContainer | string, data: Uint8Array, options: SignOptions = {}): Promise<Uint8Array> {
    const operation = "sign";
    const { signal, timeoutMs, ...how } = checkSign(options, { operation, path: "options" });
    const given = copyBytes(byteString(data, { operation, path: "data" }));
    const wait = waitOf({ signal, timeoutMs });
    const known = await this.#container(container, operation, wait);
    checkUse(known, "sign", this.#place(operation));
    const request = signRequest(known, given, how, this.#parts.host.crypto, this.#place(operation));
    const signature = await this.#withKey(operation, known, wait, ({ card }) =>
      this.#able(card.sign, "sign", operation).call(card, known, request),
    );
    return signatureIn(signature, known, how.format ?? "der", this.#place(operation));
  }

  async decrypt(container: KeyContainer | string, data: Uint8Array, options: DecryptOptions = {}): Promise<Uint8Array> {
    const operation = "decrypt";
    const { signal, timeoutMs, ...how } = checkDecrypt(options, { operation, path: "options" });
    const given = copyBytes(byteString(data, { operation, path: "data" }));
    const wait = waitOf({ signal, timeoutMs });
    const known = await this.#container(container, operation, wait);
    checkUse(known, "decrypt", this.#place(operation));
    const request = decryptRequest(known, given, how, this.#place(operation));
    return this.#withKey(operation, known, wait, ({ card }) =>
      this.#able(card.decrypt, "decrypt", operation).call(card, known, request),
    );
  }

  async deriveKey(
    container: KeyContainer | string,
    publicKey: Uint8Array,
    options: WaitOptions = {},
  ): Promise<Uint8Array> {
    const operation = "deriveKey";
    const wait = checkWait(operation, options);
    const given = copyBytes(byteString(publicKey, { operation, path: "publicKey" }));
    const known = await this.#container(container, operation, wait);
    checkUse(known, "derive", this.#place(operation));
    const other = otherKey(known, given, this.#place(operation));
    const secret = await this.#withKey(operation, known, wait, ({ card }) =>
      this.#able(card.agree, "agree on a secret", operation).call(card, known, other),
    );
    return secretIn(secret, known, this.#place(operation));
  }

  async pins(options: WaitOptions = {}): Promise<readonly PinState[]> {
    return this.#run("pins", checkWait("pins", options), async ({ card }) => {
      const states: PinState[] = [];
      for (const pin of card.pins) states.push({ ...pin, triesLeft: await card.triesLeft?.(pin.role) });
      return states;
    });
  }

  async verifyPin(pin?: PinValue, options: VerifyPinOptions = {}): Promise<void> {
    const operation = "verifyPin";
    const { lastTry = false, role = "user", ...wait } = checkVerify(options, { operation, path: "options" });
    const need = this.#need(operation, role, waitOf(wait));
    this.#checkOpen(operation);
    this.#parts.pins.sent(role, operation);
    const done = async (): Promise<void> => undefined;
    if (pin === undefined) await this.#parts.pins.withPin({ ...need, repeat: false }, done, lastTry);
    else await this.#parts.pins.withGiven(need, pin, lastTry, done);
  }

  async changePin(request: ChangePinRequest): Promise<void> {
    const operation = "changePin";
    const given = checkChange(request, { operation, path: "request" });
    const { lastTry = false, newPin, oldPin, pad = false, role = "user" } = given;
    this.#checkOpen(operation);
    const { cache, pins, sessions } = this.#parts;
    const pin = pins.sent(role, operation);
    if (pad && oldPin === undefined && newPin === undefined)
      return pins.changeAtPad(this.#need(operation, role, waitOf(given)), lastTry);
    if (pad || oldPin === undefined || newPin === undefined) {
      const message = "give oldPin and newPin, or pad: true, where both are entered at the PIN pad of the reader";
      throw new SmartCardError("invalid-parameter", message, this.#place(operation));
    }
    const old = pins.secretOf(oldPin, pin, operation);
    try {
      const next = pins.secretOf(newPin, pin, operation);
      try {
        await sessions.run(this.#need(operation, role, waitOf(given)), async (session) => {
          await pins.checkTries(session, pin, lastTry, operation);
          const { card } = session;
          forgetVerified(session);
          const change = this.#able(card.changePin, "change a PIN", operation);
          await old.use((oldBytes) =>
            next.use(async (nextBytes) => {
              cache.forget(role);
              await withCopies([oldBytes, nextBytes], ([one, other]) => change.call(card, role, one, other));
              cache.keep(role, nextBytes);
            }),
          );
        });
      } finally {
        next.release();
      }
    } finally {
      old.release();
    }
  }

  async unblock(request: UnblockRequest): Promise<void> {
    const operation = "unblock";
    const given = checkUnblock(request, { operation, path: "request" });
    const { lastTry = false, newPin, role = "user", secret } = given;
    const pin = this.#pinOf(role, operation);
    const by = given.by ?? pin.unblockedBy[0];
    if (by === undefined || !pin.unblockedBy.includes(by)) {
      const known = pin.unblockedBy.join(" or ") || "no role";
      const message = `the ${pin.name} of this card is unblocked by ${known}${by === undefined ? "" : `, not by ${by}`}`;
      throw new SmartCardError("unsupported-feature", message, this.#place(operation));
    }
    const admin = this.#pinOf(by, operation);
    const { cache, pins, sessions } = this.#parts;
    const next = pins.secretOf(newPin, pin, operation);
    const answers = admin.kind === "challenge-response";
    if (!answers && typeof secret === "function")
      throw new SmartCardError(
        "invalid-parameter",
        `the ${admin.name} is a PIN: give it as secret`,
        this.#place(operation),
      );
    const shown = answers ? undefined : pins.secretOf(secret as PinValue, admin, operation);
    const key = answers && isBytes(secret) ? copyBytes(secret) : undefined;
    try {
      await sessions.run(this.#need(operation, role, waitOf(given)), async (session) => {
        const { card } = session;
        forgetVerified(session);
        const unblock = this.#able(card.unblock, "unblock a PIN", operation);
        await pins.checkTries(session, admin, lastTry, operation);
        if (answers) await this.#authenticate(session, key ?? secret, operation);
        cache.forget(role);
        await next.use((nextBytes) =>
          shown === undefined
            ? withCopies([nextBytes], ([one]) => unblock.call(card, role, one, by, undefined))
            : shown.use((bytes) =>
                withCopies([nextBytes, bytes], ([one, other]) => unblock.call(card, role, one, by, other)),
              ),
        );
      });
    } finally {
      next.release();
      shown?.release();
      if (key !== undefined) zeroBytes(key);
    }
  }

  async authenticate(secret: Uint8Array | ChallengeAnswer, options: WaitOptions = {}): Promise<void> {
    const operation = "authenticate";
    const wait = checkWait(operation, options);
    const key = isBytes(secret) ? copyBytes(secret) : undefined;
    try {
      await this.#parts.sessions.run(this.#need(operation, "admin", wait), (session) =>
        this.#authenticate(session, key ?? secret, operation),
      );
    } finally {
      if (key !== undefined) zeroBytes(key);
    }
  }

  async properties(options: WaitOptions = {}): Promise<CardProperties> {
    const { module } = this.#parts;
    return this.#run("properties", checkWait("properties", options), async ({ card }) => {
      const facts = (await card.properties?.()) ?? {};
      return { module, label: card.label, serialNumber: card.serialNumber, facts };
    });
  }

  async freeSpace(options: WaitOptions = {}): Promise<FreeSpace> {
    return this.#run("freeSpace", checkWait("freeSpace", options), async ({ card }) => {
      const unknown = { bytes: undefined, containers: undefined, mostContainers: undefined };
      return (await card.freeSpace?.()) ?? unknown;
    });
  }

  async transaction<T>(work: () => T | PromiseLike<T>, options: WaitOptions = {}): Promise<T> {
    const run = callback<typeof work>("a function")(work, { operation: "transaction", path: "work" });
    const wait = checkWait("transaction", options);
    this.#checkOpen("transaction");
    return this.#parts.sessions.hold("transaction", wait, run);
  }

  async send(command: CommandInit, options: WaitOptions = {}): Promise<ResponseApdu> {
    const wait = checkWait("send", options);
    const { host, sessions } = this.#parts;
    this.#checkOpen("send");
    // The data may hold a PIN: the copy is cleared.
    const data = isBytes(command?.data) ? copyBytes(command.data) : undefined;
    const copy = data === undefined ? command : { ...command, data };
    try {
      return await sessions.run({ operation: "send", wait, repeat: false }, () => host.send(copy));
    } finally {
      if (data !== undefined) zeroBytes(data);
    }
  }

  forgetPins(): void {
    this.#parts.cache.clear();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { cache, dispose, sessions, watch } = this.#parts;
    watch.stop();
    cache.leave();
    sessions.end(
      new SmartCardError("invalid-handle", "the card was closed; open it with openCard()", { reader: this.reader }),
    );
    await dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Work that changes nothing on the card, and may run again after a reset. */
  #run<T>(operation: string, wait: WaitOptions, work: (session: Session) => Promise<T>): Promise<T> {
    return this.#parts.sessions.run({ operation, wait, repeat: true }, work);
  }

  #withKey<T>(
    operation: string,
    container: KeyContainer,
    wait: WaitOptions,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const { pin: role, pinPolicy } = container;
    if (role === undefined || pinPolicy === "never") return this.#run(operation, wait, work);
    return this.#parts.pins.withPin({ operation, role, container, wait, repeat: true }, work);
  }

  async #authenticate(session: Session, secret: unknown, operation: string): Promise<void> {
    session.isShown = true;
    const give = this.#able(session.card.challenge, "give a challenge for an administrator's key", operation);
    const take = this.#able(session.card.authenticate, "take the answer of an administrator's key", operation);
    const prove = adminSecret(secret, this.#parts.host.crypto, this.#place(operation));
    await take.call(session.card, await prove(await give.call(session.card)));
    session.verified.add("admin");
  }

  /** @throws no-key-container, invalid-handle */
  async #container(given: KeyContainer | string, operation: string, wait: WaitOptions): Promise<KeyContainer> {
    this.#checkOpen(operation);
    const path = { operation, path: "container" };
    const name: unknown = typeof given === "object" && given !== null ? read(given, "name", path) : given;
    if (typeof name !== "string") {
      const message = `${operation}: container is ${kindOf(given)}; give one of containers(), or its name`;
      throw new SmartCardError("invalid-parameter", message, this.#place(operation));
    }
    const wanted = name.toLowerCase();
    const find = (all: readonly KeyContainer[] | undefined): KeyContainer | undefined =>
      all?.find((one) => one.name.toLowerCase() === wanted);
    const known = find(this.#containers);
    if (known !== undefined) return known;
    this.#containers = await this.#run(operation, wait, ({ card }) => card.containers());
    const found = find(this.#containers);
    if (found !== undefined) return found;
    const names = this.#containers.map((one) => one.name).join(", ") || "none";
    const message = `the card has no key ${quoteWord(name)}; its keys: ${names}`;
    throw new SmartCardError("no-key-container", message, this.#place(operation));
  }

  #able<F>(member: F | undefined, what: string, operation: string): F {
    if (member !== undefined) return member;
    const message = `the module ${this.module} does not ${what}`;
    throw new SmartCardError("unsupported-feature", message, this.#place(operation));
  }

  #pinOf(role: PinRole, operation: string): PinDescription {
    this.#checkOpen(operation);
    return this.#parts.pins.described(role, operation);
  }

  #need(operation: string, role: PinRole, wait: WaitOptions): PinNeed {
    return { operation, role, container: undefined, wait, repeat: false };
  }

  #checkOpen(operation: string): void {
    if (!this.#isClosed) return;
    throw new SmartCardError("invalid-handle", "the card was closed; open it with openCard()", this.#place(operation));
  }

  #place(operation: string): FailurePlace {
    return { reader: this.reader, operation };
  }
}
