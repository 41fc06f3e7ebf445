// SPDX-License-Identifier: MIT

import { MAX_ATR_BYTES } from "../../../port/index.ts";
import { type AnswerMessage, type CallMessage, capabilityTags, MAX_BUFFER_BYTES } from "../../../readers/ifd/index.ts";
import type { ForeignFunction, ForeignLibrary, Koffi } from "../koffi/index.ts";

/** More of koffi than the other rooms use. */
export interface DriverKoffi extends Koffi {
  /** @param options `global`: its symbols serve the libraries that are loaded later; `lazy`: functions are looked up at their first call */
  load(path: string | null, options?: { readonly global?: boolean; readonly lazy?: boolean }): ForeignLibrary;
  struct(name: string, members: Readonly<Record<string, string>>): unknown;
  proto(prototype: string): unknown;
  decode(address: bigint, type: "uint8_t", count: number): Iterable<number>;
  decode(address: bigint, prototype: unknown): ForeignFunction;
}

/** What a call comes to; its number is the caller's. */
export type Outcome = Omit<AnswerMessage, "id">;

/** The functions of ifdhandler.h with their parameters. DWORD is an unsigned long, and RESPONSECODE a long, on Linux. */
const functions = {
  IFDHCreateChannelByName: ["ulong", "str"],
  IFDHCreateChannel: ["ulong", "ulong"],
  IFDHCloseChannel: ["ulong"],
  IFDHGetCapabilities: ["ulong", "ulong", "void *", "void *"],
  IFDHSetCapabilities: ["ulong", "ulong", "ulong", "void *"],
  IFDHSetProtocolParameters: ["ulong", "ulong", "uint8_t", "uint8_t", "uint8_t", "uint8_t"],
  IFDHPowerICC: ["ulong", "ulong", "void *", "void *"],
  IFDHTransmitToICC: ["ulong", "SCARD_IO_HEADER", "void *", "ulong", "void *", "void *", "void *"],
  IFDHICCPresence: ["ulong"],
  IFDHControl: ["ulong", "ulong", "void *", "ulong", "void *", "ulong", "void *"],
} as const;

/** IFDHControl of version 2 of the interface. */
const controlOfVersion2 = ["ulong", "void *", "ulong", "void *", "void *"] as const;

type FunctionName = keyof typeof functions;

/** Functions that a driver may lack: the first tells the versions of the interface apart, and the other is optional. */
const optionalFunctions: ReadonlySet<string> = new Set(["IFDHCreateChannelByName", "IFDHSetProtocolParameters"]);

const IS_64_BIT = process.arch !== "arm" && process.arch !== "ia32";
const LONG_BYTES = IS_64_BIT ? 8 : 4;

/** Room that a driver finds behind what it may write, in bytes: some write more for a capability than they were allowed. */
const SPARE_BYTES = 512;

const noBytes = new Uint8Array(0);

/** A driver written for pcsc-lite, loaded into this process. Its calls are made on other threads. */
export class DriverLibrary {
  /** 3 where it has IFDHCreateChannelByName; the two versions have different functions IFDHControl. */
  readonly version: 2 | 3;
  readonly #koffi: DriverKoffi;
  readonly #functions: ReadonlyMap<FunctionName, ForeignFunction>;
  readonly #polling: unknown;
  readonly #stopPolling: unknown;

  /** @throws Error (it cannot be loaded, or lacks functions): the loader's own words, or which functions */
  constructor(koffi: DriverKoffi, path: string) {
    this.#koffi = koffi;
    koffi.struct("SCARD_IO_HEADER", { Protocol: "ulong", Length: "ulong" });
    this.#polling = koffi.proto("long IfdPollingFunction(ulong, int)");
    this.#stopPolling = koffi.proto("long IfdStopPollingFunction(ulong)");
    const library = koffi.load(path, { lazy: true });
    this.version = find(library, "IFDHCreateChannelByName", functions.IFDHCreateChannelByName) === undefined ? 2 : 3;
    const found = new Map<FunctionName, ForeignFunction>();
    for (const name of Object.keys(functions) as FunctionName[]) {
      const isOldControl = name === "IFDHControl" && this.version === 2;
      const one = find(library, name, isOldControl ? controlOfVersion2 : functions[name]);
      if (one !== undefined) found.set(name, one);
    }
    this.#functions = found;
    const missing = (Object.keys(functions) as FunctionName[]).filter(
      (name) => !found.has(name) && !optionalFunctions.has(name),
    );
    if (missing.length > 0) throw new Error(`it has no ${missing.join(", ")}, which a driver of pcsc-lite has`);
  }

  /** Makes a call. */
  async call({ argument, call, data, lun, room }: CallMessage): Promise<Outcome> {
    switch (call) {
      case "load":
        return failed("a driver is loaded already");
      case "create-channel-by-name":
        return this.#simple("IFDHCreateChannelByName", lun, new TextDecoder().decode(data));
      case "create-channel":
        return this.#simple("IFDHCreateChannel", lun, argument);
      case "close-channel":
        return this.#simple("IFDHCloseChannel", lun);
      case "presence":
        return this.#simple("IFDHICCPresence", lun);
      case "power":
        return this.#power(lun, argument);
      case "set-protocol":
        return this.#simple("IFDHSetProtocolParameters", lun, argument, 0, 0, 0, 0);
      case "transmit":
        return this.#transmit(lun, argument, data);
      case "control":
        return this.#control(lun, argument, data);
      case "capability":
        return this.#capability(lun, argument, room);
      case "has-polling":
        return returned(
          0,
          Uint8Array.of((await this.#address(lun, "TAG_IFD_POLLING_THREAD_WITH_TIMEOUT")) === undefined ? 0 : 1),
        );
      case "poll":
        return this.#pointed(lun, "TAG_IFD_POLLING_THREAD_WITH_TIMEOUT", this.#polling, argument);
      case "stop-polling":
        return this.#pointed(lun, "TAG_IFD_STOP_POLLING_THREAD", this.#stopPolling);
      case "device-removed":
        return this.#deviceRemoved(lun);
    }
  }

  async #simple(name: FunctionName, ...args: readonly unknown[]): Promise<Outcome> {
    const one = this.#functions.get(name);
    return one === undefined ? missing : returned(await run(one, ...args));
  }

  async #power(lun: number, action: number): Promise<Outcome> {
    const atr = new Uint8Array(MAX_ATR_BYTES + SPARE_BYTES);
    const length = new Long(MAX_ATR_BYTES);
    const { code } = await this.#simple("IFDHPowerICC", lun, action, atr, length.bytes);
    return withBytes(code, atr, length.value, MAX_ATR_BYTES);
  }

  async #transmit(lun: number, protocol: number, command: Uint8Array): Promise<Outcome> {
    const response = new Uint8Array(MAX_BUFFER_BYTES + SPARE_BYTES);
    const length = new Long(MAX_BUFFER_BYTES);
    // SCARD_IO_HEADER: protocol, and the length of a SCARD_IO_REQUEST.
    const sent = { Protocol: protocol, Length: 2 * LONG_BYTES };
    const received = new Uint8Array(2 * LONG_BYTES);
    try {
      const args = [lun, sent, command, command.length, response, length.bytes, received];
      const { code } = await this.#simple("IFDHTransmitToICC", ...args);
      return withBytes(code, response, length.value, MAX_BUFFER_BYTES);
    } finally {
      response.fill(0);
    }
  }

  async #control(lun: number, code: number, input: Uint8Array): Promise<Outcome> {
    const output = new Uint8Array(MAX_BUFFER_BYTES + SPARE_BYTES);
    const length = new Long(this.version === 2 ? MAX_BUFFER_BYTES : 0);
    try {
      const args = [...(this.version === 2 ? [] : [code]), input, input.length, output];
      const result =
        this.version === 2
          ? await this.#simple("IFDHControl", lun, ...args, length.bytes)
          : await this.#simple("IFDHControl", lun, ...args, MAX_BUFFER_BYTES, length.bytes);
      return withBytes(result.code, output, length.value, MAX_BUFFER_BYTES);
    } finally {
      output.fill(0);
    }
  }

  async #capability(lun: number, tag: number, room: number): Promise<Outcome> {
    const value = new Uint8Array(room + SPARE_BYTES);
    const length = new Long(room);
    const { code } = await this.#simple("IFDHGetCapabilities", lun, tag, length.bytes, value);
    return withBytes(code, value, length.value, room);
  }

  async #deviceRemoved(lun: number): Promise<Outcome> {
    const tag = capabilityTags.TAG_IFD_DEVICE_REMOVED;
    const { code, data, outcome } = await this.#capability(lun, tag, 1);
    if (outcome !== "returned" || code !== 0 || data[0] !== 1) return missing;
    return this.#simple("IFDHSetCapabilities", lun, tag, 1, Uint8Array.of(1));
  }

  /** The address of a function that the driver gives as a capability. */
  async #address(lun: number, tag: keyof typeof capabilityTags): Promise<bigint | undefined> {
    const { code, data, outcome } = await this.#capability(lun, capabilityTags[tag], LONG_BYTES);
    if (outcome !== "returned" || code !== 0 || data.length !== LONG_BYTES) return undefined;
    const address = new Long(0, data).wide;
    return address === 0n ? undefined : address;
  }

  async #pointed(
    lun: number,
    tag: keyof typeof capabilityTags,
    prototype: unknown,
    ...args: readonly unknown[]
  ): Promise<Outcome> {
    const address = await this.#address(lun, tag);
    return address === undefined ? missing : returned(await run(this.#koffi.decode(address, prototype), lun, ...args));
  }
}

/** An unsigned long in memory. */
class Long {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(value: number, bytes: Uint8Array = new Uint8Array(LONG_BYTES)) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (value > 0) this.#view.setUint32(0, value, true);
  }

  get wide(): bigint {
    return IS_64_BIT ? this.#view.getBigUint64(0, true) : BigInt(this.#view.getUint32(0, true));
  }

  get value(): number {
    return Number(this.wide);
  }
}

const missing: Outcome = { outcome: "missing", code: 0, data: noBytes };

function returned(code: number, data: Uint8Array = noBytes): Outcome {
  return { outcome: "returned", code, data };
}

function failed(reason: string): Outcome {
  return { outcome: "failed", code: 0, data: new TextEncoder().encode(reason) };
}

/** What a driver has written. With an error it may leave the length as it was: nothing counts then. */
function withBytes(code: number, bytes: Uint8Array, length: number, room: number): Outcome {
  if (code !== 0) return returned(code);
  if (length > room) return failed(`it names ${length} bytes where ${room} have room`);
  return returned(code, bytes.slice(0, length));
}

/** A function of a library, which some systems name with an underscore in front. */
function find(library: ForeignLibrary, name: string, parameters: readonly string[]): ForeignFunction | undefined {
  for (const symbol of [`_${name}`, name]) {
    try {
      return library.func(symbol, "long", parameters);
    } catch {
      // It is not there by this name.
    }
  }
  return undefined;
}

/** Calls a function on another thread. */
function run(one: ForeignFunction, ...args: readonly unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    one.async(...args, (error: unknown, result: number | bigint) => {
      if (error === null || error === undefined) resolve(Number(BigInt.asIntN(32, BigInt(result))));
      else reject(error);
    });
  });
}
