// SPDX-License-Identifier: MIT

import { encodeHex, hexWord, zeroBytes } from "../../base/binary/index.ts";
import { decodeAtr } from "../../base/iso7816/index.ts";
import { type Disposition, dispositions, SmartCardError } from "../../port/index.ts";
import { describeAtr, summarizeAtr } from "../reports/index.ts";
import { sourceOption } from "./card-access.ts";
import { done, tell } from "./card-keys.ts";
import { describeOutcome, outcomeForPrograms, protocolName } from "./card-outcome.ts";
import { forceOption } from "./card-pins.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { hexOf, type OptionTable, refuseArguments, UsageError } from "./options.ts";
import { onlyFitting } from "./reader-choice.ts";
import { SecretReader } from "./secret-source.ts";
import type { ShellCard } from "./shell-card.ts";
import { applicationName } from "./shell-names.ts";
import { checkTries, pinChoice, triesOf, triesText, verify } from "./shell-verify.ts";
import type { Terminal } from "./terminal.ts";
import { duration, jsonText, visible } from "./text.ts";

/** The option that shows withheld data. */
export const RAW_OPTION = "scard shell --raw";
const LEAST_COMMAND_BYTES = 4;

/** The commands of a shell that are about the connection, and those that send bytes. */
export function connectionCommands(card: ShellCard): readonly Command[] {
  return [
    apduCommand(card),
    expectCommand(card),
    atrCommand(card),
    statusCommand(card),
    resetCommand(card),
    beginCommand(card),
    endCommand(card),
    verifyCommand(card),
    triesCommand(card),
    connectCommand(card),
  ];
}

function apduCommand(card: ShellCard): Command {
  return command({
    name: "apdu",
    summary: "send a command in hexadecimal; the word apdu may be left out",
    usage: ["HEX…"],
    description: [
      "Sends one command, and explains it and the answer. 61xx and 6Cxx are followed up, unless the shell was started with --no-follow-up. A status word other than 9000 is a result, not a failure: expect checks it.",
      `Data is shown only for commands that are known to carry no secret. ${RAW_OPTION} shows all.`,
    ],
    options: {},
    async run({ positionals, values }, terminal) {
      if (positionals.length === 0) throw new UsageError("the bytes of the command are missing");
      const text = positionals.join(" ");
      if (/withheld/.test(text))
        throw new UsageError("the data of this command was not kept: write it in place of [… withheld]");
      const bytes = hexOf("the command", text);
      try {
        if (bytes.length < LEAST_COMMAND_BYTES)
          throw new UsageError(`a command has ${LEAST_COMMAND_BYTES} bytes at least`);
        const outcome = await card.send(bytes, terminal.stop);
        if (values.json) terminal.print(jsonText(outcomeForPrograms(outcome)));
        else terminal.print(describeOutcome(outcome, terminal.paint, RAW_OPTION).join("\n").trimEnd());
      } finally {
        zeroBytes(bytes);
      }
      return exitCodes.ok;
    },
  });
}

/** Three in a word: a status word, of which x stands for any digit. */
const statusPattern = /^[0-9a-fx]{4}$/i;

function expectCommand(card: ShellCard): Command {
  return command({
    name: "expect",
    summary: "fail unless the last status word is one of these",
    usage: ["SW…"],
    description: ["Checks the status word of the last answer: 9000, 61xx, 6A82. x stands for any digit."],
    options: {},
    async run({ positionals, values }, terminal) {
      if (positionals.length === 0) throw new UsageError("the status word is missing");
      if (!positionals.every((one) => statusPattern.test(one)))
        throw new UsageError("a status word has 4 hexadecimal digits; x stands for any digit");
      const { last } = card;
      if (last === undefined) throw new UsageError("there was no answer yet whose status word could be checked");
      const sw = hexWord(last.response.sw);
      const fits = positionals.some((one) => new RegExp(`^${one.replaceAll(/x/gi, ".")}$`, "i").test(sw));
      if (!fits) throw new SmartCardError("unexpected", `the status word is ${sw}, not ${positionals.join(" or ")}`);
      return values.json ? done("", { sw }, true, terminal) : exitCodes.ok;
    },
  });
}

function atrCommand(card: ShellCard): Command {
  return command({
    name: "atr",
    summary: "explain the ATR of the card",
    usage: ["[OPTION…]"],
    description: ["Explains the answer to reset of the card, byte by byte."],
    options: {},
    async run({ values }, terminal) {
      const { atr } = await card.status(terminal.stop);
      const decoded = decodeAtr(atr);
      if (values.json) return done("", { atr, summary: summarizeAtr(atr) }, true, terminal);
      if (!decoded.ok) terminal.print(`${encodeHex(atr, " ")}  ${decoded.error.message}`);
      else
        for (const [title, text] of describeAtr(decoded.value, []))
          terminal.print(`${title.padEnd(12)}${text}`.trimEnd());
      return exitCodes.ok;
    },
  });
}

function statusCommand(card: ShellCard): Command {
  return command({
    name: "status",
    summary: "the reader, the card, the protocol, the transaction",
    usage: ["[OPTION…]"],
    description: ["Says what the shell is connected to, and for how long its transaction lasts."],
    options: {},
    async run({ values }, terminal) {
      const { atr, connection, protocol, reader, state } = await card.status(terminal.stop);
      const { application, heldMs } = card;
      const name = application && applicationName(application);
      const json = { reader, state, shareMode: connection.shareMode, protocol, atr, application, name, heldMs };
      return tell(
        [
          ["Reader", reader],
          ["Card", `${state}, ${summarizeAtr(atr)}`],
          ["ATR", encodeHex(atr, " ")],
          ["Share mode", connection.shareMode],
          ["Protocol", protocol === undefined ? "none" : protocolName(protocol)],
          ["Application", application && `${encodeHex(application, " ")}${name === undefined ? "" : `  ${name}`}`],
          ["Transaction", heldMs === undefined ? "none" : `held for ${duration(heldMs)}`],
        ],
        json,
        values.json,
        terminal,
      );
    },
  });
}

const resetOptions = {
  cold: { type: "boolean", help: "take its power away too; without it, a warm reset" },
} as const satisfies OptionTable;

function resetCommand(card: ShellCard): Command {
  return command({
    name: "reset",
    summary: "reset the card",
    usage: ["[OPTION…]"],
    description: ["Resets the card. What was selected and verified on it is gone; other programs are told."],
    options: resetOptions,
    async run({ values }, terminal) {
      const { atr, protocol } = await card.reset(values.cold ? "unpower" : "reset", terminal.stop);
      return done(`reset, ATR ${encodeHex(atr, " ")}`, { atr, protocol }, values.json, terminal);
    },
  });
}

function beginCommand(card: ShellCard): Command {
  return command({
    name: "begin",
    summary: "begin a transaction: no other program comes in between",
    usage: ["[OPTION…]"],
    description: ["Waits for the card, and keeps other programs from it until end, or the end of the shell."],
    options: {},
    async run({ values }, terminal) {
      await card.begin(terminal.stop);
      return done('in a transaction; "end" ends it', { transaction: true }, values.json, terminal);
    },
  });
}

const endOptions = {
  disposition: {
    type: "string",
    value: "D",
    choices: Object.keys(dispositions) as Disposition[],
    help: "what to do with the card; default leave",
  },
} as const satisfies OptionTable;

function endCommand(card: ShellCard): Command {
  return command({
    name: "end",
    summary: "end the transaction",
    usage: ["[OPTION…]"],
    description: ["Ends the transaction, and says for how long it was held."],
    options: endOptions,
    async run({ values }, terminal) {
      const heldMs = await card.end(values.disposition ?? "leave", terminal.stop);
      return done(`the transaction is over, held for ${duration(heldMs)}`, { heldMs }, values.json, terminal);
    },
  });
}

const lengthOption = {
  length: {
    type: "string",
    value: "BYTES",
    reads: pinLength,
    help: "how long the PIN is on the wire, filled up with FF; default: what the selected application needs, or else as it is",
  },
} as const;

function pinLength(option: string, text: string): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > 255) throw new UsageError(`${option} is a number of bytes, 1 to 255`);
  return number;
}

const verifyOptions = {
  pin: sourceOption("P", "the PIN"),
  ...lengthOption,
  ...forceOption,
} as const satisfies OptionTable;

function verifyCommand(card: ShellCard): Command {
  return command({
    name: "verify",
    summary: "show a PIN to the card; it is asked for, and not shown",
    usage: ["[OPTION…] [REFERENCE]"],
    description: [
      "Shows a PIN to the card with VERIFY. REFERENCE is P2 of the command, two hexadecimal digits, or a name of the selected application: pin, puk, global of PIV; pw1-signature, pw1, pw3 of OpenPGP; pin, global-pin, puk of GIDS. Without it, it is the usual PIN of the selected application.",
      "Before that the card is asked how many tries are left, which costs none: the last one is used only with --force.",
    ],
    options: verifyOptions,
    async run({ positionals: [word, ...others], values }, terminal) {
      refuseArguments(others);
      const choice = pinChoice(card, word, values.length);
      checkTries(choice, await triesOf(card, choice, terminal.stop), values.force);
      const otherwise = `the ${choice.name} is needed: give --pin env:NAME or file:PATH`;
      const source = values.pin ?? { from: "prompt" };
      const pin = await new SecretReader(terminal).read(source, choice.name, "known", otherwise);
      try {
        await verify(card, choice, pin, terminal.stop);
      } finally {
        zeroBytes(pin);
      }
      const reference = choice.reference;
      return done(`the ${choice.name} is right`, { reference, verified: true }, values.json, terminal);
    },
  });
}

function triesCommand(card: ShellCard): Command {
  return command({
    name: "tries",
    summary: "how many tries a PIN has left",
    usage: ["[OPTION…] [REFERENCE]"],
    description: ["Asks the card how many tries a PIN has, which costs none. REFERENCE is as for verify."],
    options: {},
    async run({ positionals: [word, ...others], values }, terminal) {
      refuseArguments(others);
      const choice = pinChoice(card, word, undefined);
      const { isVerified, triesLeft } = await triesOf(card, choice, terminal.stop);
      const text = isVerified
        ? `the ${choice.name} is verified`
        : triesLeft === undefined
          ? `the card does not tell the tries of the ${choice.name}: ${hexWord(card.last?.response.sw ?? 0)}`
          : `the ${choice.name} has ${triesText(triesLeft)} left`;
      return done(text, { reference: choice.reference, verified: isVerified, triesLeft }, values.json, terminal);
    },
  });
}

function connectCommand(card: ShellCard): Command {
  return command({
    name: "connect",
    summary: "connect anew, or to the card in another reader",
    usage: ["[OPTION…] [READER]"],
    description: [
      "Connects anew, where a reader is named to the card in it. READER is a name, a part of it that no other has, or a number.",
    ],
    options: {},
    async run({ positionals: [word, ...others], values }, terminal) {
      refuseArguments(others);
      const names = await card.session.context.listReaders();
      await card.use(word === undefined ? card.reader : onlyFitting(names, word, "the reader"));
      const { atr, reader } = await card.status(terminal.stop);
      return done(connectedText(reader, atr), { reader, atr }, values.json, terminal);
    },
  });
}

/** `"Desk", card with T=1`. */
export function connectedText(reader: string, atr: Uint8Array): string {
  return `"${visible(reader)}", ${summarizeAtr(atr)}`;
}

/** Says that the shell shows everything. */
export function warnOfRaw(terminal: Terminal): void {
  terminal.say("--raw: the data of all commands and answers is shown, secrets among it");
}
