// SPDX-License-Identifier: MIT

import type { JsonProblem } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { connectUnix, refuseForeignSocket } from "../../platform/node/unix/index.ts";
import { type Clock, errorCodes, reasonIn, SmartCardError } from "../../port/index.ts";
import {
  CONTROL_VERSION,
  type ControlCommand,
  encodeLine,
  LineSplitter,
  MAX_ANSWER_BYTES,
  part,
} from "./control-messages.ts";
import { type ControlResults, problemsOfResult, type ReportedEvent, readTraceLine } from "./control-results.ts";

/** How long to wait for a daemon's answer. */
const ANSWER_WAIT_MS = 10_000;
/** The id of the request whose answer ends a trace. */
const LAST_REQUEST = "last";

/**
 * Asks a daemon something over its control socket.
 *
 * @param path of the control socket
 * @param answerMs how long the daemon may take for its answer, in milliseconds
 * @throws no-service (no daemon listens there), no-access (it belongs to another user, or another user may have created it),
 * timeout, comm-error (the server is not a daemon
 * of this version, or its answer is invalid), and the daemon's refusals
 */
export async function askDaemon<C extends ControlCommand>(
  path: string,
  command: C,
  clock: Clock,
  answerMs: number = ANSWER_WAIT_MS,
): Promise<ControlResults[C["command"]]> {
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
      if (lines[0] !== undefined) return resultOf(lines[0], command, path);
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

/**
 * Has a daemon tell calls and cards, until the signal is aborted. The first element says that it has begun.
 *
 * @param ending when it is aborted, all that has happened until then is still told
 * @throws as {@link askDaemon}; comm-error also when the daemon ends
 */
export async function* traceDaemon(
  path: string,
  command: Extract<ControlCommand, { command: "trace" }>,
  clock: Clock,
  signal: AbortSignal,
  ending?: AbortSignal,
): AsyncGenerator<ReportedEvent, void> {
  refuseForeignSocket(path);
  const client = await connectUnix(path);
  let late = false;
  const close = (): void => client.close();
  const limitWait = (): (() => void) =>
    clock.schedule(ANSWER_WAIT_MS, "control-answer", () => {
      late = true;
      close();
    });
  let cancelTimer = limitWait();
  // What the daemon answers to another request comes behind all that was told before.
  const askLast = (): void => {
    cancelTimer();
    cancelTimer = limitWait();
    client.send(encodeLine({ version: CONTROL_VERSION, id: LAST_REQUEST, command: "readers" }));
  };
  signal.addEventListener("abort", close, { once: true });
  ending?.addEventListener("abort", askLast, { once: true });
  try {
    client.send(encodeLine({ version: CONTROL_VERSION, ...command }));
    if (ending?.aborted) askLast();
    const splitter = new LineSplitter(MAX_ANSWER_BYTES);
    let isAnswered = false;
    for await (const bytes of client.received) {
      const lines = splitter.split(bytes);
      if (lines === "too long") throw failure(path, "what answers is not a scard daemon: a line has no end");
      for (const line of lines) {
        if (!isAnswered) {
          if (!ending?.aborted) cancelTimer();
          yield { begun: resultOf(line, command, path) };
          isAnswered = true;
          continue;
        }
        const json = parsed(line, path);
        if (ending?.aborted && is.problemsIn(lastAnswer, json).length === 0) return;
        yield eventOf(json, path);
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof SmartCardError) throw error;
    if (!late) throw failure(path, "the daemon hung up", error);
  } finally {
    cancelTimer();
    signal.removeEventListener("abort", close);
    ending?.removeEventListener("abort", askLast);
    close();
  }
  if (signal.aborted) return;
  if (late) throw new SmartCardError("timeout", `${path}: no answer within ${ANSWER_WAIT_MS / 1000} s`);
  throw failure(path, "the daemon has ended");
}

function eventOf(json: unknown, path: string): ReportedEvent {
  const read = readTraceLine(json);
  if ("length" in read) throw foreign(read, path);
  return read;
}

const lastAnswer = part({ id: is.words(LAST_REQUEST), ok: is.truth });
const ofThisRelease = part({ version: is.whole(CONTROL_VERSION, CONTROL_VERSION) });
const refusal = part({ code: is.text(100), message: is.text(MAX_ANSWER_BYTES) });
const answerShape = part({ ok: is.truth, result: is.anything.optional(), error: refusal.optional() }).check(
  (answer, place) => {
    if (answer.ok === false && answer.error === undefined) place.at("error").wrong(undefined, refusal.expected);
  },
);

function resultOf<C extends ControlCommand>(line: string, { command }: C, path: string): ControlResults[C["command"]] {
  const json = parsed(line, path);
  if (is.problemsIn(ofThisRelease, json).length > 0)
    throw failure(path, "the daemon is of another release; use the scard that it was started with");
  const answer = is.parseShape(answerShape, json);
  if (!answer.ok) throw foreign(answer.error, path);
  const { ok, error, result } = answer.value;
  if (ok || error === undefined) {
    const problems = problemsOfResult(command, result);
    if (problems.length > 0) throw foreign(problems, path);
    return result as ControlResults[C["command"]];
  }
  const { code, message } = error;
  const known = Object.keys(errorCodes).find((one) => one === code) as keyof typeof errorCodes | undefined;
  throw new SmartCardError(known ?? "unknown-error", known === undefined ? message : reasonIn(message, known));
}

function parsed(line: string, path: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw failure(path, "what answers is not a scard daemon", error);
  }
}

function foreign([problem]: readonly JsonProblem[], path: string): SmartCardError {
  return failure(path, `what answers is not a scard daemon: ${problem?.path} ${problem?.message}`);
}

function failure(path: string, what: string, cause?: unknown): SmartCardError {
  return new SmartCardError("comm-error", `${path}: ${what}`, { operation: "ask the daemon" }, { cause });
}
