// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { PivAdmin, type PivPinFacts, type PivStatus } from "../../faces/modules/index.ts";
import type { HostCrypto } from "../../port/index.ts";
import { certificateFacts, certificateForPrograms, type Facts, factLines } from "./card-facts.ts";
import { digitsOf, pivGroup, slotText } from "./card-groups.ts";
import { cardOptions, withCard } from "./card-session.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { jsonText, visible } from "./text.ts";

/** Largest number of tries that a status word tells. */
const MOST_TOLD_TRIES = 15;

/** `scard piv info`: reads like `ykman piv info`. */
export const pivInfo: Command = command({
  name: "info",
  summary: "say what is on a PIV card",
  usage: ["[OPTION…]"],
  description: [
    "Says what is on the card, as ykman piv info does: version, tries, the management key, and each slot with its key and its certificate. No PIN is needed.",
  ],
  options: cardOptions,
  run: ({ values }, terminal) =>
    withCard(pivGroup, values, terminal, async ({ card, crypto, wait }) => {
      const { serialNumber } = await card.properties(wait);
      const status = await new PivAdmin(card, crypto).status();
      if (values.json === true) {
        terminal.print(jsonText({ reader: card.reader, serialNumber, ...statusForPrograms(status, crypto) }));
        return exitCodes.ok;
      }
      const lines = [...factLines(headFacts(status)), ...warnings(status), ...factLines(objectFacts(status, crypto))];
      for (const line of lines) terminal.print(visible(line));
      return exitCodes.ok;
    }),
});

function headFacts({ managementKey, pin, puk, version }: PivStatus): Facts {
  return [
    ["PIV version", version],
    ["PIN tries remaining", triesText(pin)],
    ["PUK tries remaining", triesText(puk)],
    ["Management key algorithm", managementKey.algorithm],
  ];
}

function triesText({ tries, triesLeft }: PivPinFacts): string | undefined {
  if (triesLeft === undefined) return undefined;
  if (tries !== undefined) return `${triesLeft}/${tries}`;
  return triesLeft === MOST_TOLD_TRIES ? "15 or more" : `${triesLeft}`;
}

function warnings({ managementKey, pin, puk }: PivStatus): readonly string[] {
  const all: readonly (readonly [boolean | undefined, string])[] = [
    [pin.isDefault, "WARNING: Using default PIN!"],
    [puk.triesLeft === 0, "PUK is blocked"],
    [puk.triesLeft !== 0 && puk.isDefault, "WARNING: Using default PUK!"],
    [managementKey.isDefault, "WARNING: Using default Management key!"],
    [managementKey.isDerived, "Management key is derived from PIN."],
    [managementKey.isStored, "Management key is stored on the YubiKey, protected by PIN."],
  ];
  return all.flatMap(([isSo, text]) => (isSo === true ? [text] : []));
}

function objectFacts({ ccc, chuid, slots }: PivStatus, crypto: HostCrypto): Facts {
  return [
    ["CHUID", chuid ?? "No data available"],
    ["CCC", ccc ?? "No data available"],
    ...slots.map(({ certificate, key, slot }) => {
      const algorithm = key === undefined ? "EMPTY" : key === "unknown" ? undefined : (key.algorithm ?? "Unsupported");
      const certified = certificate === undefined ? [] : certificateFacts(certificate, crypto);
      return [`Slot ${slotText(slot)}`, [["Private key type", algorithm] as const, ...certified]] as const;
    }),
  ];
}

/** What is on the card, as JSON has it. */
function statusForPrograms(status: PivStatus, crypto: HostCrypto): object {
  const { ccc, chuid, managementKey, pin, puk, slots, version } = status;
  return {
    version,
    pin,
    puk,
    managementKey,
    chuid: chuid && encodeHex(chuid),
    ccc: ccc && encodeHex(ccc),
    slots: slots.map(({ certificate, key, slot }) => ({
      slot: digitsOf(slot),
      name: slot.name,
      key: key === "unknown" ? undefined : key,
      certificate: certificate && (certificateForPrograms(certificate, crypto) ?? { error: "this is no certificate" }),
    })),
  };
}
