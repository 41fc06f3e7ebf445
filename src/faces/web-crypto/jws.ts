// SPDX-License-Identifier: MIT

import { copyBytes, isBytes, kindOf, quoteWord } from "../../base/binary/index.ts";
import { type Check, listOf, optional, optionsOf, type Place, refuse, SmartCardError } from "../../port/index.ts";
import { encodeBase64Url } from "./base64url.ts";
import { type CardCryptoKey, placeOfKey } from "./card-crypto-key.ts";
import { type SignParameters, signOnCard } from "./card-operations.ts";
import type { KeyAlgorithm } from "./web-types.ts";

/** A header of a JWS: any members of JSON. `alg` is filled in. RFC 7515, 4. */
export type JwsHeader = Readonly<Record<string, unknown>>;

/** A JWS in the flattened JSON serialization. RFC 7515, 7.2.2. */
export interface FlattenedJws extends JwsSignature {
  readonly payload: string;
}

/** One signature of a JWS in JSON. RFC 7515, 7.2.1. */
export interface JwsSignature {
  readonly protected: string;
  readonly header?: Record<string, unknown>;
  readonly signature: string;
}

/** A JWS in the general JSON serialization. RFC 7515, 7.2.1. */
export interface GeneralJws {
  readonly payload: string;
  readonly signatures: JwsSignature[];
}

/** The headers of a signature. */
export interface JwsHeaders {
  /** What is signed beside the payload: `kid`, `x5c`, `typ`. @default only `alg`, which the key says */
  readonly protectedHeader?: JwsHeader | undefined;
  /** What is not signed. Not in the compact serialization. @default none */
  readonly header?: JwsHeader | undefined;
}

/** One of several signers of a JWS. */
export interface JwsSigner extends JwsHeaders {
  readonly key: CardCryptoKey;
}

interface Headers {
  readonly protectedHeader: JwsHeader;
  readonly header: JwsHeader | undefined;
}

const header: Check<JwsHeader> = (value, place) => {
  if (kindOf(value) !== "an object") return refuse(place, kindOf(value), "give an object whose members JSON can write");
  return json(value, place);
};
const cardKey: Check<CardCryptoKey> = (value, place) => {
  if (placeOfKey(value) !== undefined) return value as CardCryptoKey;
  return refuse(place, kindOf(value), "give a private key of card.webcrypto.keyPair()");
};
const headerMembers = { protectedHeader: optional(header), header: optional(header) };
const checkProtected = optionsOf<Pick<JwsHeaders, "protectedHeader">>({ protectedHeader: optional(header) });
const checkHeaders = optionsOf<JwsHeaders>(headerMembers);
const checkSigners = listOf(optionsOf<JwsSigner>({ ...headerMembers, key: cardKey }), "signers", 1024);

/**
 * Signs a JWS in the compact serialization, with a key of a card. The algorithm is that of the key: RS256, RS384, RS512, PS256,
 * PS384, PS512 by its hash, ES256, ES384, ES512 by its curve, EdDSA.
 *
 * @param payload text goes in UTF-8
 * @param key `privateKey` of `card.webcrypto.keyPair()`
 * @throws invalid-parameter, invalid-value (a header that does not fit the key), unsupported-feature (a key that does not sign,
 * or the headers `b64` and `crit`), and what `sign` of the card throws
 * @see RFC 7515; RFC 7518, 3; RFC 8037, 3.1
 */
export async function signJws(
  payload: string | Uint8Array,
  key: CardCryptoKey,
  options: Pick<JwsHeaders, "protectedHeader"> = {},
): Promise<string> {
  const operation = "signJws";
  const signing = cardKey(key, { operation, path: "key" });
  const { protectedHeader = {} } = checkProtected(options, { operation, path: "options" });
  return compact(payloadOf(payload, operation), signing, protectedHeader, operation);
}

/**
 * Signs a JSON Web Token with a key of a card: claims in a JWS in the compact serialization.
 *
 * @param claims taken as they are: set `exp`, `iat` and others yourself
 * @param options as {@link signJws} has them; `typ` is JWT where it is left out
 * @throws as {@link signJws}
 * @see RFC 7519
 */
export async function signJwt(
  claims: Readonly<Record<string, unknown>>,
  key: CardCryptoKey,
  options: Pick<JwsHeaders, "protectedHeader"> = {},
): Promise<string> {
  const operation = "signJwt";
  const checked = header(claims, { operation, path: "claims" });
  const signing = cardKey(key, { operation, path: "key" });
  const { protectedHeader = {} } = checkProtected(options, { operation, path: "options" });
  return compact(utf8(JSON.stringify(checked)), signing, { typ: "JWT", ...protectedHeader }, operation);
}

/** Signs a JWS in the flattened JSON serialization. @throws as {@link signJws} */
export async function signFlattenedJws(
  payload: string | Uint8Array,
  key: CardCryptoKey,
  options: JwsHeaders = {},
): Promise<FlattenedJws> {
  const operation = "signFlattenedJws";
  const signing = cardKey(key, { operation, path: "key" });
  const headers = checkHeaders(options, { operation, path: "options" });
  const encoded = encodeBase64Url(payloadOf(payload, operation));
  const signature = await signatureOf(encoded, signing, headersOf(signing, headers, operation), operation);
  return { payload: encoded, ...signature };
}

/**
 * Signs a JWS in the general JSON serialization, with one signature or several. The keys may be on several cards.
 *
 * @param signers at least one; they sign one after the other
 * @throws as {@link signJws}
 */
export async function signGeneralJws(payload: string | Uint8Array, signers: readonly JwsSigner[]): Promise<GeneralJws> {
  const operation = "signGeneralJws";
  const checked = checkSigners(signers, { operation, path: "signers" });
  if (checked.length === 0) refuse({ operation, path: "signers" }, "empty", "give at least one signer");
  const encoded = encodeBase64Url(payloadOf(payload, operation));
  const prepared = checked.map(({ key, ...headers }) => ({ key, headers: headersOf(key, headers, operation) }));
  const signatures: JwsSignature[] = [];
  for (const { headers, key } of prepared) signatures.push(await signatureOf(encoded, key, headers, operation));
  return { payload: encoded, signatures };
}

async function compact(payload: Uint8Array, key: CardCryptoKey, given: JwsHeader, operation: string): Promise<string> {
  const headers = headersOf(key, { protectedHeader: given }, operation);
  const encoded = encodeBase64Url(payload);
  const { protected: signed, signature } = await signatureOf(encoded, key, headers, operation);
  return `${signed}.${encoded}.${signature}`;
}

/** RFC 7515, 5.1. */
async function signatureOf(
  payload: string,
  key: CardCryptoKey,
  { header: open, protectedHeader }: Headers,
  operation: string,
): Promise<JwsSignature> {
  const place = placeOfKey(key);
  if (place === undefined) return refuse({ operation, path: "key" }, kindOf(key), "give a key of a card");
  const encoded = encodeBase64Url(utf8(JSON.stringify(protectedHeader)));
  const { parameters } = joseAlgorithm(key.algorithm);
  const signature = await signOnCard(place, key.algorithm, parameters, utf8(`${encoded}.${payload}`));
  return {
    protected: encoded,
    ...(open !== undefined && { header: { ...open } }),
    signature: encodeBase64Url(signature),
  };
}

/** @throws invalid-value, unsupported-feature */
function headersOf(key: CardCryptoKey, { header: open, protectedHeader = {} }: JwsHeaders, operation: string): Headers {
  const { names } = joseAlgorithm(key.algorithm);
  const [alg] = names;
  if (alg === undefined || !key.usages.includes("sign")) {
    const message = `${operation}: the key ${key.container} for ${key.algorithm.name} makes no signature that JOSE has`;
    throw new SmartCardError("unsupported-feature", message, { operation });
  }
  const asked = protectedHeader.alg ?? alg;
  if (typeof asked !== "string" || !names.includes(asked)) {
    const what = typeof asked === "string" ? quoteWord(asked) : kindOf(asked);
    const remedy = `the key ${key.container} is for ${names.join(" or ")}: leave alg out, or ask keyPair() for another algorithm`;
    refuse({ operation, path: "protectedHeader.alg" }, what, remedy, "invalid-value");
  }
  for (const name of Object.keys(open ?? {})) {
    if (name === "alg" || Object.hasOwn(protectedHeader, name))
      refuse(
        { operation, path: `header.${name}` },
        "in the protected header too",
        "leave it out there or here",
        "invalid-value",
      );
  }
  for (const name of ["b64", "crit"]) {
    if (!Object.hasOwn(protectedHeader, name) && !Object.hasOwn(open ?? {}, name)) continue;
    const message = `${operation}: the header ${name} is for extensions that are not written here; leave it out`;
    throw new SmartCardError("unsupported-feature", message, { operation });
  }
  return { protectedHeader: { ...protectedHeader, alg: asked }, header: open };
}

/** Names that JOSE has for what a key does, the usual one first, and how it signs. RFC 7518, 3.1; RFC 8037; RFC 9864. */
function joseAlgorithm({ hash, name, namedCurve }: KeyAlgorithm): {
  readonly names: readonly string[];
  readonly parameters: SignParameters;
} {
  const bits = hash?.name.replace("SHA-", "") ?? "";
  // JOSE has no SHA-1.
  if (name === "RSASSA-PKCS1-v1_5" && bits !== "1") return { names: [`RS${bits}`], parameters: {} };
  if (name === "RSA-PSS" && bits !== "1") return { names: [`PS${bits}`], parameters: { saltLength: Number(bits) / 8 } };
  if (name === "Ed25519") return { names: ["EdDSA", "Ed25519"], parameters: {} };
  if (name !== "ECDSA") return { names: [], parameters: {} };
  if (namedCurve === "P-521") return { names: ["ES512"], parameters: { hash: "SHA-512" } };
  return namedCurve === "P-384"
    ? { names: ["ES384"], parameters: { hash: "SHA-384" } }
    : { names: ["ES256"], parameters: { hash: "SHA-256" } };
}

/** @throws invalid-parameter */
function payloadOf(payload: unknown, operation: string): Uint8Array {
  if (typeof payload === "string") return utf8(payload);
  if (isBytes(payload)) return copyBytes(payload);
  return refuse({ operation, path: "payload" }, kindOf(payload), "give text, or bytes in a Uint8Array");
}

/** What an object is in JSON, in a copy of its own. @throws invalid-value */
function json(value: unknown, place: Place): JwsHeader {
  try {
    const copy: unknown = JSON.parse(JSON.stringify(value));
    if (kindOf(copy) === "an object") return copy as JwsHeader;
  } catch (cause) {
    return refuse(
      place,
      "an object that JSON cannot write",
      "give strings, numbers, lists and objects of these",
      "invalid-value",
      cause,
    );
  }
  return refuse(place, "an object that JSON writes as something else", "give one without toJSON");
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
