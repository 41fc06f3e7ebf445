// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../../port/index.ts";
import { type ForeignFunction, type ForeignLibrary, type Koffi, loadKoffi } from "../koffi/index.ts";
import { type Abi, abiOf, type NativeFunction, type ParameterKind, signatures } from "./abi.ts";
import { type DatabaseFunction, databaseSignatures } from "./database-abi.ts";

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
  /** Undefined where the system's library has no functions on a database. */
  readonly database?: DatabaseLibrary;
}

/** The functions on the database, on the devices, the cache and the log. */
export interface DatabaseLibrary {
  /**
   * Calls on another thread, as {@link NativeLibrary.call}.
   *
   * @throws unsupported-feature (this library lacks the function: not every release of Windows has all of them)
   */
  call(name: DatabaseFunction, args: readonly NativeArgument[]): Promise<number>;
  addressOf(bytes: Uint8Array): bigint;
  /** A copy of memory of the library's. */
  read(address: bigint, count: number): Uint8Array;
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
  for (const name of Object.keys(signatures) as NativeFunction[]) {
    functions[name] = declareOne(library, abi, abi.functions[name], signatures[name]);
  }
  const addressOf = (bytes: Uint8Array): bigint => koffi.address(bytes);
  return {
    abi,
    call: (name, args) => onThread(functions[name], args),
    callNow: (name, args) => unsigned(functions[name](...args)),
    addressOf,
    ...(abi.hasDatabase && { database: { ...declareDatabase(koffi, library, abi), addressOf } }),
  };
}

/** Each function is looked for when it is called first. */
function declareDatabase(koffi: Koffi, library: ForeignLibrary, abi: Abi): Omit<DatabaseLibrary, "addressOf"> {
  const functions = new Map<DatabaseFunction, ForeignFunction>();
  return {
    call: async (name, args) => {
      const declared = functions.get(name) ?? declareOne(library, abi, name, databaseSignatures[name]);
      functions.set(name, declared);
      return onThread(declared, args);
    },
    read: (address, count) => Uint8Array.from(koffi.decode(address, "uint8_t", count)),
  };
}

// Bytes are passed by their address. This keeps the buffers of running calls alive.
const passed = new Set<readonly NativeArgument[]>();

function onThread(called: ForeignFunction, args: readonly NativeArgument[]): Promise<number> {
  return new Promise((resolve, reject) => {
    passed.add(args);
    called.async(...args, (error: unknown, result: number | bigint) => {
      passed.delete(args);
      if (error === null) resolve(unsigned(result));
      else reject(error);
    });
  });
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

function declareOne(
  library: ForeignLibrary,
  abi: Abi,
  symbol: string,
  signature: readonly ParameterKind[],
): ForeignFunction {
  const parameters = signature.map((kind) => typeOf(abi, kind));
  const result = abi.dwordBytes === 8 ? "int64_t" : "int32_t";
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
