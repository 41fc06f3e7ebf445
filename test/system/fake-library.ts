// SPDX-License-Identifier: MIT

import { type Abi, abiOf, type NativeFunction, signatures } from "../../src/platform/node/system/abi.ts";
import type { NativeArgument, NativeLibrary } from "../../src/platform/node/system/library.ts";

/** Where the headers put things: written down here once more, from the headers, for what reads the memory. */
const places = {
  win32: { state: 64, current: 16, event: 20, atrLength: 24, atr: 28, character: 2, dword: 4, handle: 8 },
  darwin: { state: 61, current: 16, event: 20, atrLength: 24, atr: 28, character: 1, dword: 4, handle: 4 },
  linux: { state: 80, current: 16, event: 24, atrLength: 32, atr: 40, character: 1, dword: 8, handle: 8 },
} as const;

/** A reader of the library, with what its SCardGetStatusChange says. */
export interface FakeReader {
  readonly name: string;
  /** Flags, and the event count in the high word. */
  state: number;
  readonly atr: Uint8Array;
}

const TIMEOUT = 0x8010000a;
const CANCELLED = 0x80100002;
const UNKNOWN_READER = 0x80100009;
const NO_READERS = 0x8010002e;

/**
 * A library of another system, as far as a test needs it: functions that find their arguments in memory, where the
 * headers of that system put them. It waits for transactions as those do, without any way to end that.
 */
export class FakeLibrary implements NativeLibrary {
  readonly abi: Abi;
  readonly readers: FakeReader[] = [];
  /** What was called, in order. */
  readonly log: { readonly name: NativeFunction; readonly args: readonly NativeArgument[] }[] = [];
  /** What an exchange, a control command or an attribute answers: a number, or bytes. */
  answers: Partial<Record<NativeFunction, number | Uint8Array>> = {};
  /** What SCardStatus says of the card. */
  cardState = 6;
  /** Whether SCardGetStatusChange says that something has changed when nothing has. */
  isHasty = false;
  readonly #at: (typeof places)[keyof typeof places];
  readonly #memory: { readonly base: bigint; readonly bytes: Uint8Array }[] = [];
  readonly #changes = new Set<(rv: number) => void>();
  readonly #lockWaiters: (() => void)[] = [];
  #isLocked = false;
  // Above all numbers that a double can tell apart, where there is room for it.
  #nextHandle: bigint;

  constructor(platform: keyof typeof places) {
    this.abi = abiOf(platform, "x64");
    this.#at = places[platform];
    this.#nextHandle = this.#at.handle === 8 ? 0xcd12_3456_789a_0001n : 0x7fff_0001n;
  }

  addressOf(bytes: Uint8Array): bigint {
    const base = 0x7ff8_0000_0000n + (BigInt(this.#memory.length) << 24n);
    this.#memory.push({ base, bytes });
    return base;
  }

  async call(name: NativeFunction, args: readonly NativeArgument[]): Promise<number> {
    if (args.length !== signatures[name].length) throw new Error(`${name} got ${args.length} arguments`);
    this.log.push({ name, args: args.map((arg) => (arg instanceof Uint8Array ? arg.slice() : arg)) });
    // As long as it takes to come to another thread.
    await new Promise((resolve) => setImmediate(resolve));
    return this.#do(name, args);
  }

  callNow(name: NativeFunction): number {
    throw new Error(`${name} was called on the main thread`);
  }

  /** How often something was called. */
  count(name: NativeFunction): number {
    return this.log.filter((entry) => entry.name === name).length;
  }

  /** Another program begins a transaction. */
  lock(): void {
    this.#isLocked = true;
  }

  /** It ends its transaction: the longest waiting call continues. */
  unlock(): void {
    this.#isLocked = false;
    this.#lockWaiters.shift()?.();
  }

  get isLocked(): boolean {
    return this.#isLocked;
  }

  /** Says that the readers have changed. */
  changed(rv = 0): void {
    for (const wake of [...this.#changes]) wake(rv);
  }

  async #do(name: NativeFunction, args: readonly NativeArgument[]): Promise<number> {
    switch (name) {
      case "establishContext":
        return this.#newHandle(args[3]);
      case "listReaders":
        return this.readers.length === 0
          ? NO_READERS
          : this.#list(
              this.readers.map((each) => each.name),
              args[2],
              args[3],
            );
      case "listReaderGroups":
        return this.#list(["SCard$DefaultReaders", "Desks"], args[1], args[2]);
      case "getStatusChange":
        return this.#statusChange(bytesOf(args[2]), Number(args[3]), Number(args[1]));
      case "cancel":
        this.changed(CANCELLED);
        return 0;
      case "connect":
        this.#put(args[5], 2);
        return this.#text(bytesOf(args[1])) === this.readers[0]?.name ? this.#newHandle(args[4]) : UNKNOWN_READER;
      case "reconnect":
        this.#put(args[4], 2);
        return 0;
      case "beginTransaction":
        await this.#wait();
        this.#isLocked = true;
        return 0;
      case "endTransaction":
        this.unlock();
        return 0;
      case "status": {
        await this.#wait();
        const atr = this.readers[0]?.atr ?? new Uint8Array();
        this.#put(args[3], this.cardState);
        this.#put(args[4], 2);
        bytesOf(args[5]).set(atr);
        this.#put(args[6], atr.length);
        return 0;
      }
      case "transmit":
        return this.#answer(name, args[5], args[6]);
      case "control":
        return this.#answer(name, args[4], args[6]);
      case "getAttrib":
        return this.#answer(name, args[2], args[3]);
      default:
        return 0;
    }
  }

  #answer(name: NativeFunction, room: NativeArgument | undefined, length: NativeArgument | undefined): number {
    const answer = this.answers[name] ?? 0;
    if (typeof answer === "number") return answer;
    bytesOf(room).set(answer);
    this.#put(length, answer.length);
    return 0;
  }

  async #wait(): Promise<void> {
    if (this.#isLocked) await new Promise<void>((resolve) => this.#lockWaiters.push(resolve));
  }

  #list(names: readonly string[], room: NativeArgument | undefined, length: NativeArgument | undefined): number {
    const text = `${names.join("\0")}\0\0`;
    const encoded = Buffer.from(text, this.#at.character === 2 ? "utf16le" : "utf8");
    bytesOf(room).set(encoded);
    this.#put(length, encoded.length / this.#at.character);
    return 0;
  }

  async #statusChange(memory: Uint8Array, count: number, timeoutMs: number): Promise<number> {
    const view = new DataView(memory.buffer);
    const report = (): boolean => {
      let isChanged = false;
      for (let index = 0; index < count; index++) {
        const at = index * this.#at.state;
        const name = this.#textAt(view.getBigUint64(at, true));
        const current = view.getUint32(at + this.#at.current, true);
        const reader = this.readers.find((each) => each.name === name);
        const isPnp = name === "\\\\?PnP?\\Notification";
        if (reader === undefined && !isPnp) throw new Error(`there is no reader ${name}`);
        // Of the pseudo reader, Windows tells the number of readers, and pcsc-lite 1.9.9 nothing.
        const state = reader?.state ?? (this.abi.system === "windows" ? this.readers.length << 16 : 0);
        const differs = current !== state;
        view.setUint32(at + this.#at.event, differs ? state | 2 : state, true);
        view.setUint32(at + this.#at.atrLength, reader?.atr.length ?? 0, true);
        memory.set(reader?.atr ?? [], at + this.#at.atr);
        isChanged ||= differs;
      }
      return isChanged;
    };
    while (!report() && !this.isHasty) {
      const rv = await new Promise<number>((resolve) => {
        const wake = (value: number): void => {
          clearTimeout(timer);
          this.#changes.delete(wake);
          resolve(value);
        };
        const timer = setTimeout(wake, timeoutMs, TIMEOUT);
        this.#changes.add(wake);
      });
      if (rv !== 0) return rv;
    }
    return 0;
  }

  #newHandle(cell: NativeArgument | undefined): number {
    const bytes = bytesOf(cell);
    const view = new DataView(bytes.buffer);
    if (bytes.length !== this.#at.handle) throw new Error(`a handle has ${bytes.length} bytes`);
    if (this.#at.handle === 8) view.setBigUint64(0, this.#nextHandle++, true);
    else view.setUint32(0, Number(this.#nextHandle++), true);
    return 0;
  }

  #put(cell: NativeArgument | undefined, value: number): void {
    const bytes = bytesOf(cell);
    if (bytes.length !== this.#at.dword) throw new Error(`a DWORD has ${bytes.length} bytes`);
    new DataView(bytes.buffer).setUint32(0, value, true);
  }

  #textAt(address: bigint): string {
    const piece = this.#memory.findLast(({ base, bytes }) => address >= base && address < base + BigInt(bytes.length));
    if (piece === undefined) throw new Error(`nothing lies at ${address}`);
    return this.#text(piece.bytes.subarray(Number(address - piece.base)));
  }

  #text(bytes: Uint8Array): string {
    const text = Buffer.from(bytes).toString(this.#at.character === 2 ? "utf16le" : "utf8");
    return text.slice(0, text.indexOf("\0"));
  }
}

function bytesOf(argument: NativeArgument | undefined): Uint8Array {
  if (!(argument instanceof Uint8Array)) throw new Error(`${argument} is no place in memory`);
  return argument;
}
