// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { openPgpFactory } from "../../base/card-applications/index.ts";
import { OpenPgpAdmin, type OpenPgpKeyFacts, type OpenPgpStatus } from "../../faces/modules/index.ts";
import { resetCommand } from "./card-access.ts";
import type { Facts } from "./card-facts.ts";
import { openPgpGroup } from "./card-groups.ts";
import { certificateCommands, keyCommands, tell } from "./card-keys.ts";
import { PIN_SOURCES } from "./card-pins.ts";
import { cardOptions, withCard } from "./card-session.ts";
import { useCommands } from "./card-use.ts";
import { type Command, command } from "./command.ts";
import { openPgpAccessActions } from "./openpgp-access.ts";
import { openPgpCertificateActions, openPgpCertificates, setTouch } from "./openpgp-certificates.ts";
import { commandWithActions } from "./subcommand.ts";

const info = command({
  name: "info",
  summary: "say what is on an OpenPGP card",
  usage: ["[OPTION…]"],
  description: [
    "Says what is on the card, as ykman openpgp info does: versions, tries, and the keys with their fingerprints. No PIN is needed.",
  ],
  options: cardOptions,
  run: ({ values }, terminal) =>
    withCard(openPgpGroup, values, terminal, async ({ card, crypto, wait }) => {
      const { facts } = await card.properties(wait);
      const status = await new OpenPgpAdmin(card, crypto).status();
      const json = { reader: card.reader, ...facts, ...statusForPrograms(status) };
      return tell(statusFacts(status, facts.holder), json, values.json, terminal);
    }),
});

function statusFacts(status: OpenPgpStatus, holder: string | undefined): Facts {
  const { firmware, hasKdf, keys, serialNumber, signaturePin, triesLeft, version } = status;
  return [
    ["OpenPGP version", version],
    ["Application version", firmware],
    ["Serial number", serialNumber],
    ["Cardholder", holder],
    ["PIN tries remaining", `${triesLeft.pin}`],
    ["Reset code tries remaining", `${triesLeft.resetCode}`],
    ["Admin PIN tries remaining", `${triesLeft.adminPin}`],
    ["Require PIN for signature", capital(signaturePin)],
    ["KDF enabled", capital(`${hasKdf}`)],
    ...keys.map(({ fingerprint, name, touchPolicy }) => {
      const facts = [
        ["Fingerprint", fingerprint && fingerprintText(fingerprint)] as const,
        ["Touch policy", touchText(touchPolicy)] as const,
      ];
      return [`${capital(name)} key`, facts] as const;
    }),
  ];
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** In two halves of five groups, as GnuPG prints it. */
function fingerprintText(fingerprint: Uint8Array): string {
  const groups = encodeHex(fingerprint).match(/.{4}/g) ?? [];
  return [groups.slice(0, 5), groups.slice(5)].map((half) => half.join(" ")).join("  ");
}

function touchText(policy: OpenPgpKeyFacts["touchPolicy"]): string | undefined {
  if (policy === "fixed") return "On (fixed)";
  return policy === "cached-fixed" ? "Cached (fixed)" : policy && capital(policy);
}

const MS = 1000;

/** What is on the card, as JSON has it. */
function statusForPrograms({ keys, ...status }: OpenPgpStatus): object {
  return {
    ...status,
    keys: keys.map(({ created, name, ...facts }) => ({
      key: name,
      ...facts,
      created: created === undefined ? undefined : new Date(created * MS).toISOString(),
    })),
  };
}

const reset = resetCommand(
  openPgpGroup,
  {
    description:
      "Deletes all OpenPGP data of the card, keys and certificates, and gives all PINs their factory values. It asks before. The PINs are blocked by wrong tries on the way: the card demands that.",
    warning: "This will delete all stored OpenPGP keys and data and restore factory settings",
    said: [
      "Reset complete. OpenPGP data has been cleared and default PINs are set.",
      `PIN:         ${openPgpFactory.pw1}`,
      "Reset code:  NOT SET",
      `Admin PIN:   ${openPgpFactory.pw3}`,
    ],
  },
  ({ card, crypto }) => new OpenPgpAdmin(card, crypto).reset(),
);

/** `scard openpgp`: OpenPGP cards, in the words of ykman. */
export const openpgp: Command = commandWithActions({
  name: "openpgp",
  summary: "use and manage an OpenPGP card",
  description: [
    "Works with the OpenPGP application of the card in a reader, in the words of ykman openpgp: what is on it, its certificates, signatures and decryption with its keys, its PINs. gpg makes its keys.",
    PIN_SOURCES,
  ],
  actions: [
    info,
    certificateCommands(openPgpGroup, openPgpCertificateActions, openPgpCertificates),
    keyCommands(openPgpGroup, [setTouch]),
    ...useCommands(openPgpGroup),
    commandWithActions({
      name: "access",
      within: "openpgp",
      summary: "manage PIN, reset code and admin PIN",
      description: ["PIN, reset code and admin PIN of the card."],
      actions: openPgpAccessActions,
    }),
    reset,
  ],
});
