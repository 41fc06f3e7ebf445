// SPDX-License-Identifier: MIT

import { type Result, success } from "../../base/binary/index.ts";
import { decodeAtr } from "../../base/iso7816/index.ts";
import { JsonPlace, type JsonProblem } from "../../base/json/index.ts";
import { buildCardAtr, defaultHistoricalBytes } from "./card-atr.ts";
import { cardLimits } from "./card-limits.ts";
import type { CardImage } from "./file-system-image.ts";
import type { ParseContext } from "./parse-card-access.ts";
import { readMasterFile } from "./parse-card-files.ts";
import { readKeys, readPins, referencesOf } from "./parse-card-secrets.ts";

const protocolNames = ["t0", "t1"] as const;
const members = ["name", "atr", "challengeBytes", "pins", "keys", "files", "objects", "access", "lifeCycle"] as const;

/**
 * Checks the JSON description of a file-system card, and fills in what it leaves out. All problems are found at once;
 * each names its place and says what to write there. No message repeats a value from the description, as it may be a
 * PIN or a key.
 *
 * @param json what `JSON.parse` returned, or an object written in a program; see `CardImageSource`
 */
export function parseCardImage(json: unknown): Result<CardImage, readonly JsonProblem[]> {
  const problems: JsonProblem[] = [];
  const root = new JsonPlace(json, "$", problems);
  if (!root.object(members)) return { ok: false, error: problems };
  // A first look, whose problems the second one finds again.
  const glance = new JsonPlace(json, "$", []);
  const context: ParseContext = {
    pinReferences: referencesOf(glance.member("pins")),
    keyReferences: referencesOf(glance.member("keys")),
    dfNames: new Set(),
    files: 0,
    contentBytes: 0,
  };
  const image: CardImage = {
    name: root.member("name").text(cardLimits.nameCharacters),
    atr: readAtr(root.member("atr")),
    challengeBytes: root.member("challengeBytes").integer(1, cardLimits.challengeBytes, 256),
    pins: readPins(root.member("pins"), context),
    keys: readKeys(root.member("keys"), context),
    masterFile: readMasterFile(root, context),
  };
  return problems.length > 0 ? { ok: false, error: problems } : success(image);
}

function readAtr(place: JsonPlace): Uint8Array {
  if (!place.present) return buildCardAtr(protocolNames, defaultHistoricalBytes);
  if (place.isString) {
    const atr = place.bytes(2, 33);
    const decoded = decodeAtr(atr);
    if (!decoded.ok && atr.length > 0)
      place.problem(`is no ATR: ${decoded.error.message}; leave it out for a good one`);
    return atr;
  }
  if (!place.object(["protocols", "historicalBytes"])) return new Uint8Array(0);
  const protocols = place.member("protocols");
  const chosen = protocols.elements(protocolNames.length).map((element) => element.oneOf(protocolNames));
  if (protocols.present && chosen.length === 0)
    protocols.problem('should hold "t0", "t1" or both; leave it out for both');
  if (new Set(chosen).size < chosen.length) protocols.problem("names a protocol twice");
  const historical = place.member("historicalBytes");
  return buildCardAtr(
    chosen.length > 0 ? chosen : protocolNames,
    historical.present ? historical.bytes(0, 15) : defaultHistoricalBytes,
  );
}
