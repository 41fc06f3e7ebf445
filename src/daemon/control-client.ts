// SPDX-License-Identifier: MIT

import { connectUnix, refuseForeignSocket } from "../edge/unix/index.ts";
import { type Clock, errorCodes, SmartCardError } from "../pcsc/index.ts";
import {
  CONTROL_VERSION,
  type ControlAnswer,
  type ControlCommand,
  encodeLine,
  LineSplitter,
  MAX_ANSWER_BYTES,
} from "./control-messages.ts";

/** A daemon that does not answer for so long is not waited for. */
const ANSWER_WAIT_MS = 10_000;

/**
 * Asks a daemon something over its control socket.
 *
 * @param path of the control socket
 * @param answerMs how long the daemon may take for its answer, in milliseconds
 * @throws no-service (no daemon listens there), no-access (it is another user's, or may be one that another user has put
 * there), timeout, comm-error (what answers is
 * no daemon of this version), and what the daemon refuses with
 */
export async function askDaemon(
  path: string,
  command: ControlCommand,
  clock: Clock,
  answerMs: number = ANSWER_WAIT_MS,
): Promise<unknown> {
  refuseForeignSocket(path);
  const client = await connectUnix(path);
  let late = false;
  const cancelTimer = clock.schedule(answerMs, "control-answer", () => {
    late = true;
    client.close();
  });
  try {
    client.send(encodeLine({ version: CONTROL_VERSION, ...command }));
    const splitter = new LineSplitter(MAX_ANSWER_BYTES);
    for await (const bytes of client.received) {
      const lines = splitter.split(bytes);
      if (lines === "too long") break;
      if (lines[0] !== undefined) return resultOf(lines[0], path);
    }
  } catch (error) {
    if (error instanceof SmartCardError) throw error;
    if (!late) throw failure(path, "the daemon hung up", error);
  } finally {
    cancelTimer();
    client.close();
  }
  if (late) throw new SmartCardError("timeout", `${path}: no answer within ${answerMs / 1000} s`);
  throw failure(path, "the connection ended without an answer");
}

function resultOf(line: string, path: string): unknown {
  let answer: ControlAnswer;
  try {
    answer = JSON.parse(line) as ControlAnswer;
  } catch (error) {
    throw failure(path, "what answers is no daemon of scard's", error);
  }
  if (answer?.version !== CONTROL_VERSION) {
    throw failure(path, "the daemon is of another release; use the scard that it was started with");
  }
  if (answer.ok) return answer.result;
  const code = Object.keys(errorCodes).find((known) => known === answer.error.code) as keyof typeof errorCodes;
  throw new SmartCardError(code ?? "unknown-error", answer.error.message.replace(/^\w+: /, ""));
}

function failure(path: string, what: string, cause?: unknown): SmartCardError {
  return new SmartCardError("comm-error", `${path}: ${what}`, { operation: "ask the daemon" }, { cause });
}
