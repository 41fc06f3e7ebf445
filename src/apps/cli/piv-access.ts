// SPDX-License-Identifier: MIT

import { encodeHex, zeroBytes } from "../../base/binary/index.ts";
import { pivFactory } from "../../base/card-applications/index.ts";
import { type ManagementAlgorithm, managementAlgorithms, PivAdmin } from "../../faces/modules/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { changePinCommand, sourceOption, unblockPin, verifyPinCommand } from "./card-access.ts";
import { writeData } from "./card-data.ts";
import { pivGroup } from "./card-groups.ts";
import { done } from "./card-keys.ts";
import { forceOption } from "./card-pins.ts";
import { cardOptions, withCard } from "./card-session.ts";
import { type Command, command } from "./command.ts";
import { confirmed } from "./confirmation.ts";
import { type OptionTable, UsageError } from "./options.ts";
import { adminOptions } from "./piv-keys.ts";
import { fitting, managementKeyOption, readKey, withManagementKey } from "./piv-management.ts";

const changePivPin = changePinCommand(pivGroup, {
  name: "change-pin",
  summary: "change the PIN",
  description:
    "Changes the PIN, of 6 to 8 characters; other programs take digits alone. Without --pin and --new-pin both are asked for, the new one twice.",
  role: "user",
  old: { name: "pin", short: "P", what: "the PIN of now" },
  next: { name: "new-pin", short: "n", what: "the new PIN" },
  changed: "PIN",
  said: "New PIN set.",
});

const changePuk = changePinCommand(pivGroup, {
  name: "change-puk",
  summary: "change the PUK",
  description: "Changes the PUK, of 6 to 8 characters, which unblocks the PIN. What is not given is asked for.",
  role: "unblock",
  old: { name: "puk", short: "p", what: "the PUK of now" },
  next: { name: "new-puk", short: "n", what: "the new PUK" },
  changed: "PUK",
  said: "New PUK set.",
});

const unblockOptions = {
  puk: sourceOption("p", "the PUK"),
  "new-pin": sourceOption("n", "the new PIN"),
  ...forceOption,
  ...cardOptions,
} as const satisfies OptionTable;

const unblockCommand = command({
  name: "unblock-pin",
  summary: "set a new PIN with the PUK",
  usage: ["[OPTION…]"],
  description: ["Sets a new PIN in place of a blocked or forgotten one, with the PUK. What is not given is asked for."],
  options: unblockOptions,
  run: ({ values }, terminal) =>
    withCard(pivGroup, values, terminal, async (session) => {
      const { force, "new-pin": next, puk: secret } = values;
      const options = ["--puk", "--new-pin"] as const;
      await unblockPin(session, { role: "user", by: "unblock", secret, next, options, force });
      return done("New PIN set.", { changed: "PIN" }, values.json, terminal);
    }),
});

const keyOptions = {
  ...managementKeyOption,
  "new-management-key": sourceOption("n", "the new management key, in hexadecimal,"),
  generate: {
    type: "string",
    short: "g",
    value: "FILE",
    completes: "file",
    help: "make a random key, and write it into FILE in hexadecimal, readable by its owner alone",
  },
  algorithm: {
    type: "string",
    short: "a",
    value: "NAME",
    choices: ["tdes", "aes128", "aes192", "aes256"],
    help: "the cipher of the new key; default: that of now",
  },
  touch: { type: "boolean", short: "t", help: "the card wants a touch whenever the key is shown" },
  ...cardOptions,
} as const satisfies OptionTable;

const changeKeyCommand = command({
  name: "change-management-key",
  summary: "change the management key",
  usage: ["[OPTION…]"],
  description: [
    "Changes the key that guards what an administrator does: making keys and storing certificates. A key that ykman has put behind the PIN is changed with ykman.",
  ],
  options: keyOptions,
  run: ({ values }, terminal) => {
    if (values.generate !== undefined && values["new-management-key"] !== undefined)
      throw new UsageError("--generate makes a new key: leave --new-management-key out");
    return withCard(pivGroup, values, terminal, async (session) => {
      const { card, crypto, pins } = session;
      const admin = new PivAdmin(card, crypto);
      if (await admin.managementKeyIsStored()) {
        const message = "ykman has put this management key on the card, behind the PIN: change it with ykman";
        throw new SmartCardError("unsupported-feature", message, { reader: card.reader });
      }
      const now = await admin.managementAlgorithm();
      const algorithm = (values.algorithm?.toUpperCase() as ManagementAlgorithm | undefined) ?? now;
      const { keyBytes: bytes } = managementAlgorithms[algorithm];
      const change = async (key: Uint8Array): Promise<void> => {
        await withManagementKey(session, values["management-key"], (one) =>
          one.setManagementKey(algorithm, key, values.touch === true),
        );
      };
      const next =
        values.generate === undefined
          ? fitting(
              readKey(await pins.next(values["new-management-key"], "management key", "--new-management-key")),
              algorithm,
            )
          : crypto.randomBytes(bytes);
      try {
        // First into the file: a key that is on the card alone is lost.
        if (values.generate !== undefined) await writeData(values.generate, `${encodeHex(next)}\n`, terminal, true);
        await change(next);
      } finally {
        zeroBytes(next);
      }
      return done("New management key set.", { changed: "management key", algorithm }, values.json, terminal);
    });
  },
});

const setRetries = command({
  name: "set-retries",
  summary: "set how many tries PIN and PUK have",
  usage: ["[OPTION…] PIN-RETRIES PUK-RETRIES"],
  description: [
    `Sets how many wrong tries block the PIN and the PUK, 1 to 255 each. Both become those of the factory by it, ${pivFactory.pin} and ${pivFactory.puk}, so it asks before. It needs the PIN and the management key; from standard input the PIN is on the first line.`,
  ],
  options: adminOptions,
  run({ positionals, values }, terminal) {
    const [pin, puk, ...others] = positionals.map((text) => (/^\d{1,3}$/.test(text) ? Number(text) : 0));
    if (pin === undefined || puk === undefined || others.length > 0)
      throw new UsageError("two numbers are needed: the tries of the PIN and of the PUK");
    if (pin < 1 || pin > 255 || puk < 1 || puk > 255) throw new UsageError("the tries are 1 to 255");
    return withCard(pivGroup, values, terminal, async (session) => {
      await confirmed("PIN and PUK become those of the factory", values.force, terminal);
      const { card, wait } = session;
      await card.verifyPin(undefined, wait);
      await withManagementKey(session, values["management-key"], async (admin) => {
        await card.verifyPin(undefined, wait);
        await admin.setTries(pin, puk);
      });
      const json = { pin: { tries: pin }, puk: { tries: puk } };
      const text = `Number of PIN/PUK retries set.\nDefault PINs have been restored:\n\tPIN:\t${pivFactory.pin}\n\tPUK:\t${pivFactory.puk}`;
      return done(text, json, values.json, terminal);
    });
  },
});

/** The actions of `scard piv access`. */
export const pivAccessActions: readonly Command[] = [
  verifyPinCommand(pivGroup),
  changePivPin,
  changePuk,
  unblockCommand,
  changeKeyCommand,
  setRetries,
];
