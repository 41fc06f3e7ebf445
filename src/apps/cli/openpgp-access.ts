// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import { OpenPgpAdmin } from "../../faces/modules/index.ts";
import { changePinCommand, pinState, sourceOption, unblockPin, verifyPinCommand } from "./card-access.ts";
import { openPgpGroup } from "./card-groups.ts";
import { done } from "./card-keys.ts";
import { forceOption } from "./card-pins.ts";
import { type CardSession, cardOptions, withCard } from "./card-session.ts";
import { type Command, command } from "./command.ts";
import { confirmed } from "./confirmation.ts";
import { type OptionTable, UsageError } from "./options.ts";
import type { SecretSource } from "./secret-source.ts";

const MOST_TRIES = 99;

/** Options of what changes an OpenPGP card. */
export const adminPinOptions = {
  "admin-pin": sourceOption("a", "the admin PIN"),
  ...forceOption,
  ...cardOptions,
} as const satisfies OptionTable;

/** Runs work in a transaction in which the admin PIN was verified. */
export async function withAdminPin<T>(
  session: CardSession,
  choice: { readonly "admin-pin"?: SecretSource; readonly force?: boolean },
  work: (admin: OpenPgpAdmin) => Promise<T>,
): Promise<T> {
  const { card, crypto, pins, wait } = session;
  const { name, triesLeft } = await pinState(session, "admin");
  pins.checkLastTry(triesLeft, name);
  const pin = await pins.known(choice["admin-pin"], name, "--admin-pin");
  try {
    return await card.transaction(async () => {
      await card.verifyPin(pin, { role: "admin", lastTry: choice.force === true, ...wait });
      return work(new OpenPgpAdmin(card, crypto));
    }, wait);
  } finally {
    zeroBytes(pin);
  }
}

const changeUserPin = changePinCommand(openPgpGroup, {
  name: "change-pin",
  summary: "change the PIN",
  description: "Changes the PIN, of at least 6 characters. What is not given is asked for, the new one twice.",
  role: "user",
  old: { name: "pin", short: "P", what: "the PIN of now" },
  next: { name: "new-pin", short: "n", what: "the new PIN" },
  changed: "PIN",
  said: "User PIN has been changed.",
});

const changeAdminPin = changePinCommand(openPgpGroup, {
  name: "change-admin-pin",
  summary: "change the admin PIN",
  description: "Changes the admin PIN, of at least 8 characters. What is not given is asked for, the new one twice.",
  role: "admin",
  old: { name: "admin-pin", short: "a", what: "the admin PIN of now" },
  next: { name: "new-admin-pin", short: "n", what: "the new admin PIN" },
  changed: "admin PIN",
  said: "Admin PIN has been changed.",
});

const resetCodeOptions = {
  "reset-code": sourceOption("r", "the new reset code"),
  ...adminPinOptions,
} as const satisfies OptionTable;

const changeResetCode = command({
  name: "change-reset-code",
  summary: "set the reset code, which unblocks the PIN",
  usage: ["[OPTION…]"],
  description: [
    "Sets the reset code, of at least 8 characters, with the admin PIN. What is not given is asked for, the new one twice. From standard input the admin PIN is on the first line.",
  ],
  options: resetCodeOptions,
  run: ({ values }, terminal) =>
    withCard(openPgpGroup, values, terminal, async (session) => {
      const { pins } = session;
      const { leastBytes, name } = await pinState(session, "unblock");
      let code: Uint8Array | undefined;
      try {
        await withAdminPin(session, values, async (admin) => {
          code = await pins.next(values["reset-code"], name, "--reset-code");
          if (code.length < leastBytes) throw new UsageError(`the ${name} has at least ${leastBytes} characters`);
          await admin.setResetCode(code);
        });
      } finally {
        if (code !== undefined) zeroBytes(code);
      }
      return done("Reset Code has been changed.", { changed: "reset code" }, values.json, terminal);
    }),
});

const unblockOptions = {
  "reset-code": sourceOption("r", "the reset code"),
  "admin-pin": sourceOption("a", "the admin PIN, in place of the reset code,"),
  "new-pin": sourceOption("n", "the new PIN"),
  ...forceOption,
  ...cardOptions,
} as const satisfies OptionTable;

const unblock = command({
  name: "unblock-pin",
  summary: "set a new PIN with the reset code or the admin PIN",
  usage: ["[OPTION…]"],
  description: [
    "Sets a new PIN in place of a blocked or forgotten one, with the reset code, or with --admin-pin. What is not given is asked for: the admin PIN where the card has no reset code.",
  ],
  options: unblockOptions,
  run({ values }, terminal) {
    const { "admin-pin": adminPin, force, "new-pin": next, "reset-code": resetCode } = values;
    if (adminPin !== undefined && resetCode !== undefined)
      throw new UsageError("one of --reset-code and --admin-pin is enough");
    return withCard(openPgpGroup, values, terminal, async (session) => {
      const hasCode = ((await pinState(session, "unblock")).triesLeft ?? 0) > 0;
      const byAdmin = adminPin !== undefined || (resetCode === undefined && !hasCode);
      await unblockPin(session, {
        role: "user",
        by: byAdmin ? "admin" : "unblock",
        secret: adminPin ?? resetCode,
        next,
        options: [byAdmin ? "--admin-pin" : "--reset-code", "--new-pin"],
        force,
      });
      return done("User PIN has been changed.", { changed: "PIN" }, values.json, terminal);
    });
  },
});

const setRetries = command({
  name: "set-retries",
  summary: "set how many tries the PINs have",
  usage: ["[OPTION…] PIN RESET-CODE ADMIN-PIN"],
  description: [
    `Sets how many wrong tries block the PIN, the reset code and the admin PIN, 1 to ${MOST_TRIES} each: a command of YubiKeys. It asks before.`,
  ],
  options: adminPinOptions,
  run({ positionals, values }, terminal) {
    const tries = positionals.map((text) => (/^\d{1,2}$/.test(text) ? Number(text) : 0));
    const [pin = 0, resetCode = 0, adminPin = 0] = tries;
    if (tries.length !== 3 || tries.includes(0))
      throw new UsageError(`three numbers are needed, 1 to ${MOST_TRIES}: the tries of PIN, reset code and admin PIN`);
    return withCard(openPgpGroup, values, terminal, async (session) => {
      await confirmed(`The PINs will have ${pin}, ${resetCode} and ${adminPin} tries`, values.force, terminal);
      await withAdminPin(session, values, (admin) => admin.setTries(pin, resetCode, adminPin));
      const text = "Number of PIN/Reset Code/Admin PIN retries set.";
      return done(text, { tries: { pin, resetCode, adminPin } }, values.json, terminal);
    });
  },
});

const setSignaturePolicy = command({
  name: "set-signature-policy",
  summary: "set whether each signature needs the PIN",
  usage: ["[OPTION…] once|always"],
  description: ["Sets whether one PIN is good for several signatures (once), or each signature needs it (always)."],
  options: adminPinOptions,
  argumentWords: ["once", "always"],
  run({ positionals, values }, terminal) {
    const [word, ...others] = positionals.map((text) => text.toLowerCase());
    if ((word !== "once" && word !== "always") || others.length > 0)
      throw new UsageError("the policy is needed: once or always");
    return withCard(openPgpGroup, values, terminal, async (session) => {
      await withAdminPin(session, values, (admin) => admin.setSignaturePin(word));
      return done("Signature PIN policy has been set.", { signaturePin: word }, values.json, terminal);
    });
  },
});

/** The actions of `scard openpgp access`. */
export const openPgpAccessActions: readonly Command[] = [
  verifyPinCommand(openPgpGroup),
  changeUserPin,
  changeAdminPin,
  changeResetCode,
  unblock,
  setRetries,
  setSignaturePolicy,
];
