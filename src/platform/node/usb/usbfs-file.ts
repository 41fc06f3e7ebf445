// SPDX-License-Identifier: MIT

import { constants } from "node:os";
import { UsbError, type UsbFailure } from "../../../readers/ccid/index.ts";
import type { Completing, Completions } from "./completions.ts";
import {
  COMPLETION_SIGNAL,
  encodeUrb,
  readPointer,
  type UsbfsMachine,
  type UsbfsRequests,
  urbBytes,
  urbMoved,
  urbStatus,
  urbTypes,
  usbfsMachine,
  usbfsRequests,
} from "./usbfs-abi.ts";

/** The two calls that usbfs needs of the system, for this machine. */
export interface UsbfsCalls {
  readonly machine: UsbfsMachine;
  /** `ioctl(2)` with an address; answers with a negative errno where it fails. It does not wait. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** Where bytes lie in memory; they stay there. */
  address(bytes: Uint8Array): bigint;
}

/** The part of koffi that is used for it. */
export interface UsbfsKoffi {
  load(path: null): { func(prototype: string): (...args: readonly unknown[]) => number | bigint };
  address(bytes: Uint8Array): bigint;
  errno(): number;
}

export function usbfsCalls(koffi: UsbfsKoffi, machine: UsbfsMachine = usbfsMachine()): UsbfsCalls {
  const ioctl = koffi.load(null).func("int ioctl(int fd, unsigned long request, void *argument)");
  return {
    machine,
    ioctl: (fd, request, argument) => (Number(ioctl(fd, request, argument)) < 0 ? -koffi.errno() : 0),
    address: (bytes) => koffi.address(bytes),
  };
}

/** The kernel allocates the memory of a transfer in one piece where the bus cannot gather it: on ENOMEM it goes in such pieces. */
const PIECE_BYTES = 16_384;

const { EBUSY, EINVAL, ENODEV, ENOENT, ENOMEM, EOVERFLOW, EPERM, EPIPE, EACCES, ECONNRESET } = constants.errno;
/** Not in Node's list: Linux, asm-generic/errno.h (MIPS: 143). */
const ESHUTDOWN = 108;

/** A setup packet, 8 bytes (USB 2.0, table 9-2). */
const SETUP_BYTES = 8;

/** The least room for data: most messages fit. */
const LEAST_ROOM_BYTES = 512;

/**
 * Memory for one transfer: the structure that the kernel has the address of, and the data. Neither may be freed or moved before
 * its end. It is used again, so that a transfer allocates nothing.
 */
interface TransferMemory {
  readonly urb: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  readonly address: bigint;
  readonly data: Uint8Array<ArrayBuffer>;
  readonly dataAddress: bigint;
}

/** What is listened to for a signal, and what it cancels. */
interface Cancel {
  readonly transfers: Set<TransferMemory>;
  readonly listener: () => void;
}

/** Signals that are listened to at once, beyond those that have a transfer under way: more than a driver has. */
const KEPT_SIGNALS = 8;

/** A transfer under way. */
interface Transfer {
  readonly memory: TransferMemory;
  readonly type: number;
  ended(status: number, moved: number): void;
}

/**
 * An open device file of usbfs: transfers are handed to the kernel and taken back when they have ended, so nothing waits.
 * The kernel cancels what is under way when the file is closed.
 */
export class UsbfsFile implements Completing {
  readonly fd: number;
  readonly #calls: UsbfsCalls;
  readonly #requests: UsbfsRequests;
  readonly #completions: Completions;
  /** What messages call the device. */
  readonly #name: string;
  readonly #underWay = new Map<bigint, Transfer>();
  /** Transfers under way that end soon: all but those that wait for a card. */
  #soon = 0;
  readonly #reaped: Uint8Array<ArrayBuffer>;
  readonly #reapedView: DataView;
  /** Memory of transfers that have ended: no more pieces than were ever under way at once. */
  readonly #free: TransferMemory[] = [];
  readonly #told: "watched" | "signal";
  /** The signals that cancel transfers, each listened to once: a driver has few for many transfers. */
  readonly #cancels = new Map<AbortSignal, Cancel>();
  #abandoned = false;

  constructor(fd: number, name: string, calls: UsbfsCalls, completions: Completions) {
    this.fd = fd;
    this.#name = name;
    this.#calls = calls;
    this.#completions = completions;
    this.#requests = usbfsRequests(calls.machine);
    this.#reaped = new Uint8Array(new ArrayBuffer(calls.machine.pointerBytes));
    this.#reapedView = new DataView(this.#reaped.buffer);
    this.#told = completions.add(this);
  }

  /** @throws UsbError: busy, gone */
  claim(interfaceNumber: number): void {
    this.#order(this.#requests.claimInterface, interfaceNumber, `claim interface ${interfaceNumber}`);
  }

  release(interfaceNumber: number): void {
    this.#order(this.#requests.releaseInterface, interfaceNumber, `release interface ${interfaceNumber}`);
  }

  /** Has the host begin an endpoint anew, after the device has (CLEAR_FEATURE). */
  resetEndpoint(address: number): void {
    this.#order(this.#requests.resetEndpoint, address, "reset an endpoint");
  }

  async send(endpoint: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const type = urbTypes.bulk;
    try {
      await this.#transfer({ type, endpoint, outgoing: bytes, length: bytes.length }, signal);
    } catch (error) {
      if (!isOutOfMemory(error) || bytes.length <= PIECE_BYTES) throw error;
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        const outgoing = bytes.subarray(at, at + PIECE_BYTES);
        await this.#transfer({ type, endpoint, outgoing, length: outgoing.length }, signal);
      }
    }
  }

  async receive(
    kind: "bulk" | "interrupt",
    endpoint: number,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const type = urbTypes[kind];
    try {
      return await this.#transfer({ type, endpoint, length: maxBytes }, signal);
    } catch (error) {
      if (!isOutOfMemory(error) || maxBytes <= PIECE_BYTES) throw error;
      return this.#receiveInPieces(type, endpoint, maxBytes, signal);
    }
  }

  /** A control transfer; `outgoing` goes to the device, or else up to `length` bytes come from it. */
  async control(
    setup: Uint8Array,
    outgoing: Uint8Array | undefined,
    length: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const bytes = new Uint8Array(SETUP_BYTES + (outgoing?.length ?? length));
    bytes.set(setup);
    if (outgoing !== undefined) bytes.set(outgoing, SETUP_BYTES);
    const type = urbTypes.control;
    return this.#transfer(
      {
        type,
        endpoint: 0,
        outgoing: bytes,
        length: bytes.length,
        ...(outgoing === undefined && { answerAt: SETUP_BYTES }),
      },
      signal,
    );
  }

  reap(isLast: boolean): void {
    // A file that is watched is told again as long as there is something to take: where only a card is waited for, that
    // saves a look. After the last time nothing is told.
    const isThrifty = this.#told === "watched" && !isLast;
    while (this.#reapOne()) if (isThrifty && this.#soon === 0) return;
  }

  /** Takes one transfer that has ended. Answers whether there was one. */
  #reapOne(): boolean {
    if (this.#underWay.size === 0) return false;
    const { machine } = this.#calls;
    const result = this.#calls.ioctl(this.fd, this.#requests.reapUrbNoDelay, this.#reaped);
    if (result === -ENODEV) this.#endAll(-ENODEV);
    if (result !== 0) return false;
    const transfer = this.#underWay.get(readPointer(this.#reapedView, machine));
    if (transfer === undefined) return true;
    const { view } = transfer.memory;
    this.#over(transfer, urbStatus(view, machine), urbMoved(view, machine));
    return true;
  }

  /** Ends all transfers as `cancelled`; the file is closed after that. */
  abandon(): void {
    this.#abandoned = true;
    for (const { memory } of this.#underWay.values()) this.#discard(memory);
    while (this.#reapOne());
    this.#completions.delete(this);
    this.#endAll(-ENOENT);
    this.#forgetSignals();
  }

  #discard({ urb }: TransferMemory): void {
    this.#calls.ioctl(this.fd, this.#requests.discardUrb, urb);
  }

  /** None will be handed back any more. */
  #endAll(status: number): void {
    for (const transfer of [...this.#underWay.values()]) this.#over(transfer, status, 0);
  }

  #over(transfer: Transfer, status: number, moved: number): void {
    this.#underWay.delete(transfer.memory.address);
    if (transfer.type !== urbTypes.interrupt) this.#soon--;
    transfer.ended(status, moved);
  }

  async #receiveInPieces(type: number, endpoint: number, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const whole = new Uint8Array(maxBytes);
    let filled = 0;
    while (filled < maxBytes) {
      const length = Math.min(PIECE_BYTES, maxBytes - filled);
      const piece = await this.#transfer({ type, endpoint, length }, signal);
      whole.set(piece, filled);
      filled += piece.length;
      piece.fill(0);
      if (piece.length < length) break;
    }
    return whole.subarray(0, filled);
  }

  #transfer(what: TransferOrder, signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(this.#failure(-ENOENT, "a transfer"));
        return;
      }
      const { answerAt, endpoint, outgoing, length, type } = what;
      const memory = this.#memory(length);
      const { data, view } = memory;
      if (outgoing !== undefined) data.set(outgoing);
      const { transfers } = this.#cancelOf(signal);
      const ended = (given: number, moved: number): void => {
        transfers.delete(memory);
        // The kernel cancels too: when the device is unplugged, or its driver is unbound after a suspend.
        const isCancelled = given === -ENOENT || given === -ECONNRESET;
        const status = isCancelled && !signal.aborted && !this.#abandoned ? -ENODEV : given;
        const start = answerAt ?? 0;
        const answer =
          status === 0 && (outgoing === undefined || answerAt !== undefined)
            ? data.slice(start, start + moved)
            : noBytes;
        // It may have held a PIN, or what a card keeps secret.
        data.fill(0, 0, outgoing === undefined ? Math.min(moved, length) : length);
        this.#free.push(memory);
        if (status === 0) resolve(answer);
        else reject(this.#failure(status, "a transfer"));
      };
      const transferSignal = this.#told === "signal" ? COMPLETION_SIGNAL : 0;
      const urb = { type, endpoint, buffer: memory.dataAddress, length, signal: transferSignal };
      encodeUrb(view, urb, this.#calls.machine);
      const transfer: Transfer = { memory, type, ended };
      this.#underWay.set(memory.address, transfer);
      if (type !== urbTypes.interrupt) this.#soon++;
      const result = this.#calls.ioctl(this.fd, this.#requests.submitUrb, memory.urb);
      if (result !== 0) {
        this.#over(transfer, result, 0);
        return;
      }
      transfers.add(memory);
      if (this.#told === "signal") this.#completions.expect();
    });
  }

  #cancelOf(signal: AbortSignal): Cancel {
    const known = this.#cancels.get(signal);
    if (known !== undefined) return known;
    if (this.#cancels.size >= KEPT_SIGNALS) this.#forgetSignals();
    const transfers = new Set<TransferMemory>();
    const listener = (): void => {
      for (const memory of transfers) this.#discard(memory);
    };
    signal.addEventListener("abort", listener);
    const cancel = { transfers, listener };
    this.#cancels.set(signal, cancel);
    return cancel;
  }

  /** Listens no more to signals that cancel nothing now. */
  #forgetSignals(): void {
    for (const [signal, { listener, transfers }] of this.#cancels) {
      if (transfers.size > 0) continue;
      signal.removeEventListener("abort", listener);
      this.#cancels.delete(signal);
    }
  }

  /** Memory that does not move, for at least so many bytes, which are 0: the smallest that is free. */
  #memory(length: number): TransferMemory {
    let best = -1;
    this.#free.forEach(({ data }, index) => {
      const isBetter = best < 0 || data.length < (this.#free[best]?.data.length ?? 0);
      if (data.length >= length && isBetter) best = index;
    });
    const [found] = best < 0 ? [] : this.#free.splice(best, 1);
    if (found !== undefined) return found;
    const urb = new Uint8Array(new ArrayBuffer(urbBytes(this.#calls.machine.pointerBytes)));
    const data = new Uint8Array(new ArrayBuffer(Math.max(length, LEAST_ROOM_BYTES)));
    const [address, dataAddress] = [this.#calls.address(urb), this.#calls.address(data)];
    return { urb, view: new DataView(urb.buffer), address, data, dataAddress };
  }

  #order(request: number, value: number, what: string): void {
    const argument = new Uint8Array(4);
    new DataView(argument.buffer).setUint32(0, value, this.#calls.machine.littleEndian);
    const result = this.#calls.ioctl(this.fd, request, argument);
    if (result !== 0) throw this.#failure(result, what);
  }

  #failure(status: number, what: string): UsbfsError {
    return new UsbfsError(
      status,
      `${this.#name}: ${what} failed: ${failures.get(-status)?.text ?? errnoName(-status)}`,
    );
  }
}

const noBytes = new Uint8Array(0);

/** A transfer that is ordered. */
interface TransferOrder {
  readonly type: number;
  readonly endpoint: number;
  readonly length: number;
  /** What goes out; with `answerAt` it is the setup packet of a request that is answered. */
  readonly outgoing?: Uint8Array;
  /** Where the answer begins in the data of a control transfer. */
  readonly answerAt?: number;
}

/** A failure of usbfs, with the kernel's own number. */
class UsbfsError extends UsbError {
  /** Negative errno. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(failures.get(-status)?.failure ?? "io", message);
    this.status = status;
  }
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof UsbfsError && error.status === -ENOMEM;
}

/** What the kernel's numbers mean: Documentation/driver-api/usb/error-codes.rst. */
const failures: ReadonlyMap<number, { readonly failure: UsbFailure; readonly text: string }> = new Map([
  [EPIPE, { failure: "stall", text: "the device refused it (stall)" }],
  [ENODEV, { failure: "gone", text: "the device is unplugged" }],
  [ESHUTDOWN, { failure: "gone", text: "the device is unplugged" }],
  [ENOENT, { failure: "cancelled", text: "it was cancelled" }],
  [ECONNRESET, { failure: "cancelled", text: "it was cancelled" }],
  [EOVERFLOW, { failure: "overflow", text: "the device sent more than was asked for" }],
  [EBUSY, { failure: "busy", text: "another driver or program has the interface" }],
  [EACCES, { failure: "access-denied", text: "no permission" }],
  [EPERM, { failure: "access-denied", text: "no permission" }],
  [ENOMEM, { failure: "io", text: "the kernel has no memory for it" }],
  [EINVAL, { failure: "io", text: "the kernel does not take it (EINVAL)" }],
]);

function errnoName(errno: number): string {
  const [name] = Object.entries(constants.errno).find(([, value]) => value === errno) ?? [];
  return name ?? `error ${errno}`;
}
