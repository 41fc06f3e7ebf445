// SPDX-License-Identifier: MIT

import { concatBytes, hexBytes } from "../../../src/base/binary/index.ts";
import { decodeBerTlv } from "../../../src/base/iso7816/index.ts";
import {
  certificatePublicKey,
  decodePublicKey,
  ecdsaFromDer,
  ecdsaToDer,
  encodeName,
  encodePublicKey,
  readCertificate,
} from "../../../src/base/keys/index.ts";
import { openCardOn, type PinPrompt, pivModule } from "../../../src/faces/modules/index.ts";
import { makeHostCrypto } from "../../../src/platform/node/crypto/index.ts";
import { type Clock, ConnectionBase, type ConnectionStatus, SmartCardError } from "../../../src/port/index.ts";
import { seededRandom } from "../../../src/testing/runtime/index.ts";
import type { Dice } from "../dice.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must, mustEqual } from "../target.ts";

/** SubjectPublicKeyInfo of Ed25519, P-256 and a short RSA key; an ECDSA signature. */
const samples: readonly Uint8Array[] = [
  `302A300506032B6570032100${"AB".repeat(32)}`,
  `3059301306072A8648CE3D020106082A8648CE3D03010703420004${"CD".repeat(64)}`,
  `302A300D06092A864886F70D0101010500031900301602${"0F"}00${"EF".repeat(14)}0203010001`,
  "3006020101020101",
  "3008020200FF020200FF",
].map(hexBytes);

const publicKey: FuzzTarget = {
  name: "public-key",
  about: "keys, certificates and signatures in DER: what is read is written, and read the same",
  covers: ["decodePublicKey"],
  measures: [
    "base/keys/public-key",
    "base/keys/ecdsa-signature",
    "base/keys/der",
    "base/keys/certificate",
    "base/keys/distinguished-name",
  ],
  maxBytes: 600,
  dictionary: ["2A864886F70D010101", "2A8648CE3D0201", "2B6570", "2B656E", "A003020102", "3000"].map(hexBytes),
  generate: (dice) => certificateAround(dice, dice.pick(samples)),
  run(input) {
    const decoded = decodePublicKey(input);
    if (decoded.ok) {
      const written = encodePublicKey(decoded.value);
      const again = decodePublicKey(written);
      must(again.ok, "what was written cannot be read");
      mustEqual(encodePublicKey(again.value), written, "a key that was written and read");
    }
    const certified = certificatePublicKey(input);
    if (certified.ok) must(decodePublicKey(encodePublicKey(certified.value)).ok, "a certificate's key cannot be read");
    const name = encodeName(readCertificate(input)?.subject ?? new TextDecoder().decode(input));
    if (name.ok) must(decodeBerTlv(name.value).ok, "a name that was written is no DER");
    const signature = ecdsaFromDer(input, 32);
    if (signature !== undefined) mustEqual(ecdsaFromDer(ecdsaToDer(signature), 32) ?? input, signature, "r and s");
  },
};

/** A key, or a certificate whose other fields are empty. */
function certificateAround(dice: Dice, key: Uint8Array): Uint8Array {
  const changed = key.slice();
  if (dice.chance(50)) changed[dice.below(changed.length)] = dice.below(256);
  if (dice.chance(60)) return changed;
  const fields = concatBytes(
    hexBytes(dice.chance(50) ? "A003020102020101" : "020101"),
    hexBytes("30003000300030003000").subarray(0, 8),
    changed,
  );
  const inner = concatBytes(Uint8Array.of(0x30, 0x81, fields.length & 0xff), fields);
  return concatBytes(Uint8Array.of(0x30, 0x81, inner.length & 0xff), inner);
}

/** What real cards answer, so that modules go on. */
const answers: readonly Uint8Array[] = [
  "9000",
  "6A82",
  "6A88",
  "6982",
  "6983",
  "63C1",
  "63C3",
  "6D00",
  "6110",
  "6C20",
  "0507029000",
  "01020304" + "9000",
  `0101110202010104${"45"}8641${"04"}${"AB".repeat(64)}9000`,
  `7F49438641${"04"}${"CD".repeat(64)}9000`,
  "5306700302010071019000",
  "5303700201029000",
  "7C03820101" + "9000",
  "7C0881060102030405069000",
  "6E1A4F10D27600012401030400060000000100000000C40701FFFFFF0303039000",
  "C4078100000003030390009000",
  `DF1F1D01${"6D73637000000000000000000000000000000000000000000000A000"}9000`,
  `DF2356${"00".repeat(80)}010000000008${""}9000`,
  "30028000" + "9000",
  // An identifier of Windows' Plug and Play, and both features of a PIN pad.
  `301D02010016044D53465430120410${"00".repeat(16)}9000`,
].map(hexBytes);
const features = hexBytes("060442000DB0070442000DB1");

/** A connection whose card answers what the tape says; when that is over, it knows nothing. */
class TapeConnection extends ConnectionBase {
  readonly reader = "Reader";
  readonly shareMode = "shared";
  readonly protocol = "t1";
  readonly #tape: Tape;

  constructor(tape: Tape) {
    super({ now: () => 0, preferredProtocols: ["t1"] });
    this.#tape = tape;
  }

  async transmit(): Promise<Uint8Array> {
    const tape = this.#tape;
    if (tape.ended) return Uint8Array.of(0x6a, 0x82);
    const kind = tape.below(32);
    if (kind < 24) return answers[tape.below(answers.length)] ?? Uint8Array.of(0x90, 0x00);
    if (kind === 24) throw new SmartCardError(tape.pick("reset-card", "removed-card", "comm-error"), "fuzzed", {});
    return concatBytes(tape.bytes(tape.below(64)), Uint8Array.of(tape.pick(0x90, 0x61, 0x63, 0x6a), tape.byte()));
  }

  async status(): Promise<ConnectionStatus> {
    const atr = hexBytes("3B8180018080");
    return { reader: this.reader, state: "specific", protocol: this.protocol, atr, eventCount: 1 };
  }

  async reconnect(): Promise<"t1"> {
    return this.protocol;
  }
  async beginTransaction(): Promise<void> {}
  async endTransaction(): Promise<void> {}
  async disconnect(): Promise<void> {}
  async setAttribute(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
  async control(): Promise<Uint8Array> {
    const tape = this.#tape;
    const answer = tape.pick(features, Uint8Array.of(0x90, 0x00), Uint8Array.of(0x64, tape.byte()), undefined);
    if (answer !== undefined) return answer;
    if (tape.byte() > 0x80) return tape.bytes(tape.below(16));
    throw new SmartCardError(tape.pick("unsupported-feature", "removed-card", "comm-error"), "fuzzed", {});
  }
  async getAttribute(): Promise<Uint8Array> {
    return new Uint8Array(0);
  }
  async transmitCount(): Promise<number> {
    return 0;
  }
}

/** Each time is over at once. */
const clock: Clock = {
  now: () => 0,
  wallTime: () => 0,
  schedule: (_delayMs, _name, callback) => {
    let isOver = false;
    void Promise.resolve().then(() => isOver || callback());
    return () => {
      isOver = true;
    };
  },
};

const cardModule: FuzzTarget = {
  name: "card-module",
  about: "a card under the card modules: each call ends, with an error of ours or with a result",
  covers: [],
  measures: ["faces/modules/"],
  maxBytes: 200,
  generate: (dice) => dice.bytes(4 + dice.below(120)),
  async run(input) {
    const tape = new Tape(input);
    const connection = new TapeConnection(tape);
    // Without a name the card is asked for all applications, and then for its identifier.
    const name = tape.pick("piv", "gids", "openpgp", "pkcs15", undefined);
    const library = makeHostCrypto(seededRandom(1));
    const ended = async <T>(work: Promise<T>): Promise<T | undefined> => {
      try {
        return await work;
      } catch (error) {
        must(error instanceof SmartCardError, `an error from inside: ${error}`);
        return undefined;
      }
    };
    const pin = tape.pick<PinPrompt | "pad">("pad", () => ({ pin: "12345678", lastTry: true }));
    const identified = { ...pivModule, name: "identified", identifiers: ["00".repeat(16)] };
    const options = { module: name, pin, modules: [identified] };
    const card = await ended(openCardOn(connection, options, { crypto: library, clock }));
    if (card === undefined) return;
    const [container] = (await ended(card.containers())) ?? [];
    await ended(card.properties());
    await ended(card.pins());
    await ended(card.certificates());
    if (container !== undefined) {
      await ended(card.sign(container, input));
      await ended(card.decrypt(container, new Uint8Array(256)));
      await ended(card.deriveKey(container, container.publicKey ?? input));
    }
    await ended(card.changePin({ oldPin: "12345678", newPin: "87654321", lastTry: true }));
    await ended(card.changePin({ pad: true, lastTry: true }));
    await ended(card.unblock({ secret: "12345678", newPin: "87654321", lastTry: true }));
    await ended(card.authenticate(({ challenge }) => challenge));
    await card.close();
  },
};

/** Keys in DER, and cards under the card modules. */
export const keyTargets: readonly FuzzTarget[] = [publicKey, cardModule];
