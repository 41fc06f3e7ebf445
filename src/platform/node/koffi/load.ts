// SPDX-License-Identifier: MIT

import { createRequire } from "node:module";
import { packageFailure } from "../runtime/index.ts";

/** A function of a shared library, called on this thread, or with `async` on another one. */
export interface ForeignFunction {
  (...args: readonly unknown[]): number | bigint;
  /** The last argument is told the error, or null, and the result. */
  readonly async: (...args: readonly unknown[]) => void;
}

/** A shared library, as far as it is used here. */
export interface ForeignLibrary {
  /** A function by its C prototype. */
  func(prototype: string): ForeignFunction;
  func(symbol: string, result: string, parameters: readonly string[]): ForeignFunction;
  func(convention: string, symbol: string, result: string, parameters: readonly string[]): ForeignFunction;
}

/** The part of koffi that is used here. Our own type, so that programs which compile against our declarations do not need koffi. */
export interface Koffi {
  /** @param path null for what the program itself is linked with */
  load(path: string | null): ForeignLibrary;
  /** Where bytes lie in memory. */
  address(bytes: Uint8Array): bigint;
  /** `errno` after a call on this thread. */
  errno(): number;
  /** What lies in memory. */
  decode(address: bigint, type: "uint8_t", count: number): Iterable<number>;
  /** What it has for Node alone. Releases before 3 have none. */
  readonly node?: {
    /**
     * Has the event loop of this thread wait for a file: `listener` is called as often as the file is ready, with 0; or once with
     * a negative number, and then no more.
     */
    poll?(fd: number, events: { readonly writable: boolean }, listener: (status: number) => void): WatchedFile;
  };
}

/** A file that the event loop waits for. It is closed before the file is. */
interface WatchedFile {
  close(): void;
  /** It does not keep the process from ending. */
  unref(): void;
}

/** The platforms with a compiled koffi package: its binary for glibc and musl alike on Linux. */
const prebuilt: ReadonlySet<string> = new Set([
  "android-arm64",
  "android-x64",
  "darwin-arm64",
  "darwin-x64",
  "freebsd-arm64",
  "freebsd-ia32",
  "freebsd-x64",
  "linux-arm",
  "linux-arm64",
  "linux-ia32",
  "linux-loong64",
  "linux-ppc64",
  "linux-riscv64",
  "linux-x64",
  "openbsd-arm64",
  "openbsd-ia32",
  "openbsd-x64",
  "win32-arm64",
  "win32-ia32",
  "win32-x64",
]);

/**
 * The packages that have koffi for a machine, the best one first: the compiled one, which is an optional dependency of
 * ours and has no install script, then koffi itself, which compiles itself where nothing is compiled for it.
 */
export function koffiPackages(platform: string, architecture: string): readonly [string, ...string[]] {
  const machine = `${platform}-${architecture}`;
  return prebuilt.has(machine) ? [`@koromix/koffi-${machine}`, "koffi"] : ["koffi"];
}

/** The command that installs it on a machine. */
export function koffiRemedy(platform: string, architecture: string): string {
  return `npm install ${koffiPackages(platform, architecture)[0]}`;
}

/**
 * Loads koffi, which calls functions of shared libraries.
 *
 * @param load loads a package by its name, instead of `require`
 * @throws AggregateError: none of the packages of this machine can be loaded. Its message says what to
 * install, or why one that is installed cannot be loaded; its errors have all causes, one for each package
 */
export function loadKoffi(load: (name: string) => unknown = createRequire(import.meta.url)): Koffi {
  const { arch, platform } = process;
  const names = koffiPackages(platform, arch);
  const errors: unknown[] = [];
  for (const name of names) {
    try {
      const loaded = load(name);
      if (isKoffi(loaded)) return loaded;
      errors.push(new TypeError(`the package ${name} has no load() and address()`));
    } catch (error) {
      errors.push(error);
    }
  }
  const broken = names.flatMap((name, index) => packageFailure(name, errors[index]) ?? []);
  throw new AggregateError(
    errors,
    broken[0] === undefined
      ? `the optional package ${names[0]} is not installed: ${koffiRemedy(platform, arch)}`
      : `the optional package ${broken[0].message}`,
  );
}

function isKoffi(loaded: unknown): loaded is Koffi {
  const { load, address } = Object(loaded) as Partial<Record<keyof Koffi, unknown>>;
  return typeof load === "function" && typeof address === "function";
}
