// SPDX-License-Identifier: MIT

import { spawn } from "node:child_process";
import { SmartCardError } from "../../port/index.ts";

/** No PIN is longer; a program that writes more is ended. */
const MAX_ANSWER_BYTES = 1024;

/**
 * Asks for a PIN with a program such as those that `SSH_ASKPASS` names: it gets the question as its argument, and prints the
 * answer.
 *
 * @returns undefined where the user has cancelled it, which such a program tells by its exit code
 * @throws invalid-value (the program cannot be started)
 */
export async function askPass(
  program: string,
  question: string,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const child = spawn(program, [question], { stdio: ["ignore", "pipe", "ignore"], ...(signal && { signal }) });
  const pieces: Buffer[] = [];
  let length = 0;
  child.stdout.on("data", (piece: Buffer) => {
    pieces.push(piece);
    length += piece.length;
    if (length > MAX_ANSWER_BYTES) child.kill();
  });
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    return status === 0 ? firstLineOf(pieces, length) : undefined;
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw cannotStart(program, error);
  } finally {
    for (const piece of pieces) piece.fill(0);
  }
}

function cannotStart(program: string, cause: unknown): SmartCardError {
  const message = `${program} cannot be started; name a program that asks for a PIN`;
  return new SmartCardError("invalid-value", message, { operation: "ask for a PIN" }, { cause });
}

function firstLineOf(pieces: readonly Buffer[], length: number): Uint8Array | undefined {
  const whole = Buffer.concat(pieces, length);
  const end = whole.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  const line = new Uint8Array(whole.subarray(0, end < 0 ? whole.length : end));
  whole.fill(0);
  return line.length === 0 ? undefined : line;
}
