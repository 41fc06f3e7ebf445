// SPDX-License-Identifier: MIT

import { SecretBytes } from "../../base/binary/index.ts";
import type { PinPrompt, PinRequest } from "../../entry/modules.ts";
import { SmartCardError } from "../../port/index.ts";
import { askPass } from "./ask-pass.ts";
import { SecretReader, type SecretSource } from "./secret-source.ts";
import type { Terminal } from "./terminal.ts";

/** Where the PIN of a card comes from while an agent runs. */
export interface PinPlace {
  /** A PIN that is read once, when the agent starts. */
  readonly source: SecretSource | undefined;
  /** A program that asks, as `SSH_ASKPASS` names it. */
  readonly program: string | undefined;
}

/**
 * Makes what asks for PINs. A PIN that was read at the start is sent once to each card that has as many tries as it had: one
 * that was wrong is not sent again, and the last try of a card is left to a person.
 */
export async function pinPrompt({ program, source }: PinPlace, terminal: Terminal): Promise<PinPrompt> {
  if (source !== undefined && source.from !== "prompt") return fixedPin(source, terminal);
  if (program !== undefined)
    return async (request) => given(request, await askPass(program, questionOf(request), request.signal));
  const { screen } = terminal;
  if (screen === undefined) {
    return ({ card, name }) => {
      throw noPin(
        `the ${name} of ${card} is needed: give --pin SOURCE or --askpass PROGRAM, or start the agent on a terminal`,
      );
    };
  }
  return async (request) => {
    const { askForSecret } = await import("./secret-prompt.ts");
    const answer = await askForSecret(questionOf(request), screen, request.signal ?? terminal.stop);
    return given(request, answer ? new TextEncoder().encode(answer) : undefined);
  };
}

async function fixedPin(source: SecretSource, terminal: Terminal): Promise<PinPrompt> {
  const pin = new SecretBytes(await new SecretReader(terminal).read(source, "PIN"));
  const tries = new Map<string, number>();
  return ({ card, isLastTry, name, reader, role, triesLeft }) => {
    const key = `${reader}\n${card}\n${role}`;
    const before = tries.get(key);
    if (role !== "user")
      throw noPin(`the ${name} of ${card} is needed, and --pin gives the PIN: use --askpass PROGRAM`);
    if (isLastTry) throw noPin(`one try of the ${name} of ${card} is left: use --pin prompt or --askpass PROGRAM`);
    if (before !== undefined && (triesLeft ?? 0) < before)
      throw noPin(
        `${card} has refused this ${name} before, so it is not sent again: start the agent with the right one`,
      );
    if (triesLeft !== undefined) tries.set(key, triesLeft);
    return pin.use((bytes) => bytes.slice());
  };
}

function given({ card, name }: PinRequest, answer: Uint8Array | undefined): Uint8Array {
  if (answer !== undefined) return answer;
  throw noPin(`the ${name} of ${card} was not given`);
}

function noPin(message: string): SmartCardError {
  return new SmartCardError("cancelled-by-user", message);
}

function questionOf({ card, container, isLastTry, name, triesLeft }: PinRequest): string {
  const tries = triesLeft === undefined ? "" : `, ${triesLeft} ${triesLeft === 1 ? "try" : "tries"} left`;
  const last = isLastTry ? ", and a wrong one blocks it" : "";
  return `${name} of ${card}${container === undefined ? "" : ` for the key ${container.name}`}${tries}${last}`;
}
