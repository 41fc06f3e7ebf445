// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { buildAtr, decodeAtr } from "../../base/iso7816/index.ts";
import type { Shape } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { object } from "../../base/json/index.ts";
import type { CardApplication } from "../applications/index.ts";
import { ApplicationCard } from "../applications/index.ts";
import { documentMembers, FORMAT_VERSION } from "../software-card/index.ts";
import { YUBIKEY_READER_NAME, yubiKeyApplications, yubiKeyAtr } from "../yubikey/index.ts";
import type { PluggedApplication } from "./application-kind.ts";
import { type CardPlan, contactlessProtocols } from "./card-plan.ts";
import { savedToken, type TokenValue, tokenShape } from "./token-shape.ts";

const MAX_NAME_CHARACTERS = 128;

/** Applications by the member of a description that holds what they keep. */
export type Applications = Readonly<Record<string, PluggedApplication>>;

const atrShape = is.hexadecimal(2, 33).check((atr, place) => {
  const decoded = decodeAtr(atr);
  if (!decoded.ok) place.problem(`is no ATR: ${decoded.error.message}; leave it out for the usual one`);
});

const cardMembers = {
  ...documentMembers,
  name: is.text(MAX_NAME_CHARACTERS, "The card's name, for people.").optional(),
  atr: atrShape.about("The ATR in hexadecimal. Default: the one by which programs know such a card.").optional(),
  interface: is.words("contact", "contactless").about("How the card is reached.").optional("contact"),
  token: tokenShape.optional(),
};

/**
 * The shape of a card with applications. The main one must be there, and is the current one after a reset.
 *
 * @param kind of card, as the member `kind` names it
 * @param main its main application, as `applications` names it
 */
export function applicationCard(kind: string, main: string, applications: Applications): Shape<CardPlan, object> {
  const members = Object.entries(applications).map(([member, { name, shape }]) => {
    return [member, shape.about(`${name}, and what it keeps.`).optional()] as const;
  });
  return object({
    ...cardMembers,
    kind: is.words(kind),
    applications: object(Object.fromEntries(members)).check((given, place) => {
      // What is there with a mistake was left out too.
      if (!Object.hasOwn(given, main) && place.at(main).isSound) {
        place.at(main).problem(`is missing: "scard card new ${kind} FILE" writes a whole card`);
      }
    }),
  }).as(({ applications: described, interface: through, atr, ...given }): CardPlan => {
    const { keep, name, reader, token } = given;
    const opened = Object.entries(described).flatMap(([member, read]) =>
      read === undefined ? [] : [{ member, ...read }],
    );
    return {
      kind,
      keep,
      reader: reader ?? (token && YUBIKEY_READER_NAME),
      ...(through === "contactless" && { readerProtocols: contactlessProtocols }),
      contents: opened.map(({ facts, member, provision }) => ({
        member,
        name: applications[member]?.name ?? member,
        facts,
        provision,
      })),
      async open(surroundings, changed) {
        const crypto = await surroundings.crypto();
        const made = opened.map(({ member, open }) => ({ member, ...open({ crypto, changed }) }));
        const own = made.map(({ application }) => application);
        const ofToken = token && tokenApplications(token, new Set(made.map(({ member }) => member)));
        const usual = token === undefined ? applications[main]?.atr(through) : yubiKeyAtr(through);
        const card = new ApplicationCard({
          applications: [...own, ...(ofToken ?? [])],
          atr: atr ?? usual ?? buildAtr({ protocols: [0, 1] }),
          defaultApplication: made.find(({ member }) => member === main)?.application,
          interface: through,
        });
        const describe = (): object => ({
          kind,
          version: FORMAT_VERSION,
          keep,
          ...(name !== undefined && { name }),
          ...(reader !== undefined && { reader }),
          ...(atr !== undefined && { atr: encodeHex(atr) }),
          interface: through,
          ...(token !== undefined && { token: savedToken(token) }),
          applications: Object.fromEntries(made.map(({ member, save }) => [member, save()])),
        });
        return { card, describe };
      },
    };
  });
}

/** The applications by which Yubico's programs know what is on a YubiKey. */
function tokenApplications(token: TokenValue, present: ReadonlySet<string>): readonly CardApplication[] {
  const known = ["piv", "openpgp"] as const;
  return yubiKeyApplications({ ...token, capabilities: known.filter((name) => present.has(name)) });
}
