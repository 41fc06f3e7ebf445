// SPDX-License-Identifier: MIT

import { constants } from "node:os";
import { UsbError, type UsbFailure } from "../../../readers/ccid/index.ts";
import type { Completing, Completions } from "./completions.ts";
import {
  COMPLETION_SIGNAL,
  decodeUrb,
  encodeUrb,
  readPointer,
  type UsbfsMachine,
  type UsbfsRequests,
  urbBytes,
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

/** A transfer under way. */
interface Transfer {
  /** The structure that the kernel has the address of, and the data: neither may be freed or moved before its end. */
  readonly urb: Uint8Array<ArrayBuffer>;
  readonly data: Uint8Array<ArrayBuffer>;
  ended(status: number, moved: number): void;
}

/**
 * An open device file of usbfs: transfers are handed to the kernel and taken back when they have ended, so nothing waits.
 * The kernel cancels what is under way when the file is closed.
 */
export class UsbfsFile implements Completing {
  readonly #fd: number;
  readonly #calls: UsbfsCalls;
  readonly #requests: UsbfsRequests;
  readonly #completions: Completions;
  /** What messages call the device. */
  readonly #name: string;
  readonly #underWay = new Map<bigint, Transfer>();
  readonly #reaped: Uint8Array<ArrayBuffer>;
  /** Memory for transfers, one for each size that was needed; it is used again. */
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #abandoned = false;

  constructor(fd: number, name: string, calls: UsbfsCalls, completions: Completions) {
    this.#fd = fd;
    this.#name = name;
    this.#calls = calls;
    this.#completions = completions;
    this.#requests = usbfsRequests(calls.machine);
    this.#reaped = new Uint8Array(calls.machine.pointerBytes);
    completions.add(this);
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

  reap(): void {
    while (this.#underWay.size > 0) {
      const result = this.#calls.ioctl(this.#fd, this.#requests.reapUrbNoDelay, this.#reaped);
      if (result === -ENODEV) this.#endAll(-ENODEV);
      if (result !== 0) return;
      const address = readPointer(this.#reaped, this.#calls.machine);
      const transfer = this.#underWay.get(address);
      if (transfer === undefined) continue;
      this.#underWay.delete(address);
      const { status, moved } = decodeUrb(transfer.urb, this.#calls.machine);
      transfer.ended(status, moved);
    }
  }

  /** Ends all transfers as `cancelled`; the file is closed after that. */
  abandon(): void {
    this.#abandoned = true;
    for (const { urb } of this.#underWay.values()) this.#calls.ioctl(this.#fd, this.#requests.discardUrb, urb);
    this.reap();
    this.#completions.delete(this);
    this.#endAll(-ENOENT);
  }

  /** None will be handed back any more. */
  #endAll(status: number): void {
    const left = [...this.#underWay.values()];
    this.#underWay.clear();
    for (const transfer of left) transfer.ended(status, 0);
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
      const { answerAt, outgoing, length } = what;
      const data = this.#memory(length);
      if (outgoing !== undefined) data.set(outgoing);
      const urb = new Uint8Array(urbBytes(this.#calls.machine.pointerBytes));
      const address = this.#calls.address(urb);
      const cancel = (): void => void this.#calls.ioctl(this.#fd, this.#requests.discardUrb, urb);
      const ended = (given: number, moved: number): void => {
        signal.removeEventListener("abort", cancel);
        // The kernel cancels too: when the device is unplugged, or its driver is unbound after a suspend.
        const isCancelled = given === -ENOENT || given === -ECONNRESET;
        const status = isCancelled && !signal.aborted && !this.#abandoned ? -ENODEV : given;
        const start = answerAt ?? 0;
        const answer =
          status === 0 && (outgoing === undefined || answerAt !== undefined)
            ? new Uint8Array(data.subarray(start, start + moved))
            : new Uint8Array();
        // It may have held a PIN, or what a card keeps secret.
        data.fill(0, 0, outgoing === undefined ? Math.min(moved, length) : length);
        this.#free.push(data);
        if (status === 0) resolve(answer);
        else reject(this.#failure(status, "a transfer"));
      };
      const { endpoint, type } = what;
      const buffer = this.#calls.address(data);
      encodeUrb(urb, { type, endpoint, buffer, length, signal: COMPLETION_SIGNAL }, this.#calls.machine);
      this.#underWay.set(address, { urb, data, ended });
      const result = this.#calls.ioctl(this.#fd, this.#requests.submitUrb, urb);
      if (result !== 0) {
        this.#underWay.delete(address);
        ended(result, 0);
        return;
      }
      signal.addEventListener("abort", cancel);
      this.#completions.expect();
    });
  }

  /** Memory that does not move, of at least so many bytes, cleared. */
  #memory(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#free.findIndex((one) => one.length >= length);
    if (at >= 0) return this.#free.splice(at, 1)[0] as Uint8Array<ArrayBuffer>;
    return new Uint8Array(new ArrayBuffer(Math.max(length, 512)));
  }

  #order(request: number, value: number, what: string): void {
    const argument = new Uint8Array(4);
    new DataView(argument.buffer).setUint32(0, value, this.#calls.machine.littleEndian);
    const result = this.#calls.ioctl(this.#fd, request, argument);
    if (result !== 0) throw this.#failure(result, what);
  }

  #failure(status: number, what: string): UsbfsError {
    return new UsbfsError(
      status,
      `${this.#name}: ${what} failed: ${failures.get(-status)?.text ?? errnoName(-status)}`,
    );
  }
}

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
