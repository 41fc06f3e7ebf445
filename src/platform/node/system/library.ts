// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../../port/index.ts";
import { type ForeignFunction, type ForeignLibrary, type Koffi, loadKoffi } from "../koffi/index.ts";
import { type Abi, abiOf, type NativeFunction, type ParameterKind, signatures } from "./abi.ts";

/** An argument of a native call: a number, a handle, an address, bytes by their address, or the null pointer. */
export type NativeArgument = number | bigint | Uint8Array | null;

/** The functions of the library that are used here. They return the LONG, as unsigned 32 bits. */
export interface NativeLibrary {
  readonly abi: Abi;
  /** Calls on another thread. The bytes that are passed must be left alone until it answers. */
  call(name: NativeFunction, args: readonly NativeArgument[]): Promise<number>;
  /** Calls on this thread. */
  callNow(name: NativeFunction, args: readonly NativeArgument[]): number;
  /** The address of bytes in memory. They stay there as long as they are referenced. */
  addressOf(bytes: Uint8Array): bigint;
}

/**
 * Loads the system's library.
 *
 * @param path the library itself; where the system has it otherwise
 * @param load loads koffi @param abi how the library takes its arguments; as those of this system do where this is left out
 * @throws unsupported-feature (the optional package of koffi is not there, or the library lacks a function), no-service
 * (there is no such library: the message says what was tried, and what to install)
 */
export async function loadLibrary(
  path?: string,
  load: () => Koffi = loadKoffi,
  abi: Abi = abiOf(process.platform, process.arch),
): Promise<NativeLibrary> {
  return declare(native(load), abi, path === undefined ? abi.libraries : [path]);
}

function native(load: () => Koffi): Koffi {
  try {
    return load();
  } catch (error) {
    throw unusable(`the system's smart card library is called through koffi; ${messageOf(error)}`, error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unusable(message: string, cause: unknown): SmartCardError {
  return new SmartCardError("unsupported-feature", message, {}, { cause });
}

function declare(koffi: Koffi, abi: Abi, paths: readonly string[]): NativeLibrary {
  const library = open(koffi, abi, paths);
  const functions = {} as Record<NativeFunction, ForeignFunction>;
  for (const name of Object.keys(signatures) as NativeFunction[]) functions[name] = declareOne(library, abi, name);
  // Bytes are passed by their address. This keeps the buffers of running calls alive.
  const passed = new Set<readonly NativeArgument[]>();
  return {
    abi,
    call: (name, args) =>
      new Promise((resolve, reject) => {
        passed.add(args);
        functions[name].async(...args, (error: unknown, result: number | bigint) => {
          passed.delete(args);
          if (error === null) resolve(unsigned(result));
          else reject(error);
        });
      }),
    callNow: (name, args) => unsigned(functions[name](...args)),
    addressOf: (bytes) => koffi.address(bytes),
  };
}

function open(koffi: Koffi, abi: Abi, paths: readonly string[]): ForeignLibrary {
  const failures: string[] = [];
  for (const path of paths) {
    try {
      return koffi.load(path);
    } catch (error) {
      failures.push(`${path} (${messageOf(error)})`);
    }
  }
  throw new SmartCardError("no-service", `there is no smart card library: tried ${failures.join(", ")}. ${abi.remedy}`);
}

function declareOne(library: ForeignLibrary, abi: Abi, name: NativeFunction): ForeignFunction {
  const parameters = signatures[name].map((kind) => typeOf(abi, kind));
  const result = abi.dwordBytes === 8 ? "int64_t" : "int32_t";
  const symbol = abi.functions[name];
  try {
    return abi.convention === undefined
      ? library.func(symbol, result, parameters)
      : library.func(abi.convention, symbol, result, parameters);
  } catch (error) {
    throw unusable(`the smart card library has no function ${symbol}`, error);
  }
}

function typeOf(abi: Abi, kind: ParameterKind): string {
  if (kind === "pointer") return "void *";
  return (kind === "dword" ? abi.dwordBytes : abi.handleBytes) === 8 ? "uint64_t" : "uint32_t";
}

function unsigned(result: number | bigint): number {
  return Number(BigInt.asUintN(32, BigInt(result)));
}
