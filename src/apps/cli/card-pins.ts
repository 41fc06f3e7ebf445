// SPDX-License-Identifier: MIT

import type { PinPrompt, PinRequest } from "../../entry/modules.ts";
import { SmartCardError } from "../../port/index.ts";
import { askPass } from "./ask-pass.ts";
import { UsageError } from "./options.ts";
import { SecretReader, type SecretSource, secretSource } from "./secret-source.ts";
import type { Terminal } from "./terminal.ts";
import { visible } from "./text.ts";

/** What completes the help of an option that says where a PIN comes from. */
export const SOURCES = "env:NAME, file:PATH, stdin or prompt";

/** What the groups of commands say of PINs. */
export const PIN_SOURCES = `A PIN never stands on the command line. It is asked for on the terminal, or --pin says where it comes from: env:NAME, file:PATH or stdin.`;

/** Where the PIN of a key comes from: `pad` is the reader's own, and the PIN does not come here. */
type PinSource = SecretSource | { readonly from: "pad" };

function pinSource(option: string, text: string): PinSource {
  if (text === "pad") return { from: "pad" };
  try {
    return secretSource(option, text);
  } catch (cause) {
    const sources = "env:NAME, file:PATH, stdin, prompt, or pad, the reader's PIN pad";
    const message = `${option} says where the PIN comes from: ${sources}; on the command line other programs would see it`;
    throw new UsageError(message, { cause });
  }
}

/** Options of commands that use a key. */
export const pinOptions = {
  pin: {
    type: "string",
    short: "P",
    value: "SOURCE",
    reads: pinSource,
    help: `where the PIN comes from: env:NAME, file:PATH, stdin, prompt, or pad, the PIN pad of the reader; default prompt. A PIN never stands on the command line, where other programs see it`,
  },
  askpass: {
    type: "string",
    value: "PROGRAM",
    completes: "file",
    help: "the program that asks for the PIN, as ssh-askpass does",
  },
} as const;

/** Confirms what cannot be undone. */
export const forceOption = {
  force: {
    type: "boolean",
    short: "f",
    help: "do it without asking; also with the last try of a PIN, which may block it",
  },
} as const;

/** Where the PIN of a command comes from. */
export interface PinChoice {
  readonly pin?: PinSource | undefined;
  readonly askpass?: string | undefined;
  readonly force?: boolean | undefined;
}

/** Gets the PINs of one command, each once. */
export class CardPins {
  readonly #terminal: Terminal;
  readonly #reader: SecretReader;
  readonly #choice: PinChoice;

  constructor(terminal: Terminal, choice: PinChoice) {
    this.#terminal = terminal;
    this.#reader = new SecretReader(terminal);
    this.#choice = choice;
  }

  /** Asks for the PIN that a key needs. */
  readonly prompt: PinPrompt = async (request) => {
    const { isLastTry, name } = request;
    this.checkLastTry(isLastTry ? 1 : undefined, name);
    const lastTry = this.#choice.force === true;
    const { pin } = this.#choice;
    if (pin?.from !== "pad") return { pin: await this.#known(request, pin), lastTry };
    this.#terminal.say(`enter the ${name} at the PIN pad of "${visible(request.reader)}"`);
    return { pad: true, lastTry };
  };

  /** Refuses the last try that is not confirmed. @throws security-violation */
  checkLastTry(triesLeft: number | undefined, name: string): void {
    if (triesLeft !== 1 || this.#choice.force === true) return;
    const message = `one try of the ${name} is left, and a wrong one blocks it: --force sends it all the same`;
    throw new SmartCardError("security-violation", message, { triesLeft: 1 });
  }

  /** A PIN that the card has. @param option that would name its source */
  known(source: SecretSource | undefined, name: string, option: string): Promise<Uint8Array> {
    return this.#reader.read(source ?? { from: "prompt" }, name, "known", needed(name, option));
  }

  /** A PIN that the card is to have; it is asked for twice. */
  next(source: SecretSource | undefined, name: string, option: string): Promise<Uint8Array> {
    return this.#reader.read(source ?? { from: "prompt" }, name, "new", needed(`new ${name}`, option));
  }

  async #known(request: PinRequest, pin: SecretSource | undefined): Promise<Uint8Array> {
    const { askpass } = this.#choice;
    if (pin !== undefined || askpass === undefined) return this.known(pin, request.name, "--pin");
    const answer = await askPass(askpass, question(request), request.signal);
    if (answer !== undefined) return answer;
    throw new SmartCardError("cancelled-by-user", `the ${request.name} of ${request.card} was not given`);
  }
}

/** What to do where there is no terminal to ask on. */
function needed(name: string, option: string): string {
  return `the ${name} is needed: give ${option} SOURCE, which is ${SOURCES}`;
}

function question({ card, container, name, triesLeft }: PinRequest): string {
  const tries = triesLeft === undefined ? "" : `, ${triesLeft} ${triesLeft === 1 ? "try" : "tries"} left`;
  return `${name} of ${card}${container === undefined ? "" : ` for the key ${container.name}`}${tries}`;
}
