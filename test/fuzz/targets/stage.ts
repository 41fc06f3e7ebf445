// SPDX-License-Identifier: MIT

import { hexBytes } from "../../../src/base/binary/index.ts";
import { EmbeddedManager, type ManagerClient } from "../../../src/managers/embedded/index.ts";
import {
  type Connection,
  type Context,
  dispositions,
  errorCodes,
  initializations,
  type Protocol,
  type Reader,
  SmartCardError,
  shareModes,
  type WaitOptions,
} from "../../../src/port/index.ts";
import { SimulatedRuntime } from "../../../src/testing/runtime/index.ts";
import type { Tape } from "../tape.ts";
import { must, Violation } from "../target.ts";

/** Small, so that what has to end does so in a few seconds of virtual time. */
const limits = { operationMs: 4000, abortMs: 500, orphanMs: 500 };
/** Most calls in one history. */
const MOST_CALLS = 80;
/** So long after the last program has left, everything must have ended. */
const LONGEST_MS = 600_000;

const protocolChoices: readonly [readonly Protocol[], ...(readonly Protocol[])[]] = [
  ["t0", "t1"],
  ["t1"],
  ["t0"],
  ["raw"],
  [],
];
const commands = [
  "00A4000000",
  "00B0000000",
  "0020000104",
  "00B00000",
  "80CA9F7F00",
  "00C0000010",
  "00D6000003AABBCC",
].map(hexBytes);

/** One program: a context, and the connections that it has made. */
class Program {
  readonly client: ManagerClient;
  readonly connections: Connection[] = [];
  context: Context | undefined;

  constructor(client: ManagerClient) {
    this.client = client;
  }
}

/**
 * The real manager on a virtual clock, with a reader that may do anything, and two programs whose calls a tape draws. Whatever
 * happens: calls fail with nothing but a `SmartCardError`, all of them end, and in the end nothing is left.
 */
export class Stage {
  readonly runtime: SimulatedRuntime;
  readonly manager: EmbeddedManager;
  readonly #tape: Tape;
  readonly #programs: readonly Program[];
  readonly #pending = new Set<string>();
  #wrong: string | undefined;
  #calls = 0;

  constructor(tape: Tape) {
    this.#tape = tape;
    this.runtime = new SimulatedRuntime({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
    const profile = tape.pick("pcsclite", "windows");
    this.manager = new EmbeddedManager({ runtime: this.runtime, profile, limits });
    this.#programs = ["one", "two"].map((name) => new Program(this.manager.client({ name })));
  }

  /** Calls of both programs until the tape ends, and `upset`, which does what the hostile side wants. */
  async play(reader: string, upset: () => void): Promise<void> {
    const tape = this.#tape;
    for (const program of this.#programs) {
      program.context = await program.client.establishContext();
    }
    for (let count = 0; count < MOST_CALLS && !tape.ended; count++) {
      const program = tape.pick(this.#programs[0] as Program, this.#programs[1] as Program);
      switch (tape.below(8)) {
        case 0:
          upset();
          break;
        case 1:
          await this.runtime.advance(tape.pick(0, 1, 100, 1000, 5000, 20_000));
          break;
        case 2:
          await this.runtime.settle();
          break;
        default:
          this.#call(program, reader);
      }
      if (tape.below(3) !== 0) await this.runtime.settle();
      this.check();
    }
  }

  /** Both programs leave. */
  async end(): Promise<void> {
    const { manager, runtime } = this;
    for (const { client } of this.#programs) this.watch("end of a client", client.end());
    await runtime.advance(LONGEST_MS);
    this.check();
    must(
      this.#pending.size === 0,
      `calls are still waiting when their programs are gone: ${[...this.#pending].join(", ")}`,
    );
    const { clients, readers } = await manager.inspect();
    must(clients.length === 0, `${clients.length} clients are left`);
    for (const { connections, lock, queue } of readers) {
      must(
        connections.length === 0 && lock === undefined && queue.length === 0,
        "a connection, lock or waiter is left",
      );
    }
    this.watch("close", manager.close());
    await runtime.advance(LONGEST_MS);
    this.check();
    must(this.#pending.size === 0, `not over when the manager was closed: ${[...this.#pending].join(", ")}`);
  }

  /** Nothing is left that waits. To be called when the hostile side has nothing more to come. */
  checkTimers(): void {
    const { pendingTimers } = this.runtime;
    must(pendingTimers.length === 0, `timers are left: ${pendingTimers.join(", ")}`);
  }

  /** Notes how a call ends, and what is wrong with it. */
  watch(what: string, call: Promise<unknown>): void {
    const name = `${what} #${this.#calls++}`;
    this.#pending.add(name);
    call.then(
      (value) => {
        this.#pending.delete(name);
        const isBytes = what === "transmit" || what === "control" || what === "get attribute";
        if (isBytes && !(value instanceof Uint8Array))
          this.#wrong ??= `${what} answers ${String(value)}, which is no bytes`;
      },
      (error: unknown) => {
        this.#pending.delete(name);
        if (error instanceof SmartCardError && Object.hasOwn(errorCodes, error.code)) return;
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#wrong ??= `${what} failed with an error other than SmartCardError: ${text.split("\n").slice(0, 3).join(" ")}`;
      },
    );
  }

  check(): void {
    if (this.#wrong !== undefined) throw new Violation(this.#wrong);
  }

  #call({ connections, context }: Program, reader: string): void {
    const tape = this.#tape;
    const connection = connections[tape.below(Math.max(1, connections.length))];
    const wait = { timeoutMs: tape.pick(100, 1000, 20_000) };
    const what = tape.below(14);
    if (context === undefined) return;
    if (connection === undefined || what === 0) {
      const terms = { shareMode: tape.pick(...keysOf(shareModes)), preferredProtocols: tape.pick(...protocolChoices) };
      const connecting = context.connect(reader, { ...terms, ...wait });
      this.watch(
        "connect",
        connecting.then((made) => connections.push(made)),
      );
    } else if (what === 1) {
      this.watch("status change", context.getStatusChange([{ reader, eventCount: tape.byte() }], wait));
      this.watch("list", context.listReaders());
      this.watch("describe", context.describeReader(reader));
    } else if (what === 2) this.watch("cancel", context.cancel());
    else this.watch(...callOf(what, connection, tape, wait));
  }
}

/** One call on a connection, with its name. */
function callOf(what: number, connection: Connection, tape: Tape, wait: WaitOptions): [string, Promise<unknown>] {
  switch (what) {
    case 3:
      return ["disconnect", connection.disconnect(tape.pick(...keysOf(dispositions)))];
    case 4:
      return ["begin", connection.beginTransaction(wait)];
    case 5:
      return ["end", connection.endTransaction(tape.pick(...keysOf(dispositions)))];
    case 6:
      return ["status", connection.status(wait)];
    case 7: {
      const terms = { shareMode: tape.pick(...keysOf(shareModes)), preferredProtocols: tape.pick(...protocolChoices) };
      const initialization = tape.pick(...keysOf(initializations));
      return ["reconnect", connection.reconnect({ ...terms, initialization, ...wait })];
    }
    case 8:
      return ["control", connection.control(tape.pick(0x4200_0d48, 0x4200_0001), tape.bytes(3), wait)];
    case 9: {
      const attribute = tape.pick(0x0009_0303, 0x0001_0100, 0x7fff_0003, 5);
      return ["get attribute", connection.getAttribute(attribute, wait)];
    }
    case 10:
      return ["set attribute", connection.setAttribute(tape.u32(), tape.bytes(2), wait)];
    default:
      return [
        "transmit",
        connection.transmit(commandOf(tape), { ...wait, protocol: tape.pick(undefined, "t0", "t1") }),
      ];
  }
}

/** A command as programs send them, or any bytes. */
export function commandOf(tape: Tape): Uint8Array {
  const which = tape.below(commands.length + 2);
  return commands[which] ?? tape.bytes(tape.below(20));
}

function keysOf<K extends string>(table: Readonly<Record<K, unknown>>): readonly [K, ...K[]] {
  const [first, ...rest] = Object.keys(table) as K[];
  if (first === undefined) throw new Error("an empty table");
  return [first, ...rest];
}

/** Puts a reader into service, as far as it lets itself; undefined where it does not. */
export async function addReader(stage: Stage, reader: Reader): Promise<string | undefined> {
  let name: string | undefined;
  stage.manager.addReader(reader).then(
    (added) => {
      name = added;
    },
    // Failures of the driver's open are passed on: the caller has made the driver, and knows them.
    () => {},
  );
  await stage.runtime.advance(1000);
  return name;
}
