// SPDX-License-Identifier: MIT

import { pivFactory } from "../../base/card-applications/index.ts";
import { PivAdmin } from "../../faces/modules/index.ts";
import { resetCommand } from "./card-access.ts";
import { pivGroup } from "./card-groups.ts";
import { certificateCommands, keyCommands } from "./card-keys.ts";
import { PIN_SOURCES } from "./card-pins.ts";
import { useCommands } from "./card-use.ts";
import type { Command } from "./command.ts";
import { pivAccessActions } from "./piv-access.ts";
import { pivCertificateActions, pivCertificates } from "./piv-certificates.ts";
import { pivInfo } from "./piv-info.ts";
import { pivKeyActions } from "./piv-keys.ts";
import { commandWithActions } from "./subcommand.ts";

const reset = resetCommand(
  pivGroup,
  {
    description:
      "Deletes all PIV data of a YubiKey, keys and certificates, and gives PIN, PUK and management key their factory values. It asks before. PIN and PUK are blocked by wrong tries on the way: the card demands that.",
    warning: "This will delete all stored PIV data and restore factory settings",
    said: [
      "Reset complete. All PIV data has been cleared from the YubiKey.",
      "Your YubiKey now has the default PIN, PUK and Management Key:",
      `\tPIN:\t${pivFactory.pin}`,
      `\tPUK:\t${pivFactory.puk}`,
      `\tManagement Key:\t${pivFactory.managementKey}`,
    ],
  },
  ({ card, crypto }) => new PivAdmin(card, crypto).reset(),
);

/** `scard piv`: PIV cards, in the words of ykman. */
export const piv: Command = commandWithActions({
  name: "piv",
  summary: "use and manage a PIV card or YubiKey",
  description: [
    "Works with the PIV application of the card in a reader, in the words of ykman piv: what is on it, its keys and certificates, signatures and decryption, PIN, PUK and management key.",
    PIN_SOURCES,
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
