// SPDX-License-Identifier: MIT

import { parseShape, problemsIn } from "../../base/json/index.ts";
import type { UnixConnection } from "../../platform/node/unix/index.ts";
import { SmartCardError } from "../../port/index.ts";
import {
  CONTROL_VERSION,
  type ControlAnswer,
  type ControlCommand,
  controlRequest,
  encodeLine,
  LineSplitter,
  MAX_REQUEST_BYTES,
  requestVersion,
} from "./control-messages.ts";

/** Executes a request; the result is sent as JSON. @throws SmartCardError if it fails */
export type ControlHandler = (command: ControlCommand) => Promise<unknown>;

/** Lines that follow an answer, from one client's view. */
export interface LineStream {
  /** The client's system has taken what was sent. */
  drained(): void;
  end(): void;
}

/** The answer to a request that more lines follow, until the client hangs up. */
export class ControlStream {
  readonly result: object;
  readonly #begin: StreamBegin;

  constructor(result: object, begin: StreamBegin) {
    this.result = result;
    this.#begin = begin;
  }

  /** Begins to send lines, behind the answer. */
  begin(connection: StreamConnection, id: string | number | undefined): LineStream {
    return this.#begin(connection, id);
  }
}

/** What lines go out on. */
export type StreamConnection = Pick<UnixConnection, "send" | "unsentBytes">;
type StreamBegin = (connection: StreamConnection, id: string | number | undefined) => LineStream;

/** Answers the requests that come in on a connection, one after the other. */
export function serveControl(connection: UnixConnection, handle: ControlHandler): void {
  const splitter = new LineSplitter(MAX_REQUEST_BYTES);
  const waiting: string[] = [];
  let busy = false;
  let isClosed = false;
  let lines: LineStream | undefined;
  const answer = async (line: string): Promise<void> => {
    let stream: ControlStream | undefined;
    const answered = await answerTo(line, async (command) => {
      const result = await handle(command);
      if (!(result instanceof ControlStream)) return result;
      if (lines !== undefined) throw new SmartCardError("invalid-parameter", "this connection has a trace already");
      stream = result;
      return result.result;
    });
    if (isClosed) return;
    connection.send(encodeLine(answered));
    lines ??= stream?.begin(connection, answered.id);
  };
  const work = async (): Promise<void> => {
    busy = true;
    connection.pause();
    for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
      await answer(line);
    }
    busy = false;
    connection.resume();
  };
  connection.listen({
    received: (bytes) => {
      const requests = splitter.split(bytes);
      if (requests === "too long") {
        const error = new SmartCardError("invalid-parameter", `a request has at most ${MAX_REQUEST_BYTES} bytes`);
        connection.send(encodeLine(refusal(undefined, error)));
        connection.close("a request was too long");
        return;
      }
      waiting.push(...requests);
      if (!busy && waiting.length > 0) void work();
    },
    drained: () => lines?.drained(),
    closed: () => {
      isClosed = true;
      waiting.length = 0;
      lines?.end();
    },
  });
}

/** The answer to one line. Never rejects for any line. */
export async function answerTo(line: string, handle: ControlHandler): Promise<ControlAnswer> {
  let id: string | number | undefined;
  try {
    const request = parseLine(line);
    id = idOf(request);
    const result = await handle(readCommand(request));
    return { version: CONTROL_VERSION, ...(id !== undefined && { id }), ok: true, result };
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    return refusal(id, error);
  }
}

function refusal(id: string | number | undefined, { code, message }: SmartCardError): ControlAnswer {
  return { version: CONTROL_VERSION, ...(id !== undefined && { id }), ok: false, error: { code, message } };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw notJson(error);
  }
}

function notJson(cause: unknown): SmartCardError {
  return new SmartCardError("invalid-parameter", "a request is one line of JSON", {}, { cause });
}

function idOf(request: unknown): string | number | undefined {
  const id = typeof request === "object" && request !== null && "id" in request ? request.id : undefined;
  return typeof id === "string" || typeof id === "number" ? id : undefined;
}

function readCommand(request: unknown): ControlCommand {
  const parsed = parseShape(controlRequest, request);
  const [problem] = [...problemsIn(requestVersion, request), ...(parsed.ok ? [] : parsed.error)];
  if (!parsed.ok || problem !== undefined)
    throw new SmartCardError("invalid-parameter", `${problem?.path}: ${problem?.message}`);
  const { id: _, version: __, ...command } = parsed.value;
  return command;
}
