// SPDX-License-Identifier: MIT

import { decoding, zeroBytes } from "../../base/binary/index.ts";
import {
  type OpenPgpKeyUse,
  openPgpKeys,
  openPgpTags as tags,
  openPgpTemplates as templates,
} from "../../base/card-applications/index.ts";
import { type DataObject, decodeHeaderList } from "../../base/iso7816/index.ts";
import { onlyObject, readDataObjects, sw, valueIn } from "../software-card/index.ts";
import { CardKey } from "./card-key.ts";
import { decodeAttributes } from "./key-attributes.ts";
import type { OpenPgpSession } from "./openpgp-session.ts";

const usesByTemplate: ReadonlyMap<number, OpenPgpKeyUse> = new Map<number, OpenPgpKeyUse>([
  [templates.signature, "signature"],
  [templates.decryption, "decryption"],
  [templates.authentication, "authentication"],
]);
const TAG_KEY_REFERENCE = 0x84;
const TAG_PRIVATE_KEY_TEMPLATE = 0x7f48;
const TAG_PRIVATE_KEY_DATA = 0x5f48;

/** Parts of a private key. RSA: OpenPGP card 3.4.1, 4.4.3.12. */
const parts = { exponent: 0x91, prime1: 0x92, prime2: 0x93, modulus: 0x97 } as const;
/** For ECC. */
const PART_SECRET = 0x92;

/** What an extended header list says. */
interface KeyTemplate {
  readonly use: OpenPgpKeyUse;
  /** The parts of the key by their tags; undefined where there is no key, which removes the one on the card. */
  readonly parts: ReadonlyMap<number, Uint8Array> | undefined;
}

/**
 * Imports a private key, or removes the one in its place, where the template has none.
 *
 * @returns the status; anything but 9000 has changed nothing
 * @see OpenPGP card 3.4.1, 4.4.3.12
 */
export function importKey(session: OpenPgpSession, data: Uint8Array): number {
  const { state } = session;
  const template = readHeaderList(data);
  if (template === undefined) return sw.wrongData;
  const { use, parts: found } = template;
  if (use === "attestation" && session.identity.yubico === undefined) return sw.wrongData;
  if (found === undefined) {
    state.setKey(use, undefined);
    return sw.success;
  }
  try {
    const key = makeKey(session, use, found);
    if (key === undefined) return sw.wrongData;
    state.setKey(use, { origin: "imported", key });
    return sw.success;
  } finally {
    for (const part of found.values()) zeroBytes(part);
  }
}

function makeKey(
  { crypto, state }: OpenPgpSession,
  use: OpenPgpKeyUse,
  found: ReadonlyMap<number, Uint8Array>,
): CardKey | undefined {
  const algorithm = decodeAttributes(use, state.attributes[use]);
  if (algorithm === undefined) return undefined;
  if (algorithm.kind !== "rsa") {
    const secret = found.get(PART_SECRET);
    return secret && CardKey.fromSecret(crypto, algorithm, secret);
  }
  const exponent = found.get(parts.exponent);
  const prime1 = found.get(parts.prime1);
  const prime2 = found.get(parts.prime2);
  if (exponent === undefined || prime1 === undefined || prime2 === undefined) return undefined;
  return CardKey.fromPrimes(crypto, algorithm, { exponent, prime1, prime2, modulus: found.get(parts.modulus) });
}

/**
 * The use that a control reference template names: B6 00, or B6 03 84 01 01; on Yubico's keys also B6 03 84 01 81, for
 * attestations.
 */
export function readKeyTemplate({ identity }: OpenPgpSession, data: Uint8Array): OpenPgpKeyUse | undefined {
  const [object, ...rest] = readDataObjects(data) ?? [];
  const use = object && rest.length === 0 ? useOf(object) : undefined;
  return use === "attestation" && identity.yubico === undefined ? undefined : use;
}

function useOf({ tag, value }: DataObject): OpenPgpKeyUse | undefined {
  const use = usesByTemplate.get(tag);
  if (use === undefined || value.length === 0) return use;
  const named = onlyObject(value, TAG_KEY_REFERENCE);
  if (named?.length !== 1) return undefined;
  const [reference] = named;
  if (use === "signature" && reference === openPgpKeys.attestation.reference) return "attestation";
  return reference === openPgpKeys[use].reference ? use : undefined;
}

function readHeaderList(data: Uint8Array): KeyTemplate | undefined {
  const list = onlyObject(data, tags.extendedHeaderList);
  const [template, ...rest] = (list && readDataObjects(list)) ?? [];
  const use = template && useOf(template);
  if (use === undefined) return undefined;
  if (rest.length === 0) return { use, parts: undefined };
  const lengths = valueIn(rest, TAG_PRIVATE_KEY_TEMPLATE);
  const values = valueIn(rest, TAG_PRIVATE_KEY_DATA);
  const taken = lengths && values && takeParts(lengths, values);
  return taken && { use, parts: taken };
}

/** In 7F48 stand tags and lengths alone; the values stand in 5F48, one behind the other. ISO/IEC 7816-8:2004, C.2. */
function takeParts(lengths: Uint8Array, values: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined {
  const headers = decodeHeaderList(lengths);
  if (!headers.ok) return undefined;
  const taken = decoding(values, (cursor) => {
    return new Map(headers.value.map(({ tag, length }) => [tag, cursor.bytes(length, "a part of the key")]));
  });
  return taken.ok ? taken.value : undefined;
}
