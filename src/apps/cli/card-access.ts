// SPDX-License-Identifier: MIT

import { decodeHex, zeroBytes } from "../../base/binary/index.ts";
import type { PinRole, PinState } from "../../entry/modules.ts";
import { SmartCardError } from "../../port/index.ts";
import { done } from "./card-keys.ts";
import { forceOption, pinOptions, SOURCES } from "./card-pins.ts";
import { type CardGroup, type CardSession, cardOptions, withCard } from "./card-session.ts";
import { type Command, command } from "./command.ts";
import { confirmed } from "./confirmation.ts";
import { type OptionTable, UsageError } from "./options.ts";
import { type SecretSource, secretSource } from "./secret-source.ts";
import { count } from "./text.ts";

/** An option that says where a secret comes from. */
export function sourceOption(
  short: string,
  what: string,
): {
  readonly type: "string";
  readonly short: string;
  readonly value: "SOURCE";
  readonly reads: typeof secretSource;
  readonly help: string;
} {
  return { type: "string", short, value: "SOURCE", reads: secretSource, help: `where ${what} comes from: ${SOURCES}` };
}

/** A PIN of the card with its tries. @throws unsupported-feature (the card has none for the role) */
export async function pinState({ card, wait }: CardSession, role: PinRole): Promise<PinState> {
  const all = await card.pins(wait);
  const found = all.find((pin) => pin.role === role);
  if (found !== undefined) return found;
  const message = `this card has no PIN for the role ${role}; its roles: ${all.map((pin) => pin.role).join(", ")}`;
  throw new SmartCardError("unsupported-feature", message, { reader: card.reader });
}

/** Which PIN is changed, and where both come from. */
interface PinChange {
  readonly role: PinRole;
  readonly old: SecretSource | undefined;
  readonly next: SecretSource | undefined;
  /** The options that name their sources. */
  readonly options: readonly [old: string, next: string];
  readonly force: boolean | undefined;
}

/** Changes a PIN; both are asked for, and cleared. */
async function changePin(session: CardSession, { force, next, old, options, role }: PinChange): Promise<PinState> {
  const { card, pins, wait } = session;
  const state = await pinState(session, role);
  pins.checkLastTry(state.triesLeft, state.name);
  const oldPin = await pins.known(old, state.name, options[0]);
  try {
    const newPin = await pins.next(next, state.name, options[1]);
    try {
      await card.changePin({ oldPin, newPin, role, lastTry: force === true, ...wait });
    } finally {
      zeroBytes(newPin);
    }
  } finally {
    zeroBytes(oldPin);
  }
  return state;
}

/** Which PIN is unblocked, by whom, and where both secrets come from. */
export interface PinUnblocking {
  readonly role: PinRole;
  readonly by: PinRole;
  readonly secret: SecretSource | undefined;
  readonly next: SecretSource | undefined;
  readonly options: readonly [secret: string, next: string];
  readonly force: boolean | undefined;
}

/** Sets a new PIN with the secret of another role: both are asked for, and cleared. */
export async function unblockPin(
  session: CardSession,
  { by, force, next, options, role, secret }: PinUnblocking,
): Promise<PinState> {
  const { card, pins, wait } = session;
  const state = await pinState(session, role);
  const other = await pinState(session, by);
  pins.checkLastTry(other.triesLeft, other.name);
  const given = await pins.known(secret, other.name, options[0]);
  const shown = other.kind === "challenge-response" ? keyOf(given, other.name) : given;
  try {
    const newPin = await pins.next(next, state.name, options[1]);
    try {
      await card.unblock({ newPin, secret: shown, role, by, lastTry: force === true, ...wait });
    } finally {
      zeroBytes(newPin);
    }
  } finally {
    zeroBytes(given);
    zeroBytes(shown);
  }
  return state;
}

/** A key that was given in hexadecimal. @throws UsageError, which does not repeat it */
export function keyOf(text: Uint8Array, name: string): Uint8Array {
  const decoded = decodeHex(new TextDecoder().decode(text));
  const length = decoded.ok ? decoded.value.length : 0;
  if (decoded.ok && [16, 24, 32].includes(length)) return decoded.value;
  throw new UsageError(`the ${name} is 16, 24 or 32 bytes in hexadecimal: 32, 48 or 64 digits`);
}

const verifyOptions = { ...pinOptions, ...forceOption, ...cardOptions } as const satisfies OptionTable;

/** `access verify-pin`: finds out whether a PIN is right. */
export function verifyPinCommand(group: CardGroup): Command {
  return command({
    name: "verify-pin",
    summary: "find out whether a PIN is right",
    usage: ["[OPTION…]"],
    description: ["Shows the PIN to the card, and says whether it is right. A wrong one costs a try."],
    options: verifyOptions,
    run: ({ values }, terminal) =>
      withCard(group, values, terminal, async (session) => {
        await session.card.verifyPin(undefined, session.wait);
        const { name, triesLeft } = await pinState(session, "user");
        const left = triesLeft === undefined ? "" : `, ${count(triesLeft, "try").replace("trys", "tries")} left`;
        return done(`The ${name} is right${left}.`, { verified: true, triesLeft }, values.json, terminal);
      }),
  });
}

/** An option that says where a secret comes from, by its name without the hyphens. */
interface SecretOption {
  readonly name: string;
  readonly short: string;
  /** What comes from there: "the PIN of now". */
  readonly what: string;
}

/** What the command that changes a PIN is called and says, for one kind of card. */
export interface PinChangeWords {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly role: PinRole;
  readonly old: SecretOption;
  readonly next: SecretOption;
  /** What the secret is called in JSON. */
  readonly changed: string;
  /** What is said when it was done. */
  readonly said: string;
}

/** A command of `access` that changes one PIN, PUK or administrator's PIN. */
export function changePinCommand(group: CardGroup, words: PinChangeWords): Command {
  const { changed, description, name, next, old, role, said, summary } = words;
  const options = { ...forceOption, ...cardOptions } as const satisfies OptionTable;
  const sources = [old, next].map((one) => [one.name, sourceOption(one.short, one.what)]);
  return command({
    name,
    summary,
    usage: ["[OPTION…]"],
    description: [description],
    options: { ...Object.fromEntries(sources), ...options } as typeof options,
    run: ({ values }, terminal) =>
      withCard(group, values, terminal, async (session) => {
        const given = values as Readonly<Record<string, unknown>>;
        await changePin(session, {
          role,
          old: given[old.name] as SecretSource | undefined,
          next: given[next.name] as SecretSource | undefined,
          options: [`--${old.name}`, `--${next.name}`],
          force: values.force,
        });
        return done(said, { changed }, values.json, terminal);
      }),
  });
}

/** `reset` of a group: what the application forgets, and how. */
export function resetCommand(
  group: CardGroup,
  words: { readonly description: string; readonly warning: string; readonly said: readonly string[] },
  reset: (session: CardSession) => Promise<void>,
): Command {
  const options = { ...forceOption, ...cardOptions } as const satisfies OptionTable;
  return command({
    name: "reset",
    summary: `make the ${group.application} as it left the factory`,
    usage: ["[OPTION…]"],
    description: [words.description],
    options,
    run: ({ values }, terminal) =>
      withCard(group, values, terminal, async (session) => {
        await confirmed(words.warning, values.force, terminal);
        await reset(session);
        return done(words.said.join("\n"), { reset: group.name }, values.json, terminal);
      }),
  });
}

const roles = ["user", "signature", "unblock", "admin"] as const satisfies readonly PinRole[];
const roleOption = {
  role: { type: "string", value: "ROLE", choices: roles, help: "whose PIN it is; default user" },
} as const;

const changeOptions = {
  ...roleOption,
  pin: sourceOption("P", "the PIN of now"),
  "new-pin": sourceOption("n", "the new PIN"),
  ...forceOption,
  ...cardOptions,
} as const satisfies OptionTable;

const unblockOptions = {
  ...roleOption,
  by: {
    type: "string",
    value: "ROLE",
    choices: roles,
    help: "who unblocks it; default: the first that scard card info names",
  },
  secret: sourceOption("s", "the PUK, the resetting code, the admin PIN, or the admin key in hexadecimal"),
  "new-pin": sourceOption("n", "the new PIN"),
  ...forceOption,
  ...cardOptions,
} as const satisfies OptionTable;

/** `scard card access`, for a card of any kind. */
export function anyAccessCommands(group: CardGroup): readonly Command[] {
  const change = command({
    name: "change-pin",
    summary: "change a PIN",
    usage: ["[OPTION…]"],
    description: ["Changes a PIN of the card. Without --pin and --new-pin both are asked for, the new one twice."],
    options: changeOptions,
    run: ({ values }, terminal) =>
      withCard(group, values, terminal, async (session) => {
        const { force, "new-pin": next, pin: old, role = "user" } = values;
        const { name } = await changePin(session, { role, old, next, options: ["--pin", "--new-pin"], force });
        return done(`New ${name} set.`, { changed: name, role }, values.json, terminal);
      }),
  });
  const unblock = command({
    name: "unblock-pin",
    summary: "set a new PIN in place of a blocked one",
    usage: ["[OPTION…]"],
    description: [
      "Sets a new PIN with the secret of another role: the PUK, the resetting code, or the administrator's.",
    ],
    options: unblockOptions,
    run: ({ values }, terminal) =>
      withCard(group, values, terminal, async (session) => {
        const { force, "new-pin": next, role = "user", secret } = values;
        const { name, unblockedBy } = await pinState(session, role);
        const by = values.by ?? unblockedBy[0];
        if (by === undefined) {
          const message = `the ${name} of this card cannot be unblocked`;
          throw new SmartCardError("unsupported-feature", message, { reader: session.card.reader });
        }
        await unblockPin(session, { role, by, secret, next, options: ["--secret", "--new-pin"], force });
        return done(`New ${name} set.`, { changed: name, role }, values.json, terminal);
      }),
  });
  return [verifyPinCommand(group), change, unblock];
}
