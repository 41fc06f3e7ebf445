// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import { readTextFile } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { UsageError } from "./options.ts";
import type { OpenScreen, Terminal } from "./terminal.ts";

/** Where a PIN comes from: never the command line itself, which other programs of the machine can read. */
export type SecretSource =
  | { readonly from: "environment"; readonly name: string }
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "stdin" }
  | { readonly from: "prompt" };

const MAX_SECRET_BYTES = 4096;
/** Of all secrets of a command together. */
const MAX_INPUT_BYTES = 65_536;

/** Reads the value of an option that says where a PIN comes from. A PIN that stands there by mistake is not repeated. */
export function secretSource(option: string, text: string): SecretSource {
  const [, kind, rest] = /^(env|file):(.+)$/s.exec(text) ?? [];
  if (kind === "env" && rest !== undefined) return { from: "environment", name: rest };
  if (kind === "file" && rest !== undefined) return { from: "file", path: rest };
  if (text === "stdin") return { from: "stdin" };
  if (text === "prompt") return { from: "prompt" };
  throw new UsageError(
    `${option} says where the PIN comes from: env:NAME, file:PATH, stdin or prompt; on the command line other programs would see it`,
  );
}

/** Reads PINs in the order in which they are asked for: standard input has one a line. */
export class SecretReader {
  readonly #terminal: Terminal;
  #lines: string[] | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /**
   * @param what for the prompt and for messages: `PIN`
   * @param kind a new one is asked for twice
   * @param otherwise what to do where there is no terminal to ask on
   * @throws UsageError (the variable is not set, standard input has too few lines, there is no terminal, a NUL, no UTF-8), and
   * what reading the file or standard input fails with
   */
  async read(
    source: SecretSource,
    what: string,
    kind: "new" | "known" = "known",
    otherwise = `there is no terminal to ask for the ${what} on: use env:NAME, file:PATH or stdin`,
  ): Promise<Uint8Array> {
    const text = await (source.from === "prompt" ? this.#ask(what, kind, otherwise) : this.#text(source, what));
    if (text === "") throw new UsageError(`the ${what} is empty`);
    // UTF-16 without a mark at its start, or a file that is no text: sent, it would cost a try.
    if (text.includes("\0")) throw new UsageError(`the ${what} has a character NUL: write it as text in UTF-8`);
    return new TextEncoder().encode(text);
  }

  async #text(source: Exclude<SecretSource, { from: "prompt" }>, what: string): Promise<string> {
    switch (source.from) {
      case "environment": {
        const value = this.#terminal.environment[source.name];
        if (value === undefined)
          throw new UsageError(`the ${what} should be in the environment, which has no ${source.name}`);
        return value;
      }
      case "file":
        return firstLine(await readTextFile(source.path, { mostBytes: MAX_SECRET_BYTES }));
      case "stdin": {
        this.#lines ??= (await this.#input(what)).split(/\r\n|[\r\n]/);
        const line = this.#lines.shift();
        if (line === undefined || line === "")
          throw new UsageError(`the ${what} should be the next line of standard input`);
        return line;
      }
    }
  }

  async #input(what: string): Promise<string> {
    const bytes = await this.#terminal.readBytes(MAX_INPUT_BYTES);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch (cause) {
      throw new UsageError(`the ${what} should be a line of standard input, which is not text in UTF-8`, { cause });
    } finally {
      zeroBytes(bytes);
    }
  }

  async #ask(what: string, kind: "new" | "known", otherwise: string): Promise<string> {
    const screen = this.#terminal.openScreen();
    if (screen === undefined) throw new UsageError(otherwise);
    try {
      return await this.#askOn(screen, what, kind);
    } finally {
      screen.close();
    }
  }

  async #askOn(screen: OpenScreen, what: string, kind: "new" | "known"): Promise<string> {
    const { askForSecret } = await import("./secret-prompt.ts");
    const ask = async (question: string): Promise<string> => {
      const answer = await askForSecret(question, screen, this.#terminal.stop);
      if (answer !== undefined) return answer;
      throw new SmartCardError("cancelled-by-user", `no ${what} was given`);
    };
    if (kind === "known") return ask(what);
    const answer = await ask(`new ${what}`);
    if ((await ask(`new ${what} again`)) === answer) return answer;
    throw new SmartCardError("invalid-chv", `the two answers for the new ${what} differ; nothing was changed`);
  }
}

function firstLine(text: string): string {
  return text.split(/\r\n|[\r\n]/)[0] ?? "";
}
