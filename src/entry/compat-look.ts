// SPDX-License-Identifier: MIT

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { type ErrorCode, errorCodes, type ReaderStateReport, reasonIn, SmartCardError } from "../port/index.ts";

/**
 * A synchronous query of this machine's readers. `smartcard` has synchronous calls, and everything here is asynchronous;
 * so a separate thread makes the query, and this one waits for it.
 */

/** What the thread answers. */
export type LookAnswer =
  | { readonly reports: readonly ReaderStateReport[] }
  | { readonly failed: { readonly code: string; readonly message: string } };

/** What the thread is started with. */
export interface LookRequest {
  readonly port: MessagePort;
  /** One number: how many answers were sent. */
  readonly answers: SharedArrayBuffer;
}

/** How long a look may take, in milliseconds: the first one starts the thread and opens the manager. */
const LONGEST_LOOK_MS = 10_000;

let looker: { readonly port: MessagePort; readonly answers: Int32Array } | undefined;

/**
 * This machine's readers as they are now. It blocks the program meanwhile: some 100 ms the first time, about one later.
 *
 * @throws no-service, timeout, and what else opening the manager fails with
 */
export function lookByWorker(): readonly ReaderStateReport[] {
  looker ??= startLooker();
  const { port, answers } = looker;
  const before = Atomics.load(answers, 0);
  port.postMessage("look");
  if (Atomics.wait(answers, 0, before, LONGEST_LOOK_MS) === "timed-out") {
    // The answer may still come; it would be taken for that of the next look.
    port.close();
    looker = undefined;
    throw new SmartCardError("timeout", `the readers could not be seen within ${LONGEST_LOOK_MS} ms`);
  }
  const received: { message: LookAnswer } | undefined = receiveMessageOnPort(port);
  if (received === undefined) throw new SmartCardError("internal-error", "a look at the readers came to nothing");
  const answer = received.message;
  if ("reports" in answer) return answer.reports;
  const { code, message } = answer.failed;
  const known = isErrorCode(code) ? code : "internal-error";
  // The message has the name of the code in front, which the error puts there itself.
  throw new SmartCardError(known, reasonIn(message, known));
}

function startLooker(): { port: MessagePort; answers: Int32Array } {
  const { port1, port2 } = new MessageChannel();
  const answers = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const workerData: LookRequest = { port: port2, answers };
  // Beside this file, and built as it is.
  const script = new URL(import.meta.url.replace(/[^/]*(\.[jt]s)$/, "compat-look-worker$1"));
  new Worker(script, { workerData, transferList: [port2] }).unref();
  port1.unref();
  return { port: port1, answers: new Int32Array(answers) };
}

function isErrorCode(code: string): code is ErrorCode {
  return code in errorCodes;
}
