// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { OpenPgpAdmin, type OpenPgpKeyFacts, type OpenPgpStatus } from "../../faces/modules/index.ts";
import { type Facts, factLines } from "./card-facts.ts";
import { openPgpGroup } from "./card-groups.ts";
import { certificateCommands, done, keyCommands } from "./card-keys.ts";
import { forceOption } from "./card-pins.ts";
import { cardOptions, withCard } from "./card-session.ts";
import { useCommands } from "./card-use.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { confirmed } from "./confirmation.ts";
import { openPgpAccessActions } from "./openpgp-access.ts";
import { openPgpCertificateActions, openPgpCertificates, setTouch } from "./openpgp-certificates.ts";
import type { OptionTable } from "./options.ts";
import { commandWithActions } from "./subcommand.ts";
import { jsonText, visible } from "./text.ts";

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
      if (values.json === true) {
        terminal.print(jsonText({ reader: card.reader, ...facts, ...statusForPrograms(status) }));
        return exitCodes.ok;
      }
      for (const line of factLines(statusFacts(status, facts.holder))) terminal.print(visible(line));
      return exitCodes.ok;
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

const resetOptions = { ...forceOption, ...cardOptions } as const satisfies OptionTable;

const reset = command({
  name: "reset",
  summary: "make the OpenPGP application as it left the factory",
  usage: ["[OPTION…]"],
  description: [
    "Deletes all OpenPGP data of the card, keys and certificates, and gives all PINs their factory values. It asks before. The PINs are blocked by wrong tries on the way: the card demands that.",
  ],
  options: resetOptions,
  run: ({ values }, terminal) =>
    withCard(openPgpGroup, values, terminal, async ({ card, crypto }) => {
      const warning = "This will delete all stored OpenPGP keys and data and restore factory settings";
      await confirmed(warning, values.force, terminal);
      await new OpenPgpAdmin(card, crypto).reset();
      const text = [
        "Reset complete. OpenPGP data has been cleared and default PINs are set.",
        "PIN:         123456",
        "Reset code:  NOT SET",
        "Admin PIN:   12345678",
      ];
      return done(text.join("\n"), { reset: "openpgp" }, values.json, terminal);
    }),
});

/** `scard openpgp`: OpenPGP cards, in the words of ykman. */
export const openpgp: Command = commandWithActions({
  name: "openpgp",
  summary: "use and manage an OpenPGP card",
  description: [
    "Works with the OpenPGP application of the card in a reader, in the words of ykman openpgp: what is on it, its certificates, signatures and decryption with its keys, its PINs. gpg makes its keys.",
    "A PIN never stands on the command line. It is asked for on the terminal, or --pin says where it comes from: env:NAME, file:PATH or stdin.",
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
