// SPDX-License-Identifier: MIT

import { decodeHex, encodeHex, hexByte, hexBytes } from "../../base/binary/index.ts";
import { buildAtr } from "../../base/iso7816/index.ts";
import { listOfWords, refuse } from "../../port/index.ts";
import { OpenPgpApplication, type OpenPgpSource, openPgpImage, openPgpShape, savedOpenPgp } from "../openpgp/index.ts";
import { newPivImage, PivApplication, pivShape, provisionPiv, savedPiv } from "../piv/index.ts";
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
  async provision(image, crypto, { algorithm, authority, slot, ...others }) {
    const certificate = await provisionPiv(crypto, image, {
      ...others,
      slot: slotOf(slot),
      algorithm: keyAlgorithmOf(algorithm),
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
  create: async (_crypto, token): Promise<OpenPgpSource> => {
    if (token === undefined) return {};
    const { firmware, serialNumber } = savedToken(token);
    return { firmware, serialNumber: serialNumber.toString().padStart(8, "0").slice(-8) };
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
  facts: (value) => [
    ["serial number", encodeHex(value.serialNumber)],
    ["PIN", triesOf(value.pw1)],
    ["admin PIN", triesOf(value.pw3)],
    ...(["signature", "decryption", "authentication"] as const).map((use): Fact => {
      const { origin, prime1, secret } = value[use] ?? {};
      return [`${use} key`, prime1 === undefined && secret === undefined ? "none" : (origin ?? "there")];
    }),
    ["signatures", String(value.signatures)],
  ],
  open(value, { crypto, changed }) {
    const image = openPgpImage(crypto, value);
    return { application: new OpenPgpApplication({ image, crypto, changed }), save: () => savedOpenPgp(image) };
  },
});

/** The applications that a card can have, by the member of a description that holds what they keep. */
export const applicationKinds = { piv, openpgp } as const satisfies Applications;

const FACTORY_TRIES = 3;

function triesOf(counter: { readonly tries?: number; readonly triesLeft?: number | undefined } | undefined): string {
  const { tries = FACTORY_TRIES, triesLeft = tries } = counter ?? {};
  return `${triesLeft} of ${tries} tries left`;
}

function slotOf(text: string): number {
  const bytes = decodeHex(text);
  const [slot] = bytes.ok ? bytes.value : [];
  return (
    slot ?? refuse({ operation: "provision", path: "slot" }, "no key reference", "use 9A, 9C, 9D, 9E, or 82 to 95")
  );
}

const pivAlgorithms = ["rsa1024", "rsa2048", "rsa3072", "rsa4096", "p256", "p384", "ed25519", "x25519"] as const;

function keyAlgorithmOf(text: string): (typeof pivAlgorithms)[number] {
  const known = pivAlgorithms.find((name) => name === text.toLowerCase());
  const remedy = `use ${listOfWords(pivAlgorithms, "or")}`;
  return known ?? refuse({ operation: "provision", path: "algorithm" }, "unknown", remedy);
}
