// SPDX-License-Identifier: MIT

import { decodeHex, encodeHex, hexByte, hexBytes, quoteWord } from "../../base/binary/index.ts";
import { applicationIdentifiers, buildAtr } from "../../base/iso7816/index.ts";
import { parseShape } from "../../base/json/index.ts";
import { listOfWords, refuse } from "../../port/index.ts";
import { containersOf, GidsApplication, gidsShape, provisionGids, savedGids, setUpGids } from "../gids/index.ts";
import {
  attestationFrom,
  keysOf,
  OpenPgpApplication,
  type OpenPgpSource,
  openPgpImage,
  openPgpShape,
  provisionOpenPgp,
  savedOpenPgp,
} from "../openpgp/index.ts";
import { hasPivCertificate, newPivImage, PivApplication, pivShape, provisionPiv, savedPiv } from "../piv/index.ts";
import type { Applications } from "./application-cards.ts";
import { type Fact, plugged } from "./application-kind.ts";
import { savedToken } from "./token-shape.ts";

const piv = plugged({
  name: "PIV",
  shape: pivShape,
  // A card of contacts and both protocols, which says nothing of itself: programs select PIV to find it.
  atr: () => buildAtr({ protocols: [0, 1], ifsc: 254 }),
  create: async (crypto, token) => savedPiv(await newPivImage(crypto, token ?? { extensions: "none" })),
  withSecrets: (source, { pin, puk }) => ({
    ...source,
    ...(pin && { pin: { ...source.pin, value: encodeHex(pin), triesLeft: source.pin.tries ?? FACTORY_TRIES } }),
    ...(puk && { puk: { ...source.puk, value: encodeHex(puk), triesLeft: source.puk.tries ?? FACTORY_TRIES } }),
  }),
  async provision(image, crypto, { algorithm = "p256", authority, slot, ...others }) {
    const certificate = await provisionPiv(crypto, image, {
      ...others,
      slot: slotOf(slot, "9A, 9C, 9D, 9E, or 82 to 95", hasPivCertificate),
      algorithm: algorithmOf(pivAlgorithms, algorithm),
      authority,
    });
    return { source: savedPiv(image), certificate };
  },
  facts: ({ firmware, keys, managementKey, objects, pin, puk, serialNumber }) => [
    ["version", firmware.join(".")],
    ["serial number", String(serialNumber)],
    ["PIN", triesOf(pin)],
    ["PUK", triesOf(puk)],
    ["management key", managementKey.algorithm],
    ...[...keys].map(([slot, { algorithm, origin }]): Fact => [`key ${hexByte(slot)}`, `${algorithm}, ${origin}`]),
    ["data objects", String(objects.size)],
  ],
  open(image, { crypto, changed }) {
    return { application: new PivApplication({ image, crypto, changed }), save: () => savedPiv(image) };
  },
});

/** The ATR by which OpenSC knows an OpenPGP card of version 3. */
const OPENPGP_ATR = "3BDA18FF81B1FE751F030031F573C001600090001C";

const openpgp = plugged({
  name: "OpenPGP",
  shape: openPgpShape,
  atr: () => hexBytes(OPENPGP_ATR),
  // A YubiKey's serial number stands there in decimal digits.
  create: async (library, token): Promise<OpenPgpSource> => {
    if (token === undefined) return { serialNumber: encodeHex(library.randomBytes(4)) };
    const { firmware, serialNumber } = savedToken(token);
    const digits = serialNumber.toString().padStart(8, "0").slice(-8);
    return { firmware, serialNumber: digits, ...(await attestationFrom(library, token.firmware)) };
  },
  withSecrets: (source, { pin, puk }) => ({
    ...source,
    ...(pin && {
      pw1: {
        tries: FACTORY_TRIES,
        ...source.pw1,
        value: encodeHex(pin),
        triesLeft: source.pw1?.tries ?? FACTORY_TRIES,
      },
    }),
    ...(puk && {
      pw3: {
        tries: FACTORY_TRIES,
        ...source.pw3,
        value: encodeHex(puk),
        triesLeft: source.pw3?.tries ?? FACTORY_TRIES,
      },
    }),
  }),
  async provision(value, crypto, { algorithm = "p256", ...others }) {
    const image = openPgpImage(crypto, value);
    const certificate = await provisionOpenPgp(crypto, image, { ...others, algorithm });
    return { source: savedOpenPgp(image), certificate };
  },
  facts: (value) => [
    ["serial number", encodeHex(value.serialNumber)],
    ["PIN", triesOf(value.pw1)],
    ["admin PIN", triesOf(value.pw3)],
    ...keysOf(value).map(({ algorithm, fingerprint, origin, use }): Fact => {
      const parts = [algorithm, origin, ...(fingerprint === undefined ? [] : [`fingerprint ${fingerprint}`])];
      return [`${use} key`, origin === undefined ? "none" : parts.join(", ")];
    }),
    ["signatures", String(value.signatures)],
  ],
  open(value, { crypto, changed }) {
    const image = openPgpImage(crypto, value);
    return { application: new OpenPgpApplication({ image, crypto, changed }), save: () => savedOpenPgp(image) };
  },
});

/**
 * Status information, capabilities and the identifier of the default application: ISO/IEC 7816-4:2005, 8.1.1. GIDS 2.0,
 * 13.15 wants the last.
 */
const GIDS_HISTORICAL_BYTES = `80730801CCF9${applicationIdentifiers.gids}`;

const gids = plugged({
  name: "GIDS",
  shape: gidsShape,
  atr: () => buildAtr({ protocols: [0, 1], ifsc: 254, historicalBytes: hexBytes(GIDS_HISTORICAL_BYTES) }),
  // As cards of this kind come: gids-tool --initialize, or Windows, sets it up.
  create: async () => ({}),
  withSecrets(source, { pin, puk }, crypto) {
    const read = parseShape(gidsShape, source);
    if (!read.ok) return source;
    setUpGids(crypto, read.value);
    const saved = savedGids(read.value);
    return {
      ...saved,
      ...(pin && { pin: { tries: FACTORY_TRIES, ...saved.pin, value: encodeHex(pin), ...allTries(saved.pin) } }),
      ...(puk && { puk: { tries: FACTORY_TRIES, ...saved.puk, value: encodeHex(puk), ...allTries(saved.puk) } }),
    };
  },
  async provision(image, crypto, { algorithm = "rsa2048", slot, ...others }) {
    const certificate = await provisionGids(crypto, image, {
      ...others,
      reference: slotOf(slot, "81 for the first key, to 9E", (reference) => reference >= 0x81 && reference <= 0x9e),
      algorithm: algorithmOf(gidsAlgorithms, algorithm),
    });
    return { source: savedGids(image), certificate };
  },
  facts: (image) => [
    ["life cycle", image.lifeCycle],
    ["PIN", image.pin === undefined ? "none yet" : triesOf(image.pin)],
    ...(image.puk === undefined ? [] : [["PUK", triesOf(image.puk)] as const]),
    ...containersOf(image).flatMap(({ exchangeBits, hasCertificate, isValid, signatureBits }, at): Fact[] => {
      const use = exchangeBits > 0 ? "signatures and decryption" : "signatures";
      const certificate = hasCertificate ? "with a certificate" : "without a certificate";
      const value = `${exchangeBits || signatureBits} bits, ${use}, ${certificate}`;
      return isValid ? [[`key ${hexByte(FIRST_GIDS_KEY + at)}`, value]] : [];
    }),
    ["files", String(image.files.size)],
  ],
  open(image, { crypto, changed }) {
    return { application: new GidsApplication({ image, crypto, changed }), save: () => savedGids(image) };
  },
});

const FIRST_GIDS_KEY = 0x81;

/** The applications that a card can have, by the member of a description that holds what they keep. */
export const applicationKinds = { piv, openpgp, gids } as const satisfies Applications;

const FACTORY_TRIES = 3;

function triesOf(counter: { readonly tries?: number; readonly triesLeft?: number | undefined } | undefined): string {
  const { tries = FACTORY_TRIES, triesLeft = tries } = counter ?? {};
  return `${triesLeft} of ${tries} tries left`;
}

/** All tries of a PIN that is set anew. */
function allTries(before: { readonly tries?: number } | undefined): { readonly triesLeft: number } {
  return { triesLeft: before?.tries ?? FACTORY_TRIES };
}

function slotOf(text: string, known: string, isSlot: (reference: number) => boolean): number {
  const bytes = decodeHex(text);
  const [slot, ...others] = bytes.ok ? bytes.value : [];
  if (slot !== undefined && others.length === 0 && isSlot(slot)) return slot;
  const reason = `${quoteWord(text)}, which is no key reference`;
  return refuse({ operation: "provision", path: "slot" }, reason, `use ${known}`);
}

const pivAlgorithms = ["rsa1024", "rsa2048", "rsa3072", "rsa4096", "p256", "p384", "ed25519", "x25519"] as const;
const gidsAlgorithms = ["rsa1024", "rsa2048", "rsa3072", "rsa4096"] as const;

function algorithmOf<const T extends string>(known: readonly T[], text: string): T {
  const found = known.find((name) => name === text.toLowerCase());
  const remedy = `use ${listOfWords(known, "or")}`;
  return found ?? refuse({ operation: "provision", path: "algorithm" }, `${quoteWord(text)}, which is unknown`, remedy);
}
