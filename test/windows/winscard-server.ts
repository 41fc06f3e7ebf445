// SPDX-License-Identifier: MIT

// What the winscard.dll of the tests asks: the functions of Windows over an embedded manager in Windows' profile. The
// DLL checks what it is given, and says here what Windows would refuse.

import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Database, MemoryStore } from "../../src/database/index.ts";
import { WinSCard } from "../../src/faces/winscard/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { type Out, type Parts, reportsOut, serveFunction } from "./winscard-functions.ts";

/** A program that uses the DLL, and what it has open. It has ended when its last thread has hung up. */
interface Program {
  readonly calls: WinSCard;
  readonly contexts: Set<number>;
  threads: number;
}

/** Its manager, whose readers and cards the test moves, and what the DLL said of its caller. */
export class WinscardServer {
  readonly runtime: ReturnType<typeof nodeRuntime> = nodeRuntime();
  readonly manager: EmbeddedManager;
  readonly database: Database = new Database(new MemoryStore());
  /** What Windows would refuse, in the order of the calls. */
  readonly refusals: string[] = [];
  /** How often each function was called, and how often the DLL knew the size of memory that it was given (`sized`). */
  readonly counts: Map<string, number> = new Map();
  /** Calls of SCardGetStatusChange that have not been answered. */
  statusWaits = 0;
  /** Moves a card or a reader, as the program asks. */
  onMove: (move: string) => Promise<void> = async () => {};
  readonly #programs = new Map<number, Program>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => this.#accept(socket));

  /** @param transactionIdleMs when an idle transaction ends: 5 s on Windows. A busy machine takes longer for a test */
  constructor(transactionIdleMs = 600_000) {
    const semantics = { transactionIdleMs };
    this.manager = new EmbeddedManager({ runtime: this.runtime, profile: "windows", semantics });
  }

  /** Contexts and cards that programs have open. */
  get openHandles(): number {
    const counts = [...this.#programs.values()].map(
      ({ calls }) => calls.openHandles.contexts + calls.openHandles.cards,
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Starts it. @returns the port of the loopback address, for the variable SCARD_TEST_WINSCARD of the program */
  async start(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await this.manager.close();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // A program that is ended resets its connections.
    socket.on("error", () => {});
    let program: Program | undefined;
    let received = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 4 && received.length >= 4 + received.readUInt32LE(0)) {
        const size = 4 + received.readUInt32LE(0);
        const parts = partsOf(received.subarray(4, size));
        received = received.subarray(size);
        const name = parts.text("latin1");
        const process = parts.number();
        program ??= this.#joined(process);
        void this.#answer(program, name, parts).then((answer) => socket.writable && socket.write(answer));
      }
    });
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (program !== undefined) void this.#left(program);
    });
  }

  #joined(process: number): Program {
    const client = this.manager.client({ name: `program ${process}` });
    const calls = new WinSCard({
      defaultManager: () => client,
      database: () => this.database,
      clock: this.runtime.clock,
      random: this.runtime.random,
    });
    const program = this.#programs.get(process) ?? { calls, contexts: new Set(), threads: 0 };
    this.#programs.set(process, program);
    program.threads++;
    return program;
  }

  /** Windows releases what a program had, when it ends. */
  async #left(program: Program): Promise<void> {
    program.threads--;
    if (program.threads > 0) return;
    for (const [process, known] of this.#programs) if (known === program) this.#programs.delete(process);
    for (const context of program.contexts) {
      await program.calls.SCardReleaseContext(context as never).catch(() => {});
    }
  }

  async #answer(program: Program, name: string, parts: ReturnType<typeof partsOf>): Promise<Uint8Array> {
    if (name === "refused" || name === "sized") {
      if (name === "refused") this.refusals.push(`${parts.text("latin1")}: ${parts.text("latin1")}`);
      this.#count(name);
      return message(0, []);
    }
    this.#count(name);
    try {
      if (name === "TestMove") {
        await this.onMove(parts.text());
        return message(0, []);
      }
      const isWait = name === "SCardGetStatusChangeW";
      if (isWait) this.statusWaits++;
      const out = await serveFunction(program.calls, name, parts).finally(() => {
        if (isWait) this.statusWaits--;
      });
      if (name === "SCardEstablishContext") program.contexts.add(Number(out[0]));
      return message(0, out);
    } catch (error) {
      if (!(error instanceof SmartCardError)) {
        this.refusals.push(`${name}: ${error instanceof Error ? error.stack : error}`);
        return message(0x8010_0001, []);
      }
      const states = error.code === "timeout" ? (error.details.readerStates ?? []) : [];
      return message(error.rv, reportsOut(states));
    }
  }

  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
}

function partsOf(bytes: Buffer): Parts {
  let at = 0;
  const number = (): number => {
    at += 4;
    return bytes.readUInt32LE(at - 4);
  };
  const take = (): Buffer => {
    const count = number();
    at += count;
    return bytes.subarray(at - count, at);
  };
  return {
    number,
    bytes: () => Uint8Array.from(take()),
    text: (encoding = "utf16le") => take().toString(encoding),
  };
}

function message(code: number, out: readonly Out[]): Uint8Array {
  const parts = [
    dword(code),
    ...out.flatMap((part) => (typeof part === "number" ? [dword(part)] : [dword(part.length), part])),
  ];
  const body = Buffer.concat(parts);
  return Buffer.concat([dword(body.length), body]);
}

function dword(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}
