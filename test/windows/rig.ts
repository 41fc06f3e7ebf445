// SPDX-License-Identifier: MIT

// Windows' own Node under Wine, with the packed package as npm installs it on Windows. scripts/setup-windows.sh prepares it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { npmIn, packInto } from "../package/packed.ts";
import type { PeerProgram } from "../peers/peers.ts";

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "scard-peers/windows");
const settings = fileURLToPath(new URL("./settings.cjs", import.meta.url));
/** Libraries of Windows that Debian 12's Wine lacks. */
const libraries = join(cache, "dll");
const SETPRIV = "/usr/bin/setpriv";

/** When a program hangs, in milliseconds. No measure of anything: the machine may be busy, and Wine is slow then. */
export const HANG_MS = 900_000;

/** The releases of Node for Windows that the package runs on here. */
export const nodeVersions = [20, 22] as const;
export type NodeVersion = (typeof nodeVersions)[number];

function nodePath(version: NodeVersion): string {
  return join(cache, `node_modules/node-${version}/bin/node.exe`);
}

/** Wine, with what it needs to be the Windows of these tests: for `describePeer`. */
export const windows: PeerProgram = {
  name: "wine",
  remedy: "scripts/setup-windows.sh sets it up, as root on Debian on x86_64.",
  probe: () => {
    const needed = [
      ...nodeVersions.map(nodePath),
      "/usr/bin/x86_64-w64-mingw32-gcc",
      join(libraries, "bcryptprimitives.dll"),
      join(cache, "prefix/made-by"),
    ];
    const missing = needed.find((path) => !existsSync(path));
    return missing === undefined ? undefined : `there is no ${missing}`;
  },
};

/** The path that Windows' programs have for a path of this machine: Wine's drive Z: is the root folder. */
export function windowsPath(path: string): string {
  return `Z:${resolve(path).replaceAll("/", "\\")}`;
}

/** How a program ended, and all that it wrote. The status is Windows' own, modulo 256. */
export interface WindowsEnding {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface WindowsOptions {
  /**
   * Variables of its environment. It has no others but those that Windows gives every program, and these replace
   * those: LOCALAPPDATA, ProgramData, USERPROFILE ...
   */
  readonly env?: Readonly<Record<string, string>>;
  /** The folder that it runs in, as a path of this machine. */
  readonly cwd?: string;
  /** What it reads from its standard input: nothing where this is left out. */
  readonly input?: string;
  /** DLLs that come in place of Wine's own: `winscard=n`. They are looked for in `dllFolder`. */
  readonly dllOverrides?: readonly string[];
  /** A folder in which DLLs are looked for before Wine's own, as a path of this machine. */
  readonly dllFolder?: string;
  /** When it is ended, in milliseconds, if it does not end by itself: {@link HANG_MS} where this is left out. */
  readonly hangMs?: number;
  /** Leaves Windows as Wine has it, without the libraries that scripts/setup-windows.sh adds. */
  readonly withoutLibraries?: boolean;
}

/**
 * A program of Node for Windows that runs. It writes into files, because Node opens no pipe that Wine gives it.
 */
export class WindowsProgram {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #timer: NodeJS.Timeout;
  /** Settles when it has ended. A program that does not end is ended after `hangMs`. */
  readonly ended: Promise<WindowsEnding>;

  constructor(version: NodeVersion, args: readonly string[], options: WindowsOptions = {}) {
    this.#folder = mkdtempSync(join(tmpdir(), "scard-windows-"));
    const at = (name: string): string => join(this.#folder, name);
    writeFileSync(at("input"), options.input ?? "");
    const files = [openSync(at("input"), "r"), openSync(at("stdout"), "w"), openSync(at("stderr"), "w")];
    const command = ["wine", nodePath(version), "--require", windowsPath(settings), ...args];
    const [program = "", ...rest] = existsSync(SETPRIV) ? [SETPRIV, "--pdeathsig", "KILL", ...command] : command;
    const spawned = {
      cwd: options.cwd ?? this.#folder,
      env: environment(options),
      stdio: files as [number, ...number[]],
    };
    this.#child = spawn(program, rest, spawned);
    for (const file of files) closeSync(file);
    this.#timer = setTimeout(() => this.#child.kill("SIGKILL"), options.hangMs ?? HANG_MS);
    this.ended = once(this.#child, "close")
      .then(([status]) => ({ status, stdout: this.stdout, stderr: readFileSync(at("stderr"), "utf8") }))
      .finally(() => {
        clearTimeout(this.#timer);
        rmSync(this.#folder, { recursive: true });
      });
    this.ended.catch(() => {});
  }

  /** What it has written so far. */
  get stdout(): string {
    return readFileSync(join(this.#folder, "stdout"), "utf8");
  }

  /** Ends it, as the system ends a process, without asking. */
  kill(): Promise<WindowsEnding> {
    this.#child.kill("SIGKILL");
    return this.ended;
  }
}

/** Runs Node for Windows to its end. */
export function runNode(
  version: NodeVersion,
  args: readonly string[],
  options: WindowsOptions = {},
): Promise<WindowsEnding> {
  return new WindowsProgram(version, args, options).ended;
}

function environment(options: WindowsOptions): NodeJS.ProcessEnv {
  const { env = {}, dllFolder, dllOverrides = [], withoutLibraries = false } = options;
  const folders = [...(dllFolder === undefined ? [] : [dllFolder]), ...(withoutLibraries ? [] : [libraries])];
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    // In this way of writing characters Wine takes the arguments, and names of files.
    LC_ALL: "C.UTF-8",
    WINEPREFIX: join(cache, "prefix"),
    WINEDEBUG: "-all",
    WINEDLLOVERRIDES: ["mscoree=", "mshtml=", ...dllOverrides].join(";"),
    DISPLAY: "",
    WINEPATH: folders.map(windowsPath).join(";"),
    // Wine replaces some variables at the start of a program: settings.cjs sets them after that.
    SCARD_TEST_ENVIRONMENT: JSON.stringify(env),
  };
}

/** The package, packed, and installed as npm does it on Windows. */
export interface Installed {
  /** The folder of the project it is installed in. */
  readonly folder: string;
  /** Path of the program `scard`, as Windows has it. */
  readonly scard: string;
  remove(): void;
}

/**
 * Packs our package and installs it for Windows into a folder of its own.
 *
 * @param others further packages: `name@version`
 */
export async function installForWindows(others: readonly string[] = []): Promise<Installed> {
  const folder = mkdtempSync(join(tmpdir(), "scard-on-windows-"));
  const tarballs = join(folder, "tarballs");
  mkdirSync(tarballs);
  const { filename } = await packInto(tarballs);
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const options = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--os=win32", "--cpu=x64"];
  await npmIn(folder, ["install", ...options, `./tarballs/${filename}`, ...others]);
  return {
    folder,
    scard: windowsPath(join(folder, "node_modules/scard/dist/bundle/entry/main.js")),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
