// SPDX-License-Identifier: MIT

import { PivAdmin } from "../../faces/modules/index.ts";
import { pivGroup } from "./card-groups.ts";
import { certificateCommands, done, keyCommands } from "./card-keys.ts";
import { forceOption } from "./card-pins.ts";
import { cardOptions, withCard } from "./card-session.ts";
import { useCommands } from "./card-use.ts";
import { type Command, command } from "./command.ts";
import { confirmed } from "./confirmation.ts";
import type { OptionTable } from "./options.ts";
import { pivAccessActions } from "./piv-access.ts";
import { pivCertificateActions, pivCertificates } from "./piv-certificates.ts";
import { pivInfo } from "./piv-info.ts";
import { pivKeyActions } from "./piv-keys.ts";
import { commandWithActions } from "./subcommand.ts";

const resetOptions = { ...forceOption, ...cardOptions } as const satisfies OptionTable;

const reset = command({
  name: "reset",
  summary: "make the PIV application as it left the factory",
  usage: ["[OPTION…]"],
  description: [
    "Deletes all PIV data of a YubiKey, keys and certificates, and gives PIN, PUK and management key their factory values. It asks before. PIN and PUK are blocked by wrong tries on the way: the card demands that.",
  ],
  options: resetOptions,
  run: ({ values }, terminal) =>
    withCard(pivGroup, values, terminal, async ({ card, crypto }) => {
      const warning = "This will delete all stored PIV data and restore factory settings";
      await confirmed(warning, values.force, terminal);
      await new PivAdmin(card, crypto).reset();
      const text = [
        "Reset complete. All PIV data has been cleared from the YubiKey.",
        "Your YubiKey now has the default PIN, PUK and Management Key:",
        "\tPIN:\t123456",
        "\tPUK:\t12345678",
        "\tManagement Key:\t010203040506070801020304050607080102030405060708",
      ];
      return done(text.join("\n"), { reset: "piv" }, values.json, terminal);
    }),
});

/** `scard piv`: PIV cards, in the words of ykman. */
export const piv: Command = commandWithActions({
  name: "piv",
  summary: "use and manage a PIV card or YubiKey",
  description: [
    "Works with the PIV application of the card in a reader, in the words of ykman piv: what is on it, its keys and certificates, signatures and decryption, PIN, PUK and management key.",
    "A PIN never stands on the command line. It is asked for on the terminal, or --pin says where it comes from: env:NAME, file:PATH or stdin.",
  ],
  actions: [
    pivInfo,
    certificateCommands(pivGroup, pivCertificateActions, pivCertificates),
    keyCommands(pivGroup, pivKeyActions),
    ...useCommands(pivGroup),
    commandWithActions({
      name: "access",
      within: "piv",
      summary: "manage PIN, PUK and management key",
      description: ["PIN, PUK and management key of the card."],
      actions: pivAccessActions,
    }),
    reset,
  ],
});
