// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";

/** How a transfer ended: with its data, halted, or with the device unplugged. */
export type TransferResult = { readonly bytes: Uint8Array } | { readonly failure: "stall" | "gone" | "overflow" };

/** The eight bytes of a control transfer's setup stage, USB 2.0, 9.3. */
export interface Setup {
  readonly requestType: number;
  readonly request: number;
  readonly value: number;
  readonly index: number;
  readonly length: number;
}

/** What the device says of itself, as bytes that go over the bus. */
export interface UsbDescriptors {
  readonly device: Uint8Array;
  readonly configuration: Uint8Array;
  /** String descriptors 1, 2, …. */
  readonly strings: readonly string[];
}

export type UsbSpeed = "full" | "high";

/** One transfer of the host, before the model has seen it. */
export interface TransferStep {
  /** Counts from 1, over the life of the model. */
  readonly number: number;
  readonly kind: "out" | "in" | "control";
  /** bEndpointAddress; 0 for a control transfer. */
  readonly endpoint: number;
}

/** Decides which transfers go wrong: `gone` unplugs the device, `stall` halts the endpoint. */
export type TransferFaults = (step: TransferStep) => "stall" | "gone" | undefined;

interface PendingRead {
  readonly maxBytes: number;
  readonly parts: Uint8Array[];
  received: number;
  done(result: TransferResult): void;
}

/** Bytes that the device has ready on an IN endpoint: one transfer, of which the host has read some. */
interface Ready {
  bytes: Uint8Array;
  /** Whether a packet is still to come after the last byte: the short one that ends a transfer. */
  ends: boolean;
}

interface InEndpoint {
  readonly reads: PendingRead[];
  readonly ready: Ready[];
}

const DEVICE = 1;
const CONFIGURATION = 2;
const STRING = 3;
const ENDPOINT_RECIPIENT = 2;

/**
 * A USB device as the bus sees it: endpoints with their packets, halts, standard requests, plugging in and out. What the
 * device does with the bytes is the subclass's part. Pure code: everything runs in the caller's turn.
 */
export abstract class UsbDeviceModel {
  readonly descriptors: UsbDescriptors;
  readonly speed: UsbSpeed;
  readonly #faults: TransferFaults;
  readonly #ins = new Map<number, InEndpoint>();
  readonly #halted = new Set<number>();
  readonly #watchers = new Set<() => void>();
  #plugged = true;
  #transfers = 0;

  constructor(descriptors: UsbDescriptors, speed: UsbSpeed, faults: TransferFaults = () => undefined) {
    this.descriptors = descriptors;
    this.speed = speed;
    this.#faults = faults;
  }

  get plugged(): boolean {
    return this.#plugged;
  }

  /** Transfers that the host has begun so far. */
  get transfers(): number {
    return this.#transfers;
  }

  /** Pulls the device: every transfer under way ends as `gone`, and its state is lost with the power. */
  unplug(): void {
    if (!this.#plugged) return;
    this.#plugged = false;
    const reads = [...this.#ins.values()].flatMap((endpoint) => endpoint.reads.splice(0));
    this.#ins.clear();
    this.#halted.clear();
    this.powerLost();
    for (const read of reads) read.done({ failure: "gone" });
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Plugs the device in again. */
  plug(): void {
    if (this.#plugged) return;
    this.#plugged = true;
    this.configured();
  }

  /** Calls `watcher` when the device is unplugged. Returns what takes it off. */
  onUnplug(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** A bulk OUT transfer, or a part of one. */
  out(endpoint: number, bytes: Uint8Array): TransferResult {
    const failure = this.#begin("out", endpoint);
    if (failure !== undefined) return { failure };
    this.received(endpoint, bytes);
    return { bytes: new Uint8Array(0) };
  }

  /** A bulk or interrupt IN transfer. Returns what cancels it: `done` is not called then, and bytes that it had got are lost. */
  in(endpoint: number, maxBytes: number, done: (result: TransferResult) => void): () => void {
    const failure = this.#begin("in", endpoint);
    if (failure !== undefined) {
      done({ failure });
      return () => undefined;
    }
    const read: PendingRead = { maxBytes, parts: [], received: 0, done };
    const { reads } = this.#in(endpoint);
    reads.push(read);
    this.#flush(endpoint);
    return () => {
      const index = reads.indexOf(read);
      if (index >= 0) reads.splice(index, 1);
    };
  }

  /** A control transfer. `done` may be called before the call returns. */
  control(setup: Setup, data: Uint8Array, done: (result: TransferResult) => void): () => void {
    const failure = this.#begin("control", 0);
    if (failure !== undefined) {
      done({ failure });
      return () => undefined;
    }
    let open = true;
    const finish = (answer: Uint8Array | undefined): void => {
      if (!open) return;
      open = false;
      stopWatching();
      done(answer === undefined ? { failure: "stall" } : { bytes: answer.subarray(0, setup.length) });
    };
    const stopWatching = this.onUnplug(() => {
      if (open) done({ failure: "gone" });
      open = false;
      stopWatching();
    });
    const isStandard = (setup.requestType & 0x60) === 0;
    const answer = isStandard ? this.#standardRequest(setup) : this.classRequest(setup, data);
    if (answer instanceof Promise) answer.then(finish, () => finish(undefined));
    else finish(answer);
    return () => {
      open = false;
      stopWatching();
    };
  }

  /** CLEAR_FEATURE(ENDPOINT_HALT). */
  clearHalt(address: number): void {
    this.#halted.delete(address);
    this.haltCleared(address);
  }

  /** The largest packet of an endpoint, from its descriptor. */
  maxPacketBytes(address: number): number {
    const { configuration } = this.descriptors;
    for (let at = 0; at < configuration.length; at += configuration[at] || configuration.length) {
      if (configuration[at + 1] === 5 && configuration[at + 2] === address) {
        return (configuration[at + 4] ?? 0) | ((configuration[at + 5] ?? 0) << 8);
      }
    }
    return 64;
  }

  /** Bytes that came on an OUT endpoint. */
  protected abstract received(endpoint: number, bytes: Uint8Array): void;
  /** A class or vendor request; undefined stalls it. */
  protected abstract classRequest(
    setup: Setup,
    data: Uint8Array,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** The device has got its power and its address. */
  protected abstract configured(): void;
  /** The device was unplugged. */
  protected abstract powerLost(): void;
  protected haltCleared(_address: number): void {}

  /**
   * Gives the host a transfer on an IN endpoint. A transfer ends with a packet that is not full, an empty one where the
   * length is a multiple of the packet's (USB 2.0, 5.8.3); `ends` false leaves that one out.
   */
  protected send(address: number, bytes: Uint8Array, ends = true): void {
    if (!this.#plugged) return;
    const isShort = bytes.length % this.maxPacketBytes(address) !== 0 || bytes.length === 0;
    this.#in(address).ready.push({ bytes, ends: isShort || ends });
    this.#flush(address);
  }

  /** What waits on an IN endpoint and was not read. */
  protected drop(address: number): void {
    this.#in(address).ready.length = 0;
  }

  protected waiting(address: number): number {
    return this.#in(address).ready.length;
  }

  /** Halts an endpoint until the host clears it. Transfers under way on it end as `stall`. */
  protected halt(address: number): void {
    if (!this.#plugged) return;
    this.#halted.add(address);
    for (const read of this.#in(address).reads.splice(0)) read.done({ failure: "stall" });
  }

  #begin(kind: TransferStep["kind"], endpoint: number): "stall" | "gone" | undefined {
    if (!this.#plugged) return "gone";
    const fault = this.#faults({ number: ++this.#transfers, kind, endpoint });
    if (fault === "gone") this.unplug();
    if (fault === "stall" && endpoint !== 0) this.#halted.add(endpoint);
    return fault ?? (this.#halted.has(endpoint) ? "stall" : undefined);
  }

  #in(address: number): InEndpoint {
    let endpoint = this.#ins.get(address);
    if (endpoint === undefined) {
      endpoint = { reads: [], ready: [] };
      this.#ins.set(address, endpoint);
    }
    return endpoint;
  }

  /** Carries packets to reads: a read ends at a short packet, or when it is full. */
  #flush(address: number): void {
    const { reads, ready } = this.#in(address);
    const packet = this.maxPacketBytes(address);
    while (!this.#halted.has(address)) {
      const [read] = reads;
      const [next] = ready;
      if (read === undefined || next === undefined) return;
      const room = read.maxBytes - read.received;
      const fits = next.bytes.length <= room;
      if (!fits && room % packet !== 0) {
        // A packet is larger than what is left of the read: the host controller calls that a babble.
        reads.shift();
        next.bytes = next.bytes.subarray(Math.min(room - (room % packet) + packet, next.bytes.length));
        if (next.bytes.length === 0) ready.shift();
        read.done({ failure: "overflow" });
        continue;
      }
      const taken = fits ? next.bytes : next.bytes.subarray(0, room);
      read.parts.push(taken);
      read.received += taken.length;
      const isShort = taken.length === 0 || taken.length % packet !== 0;
      next.bytes = next.bytes.subarray(taken.length);
      // A transfer of full packets is followed by an empty one, which stays at the head of the queue as zero bytes.
      if (isShort || (next.bytes.length === 0 && !next.ends)) ready.shift();
      if (!isShort && read.received < read.maxBytes) continue;
      reads.shift();
      read.done({ bytes: concatBytes(...read.parts) });
    }
  }

  #standardRequest({ requestType, request, value, index }: Setup): Uint8Array | undefined {
    const toEndpoint = (requestType & 0x1f) === ENDPOINT_RECIPIENT;
    switch (request) {
      case 0: // GET_STATUS
        return Uint8Array.of(toEndpoint && this.#halted.has(index & 0xff) ? 1 : 0, 0);
      case 1: // CLEAR_FEATURE
        if (toEndpoint && value === 0) this.clearHalt(index & 0xff);
        return new Uint8Array(0);
      case 3: // SET_FEATURE
        if (toEndpoint && value === 0) this.halt(index & 0xff);
        return new Uint8Array(0);
      case 6: // GET_DESCRIPTOR
        return this.#descriptor(value >> 8, value & 0xff);
      case 8: // GET_CONFIGURATION
        return Uint8Array.of(1);
      case 9: // SET_CONFIGURATION
      case 11: // SET_INTERFACE
        return new Uint8Array(0);
      case 10: // GET_INTERFACE
        return Uint8Array.of(0);
      default:
        return undefined;
    }
  }

  #descriptor(type: number, index: number): Uint8Array | undefined {
    if (type === DEVICE) return this.descriptors.device;
    if (type === CONFIGURATION) return this.descriptors.configuration;
    if (type !== STRING) return undefined;
    if (index === 0) return Uint8Array.of(4, STRING, 0x09, 0x04);
    const text = this.descriptors.strings[index - 1];
    if (text === undefined) return undefined;
    const units = Array.from(text, (character) => character.charCodeAt(0)).flatMap((unit) => [unit & 0xff, unit >> 8]);
    return Uint8Array.of(units.length + 2, STRING, ...units);
  }
}
