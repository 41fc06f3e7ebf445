// SPDX-License-Identifier: MIT

/**
 * The program that a driver written for pcsc-lite runs in: `start-driver.ts` starts one for each reader. It reads calls from file
 * descriptor 3 and writes answers there. It ends with its parent, whatever happens to either.
 */

import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { decodeCall, encodeAnswer, MAX_CALL_BYTES, MessageDecoder } from "../../../readers/ifd/index.ts";
import { loadKoffi } from "../koffi/index.ts";
import { type DriverKoffi, DriverLibrary, type Outcome } from "./driver-library.ts";
import { hostObject } from "./host-object.ts";

const [parent = ""] = process.argv.slice(2);

/** PR_SET_PDEATHSIG, and RLIMIT_CORE of Linux. */
const SIGNAL_WHEN_PARENT_DIES = 1;
const CORE_FILE_LIMIT = 4;
const SIGKILL = 9;

// The service that is being stopped closes its readers first; what the terminal or systemd send to all is not for this process.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) process.on(signal, () => {});
process.on("uncaughtException", end);

/** Not process.exit: that waits for the threads, and a driver that hangs keeps one. */
function end(): void {
  process.kill(process.pid, "SIGKILL");
}

/** Ties the life of this process to that of its parent, and keeps PINs out of core files. */
function bind(koffi: DriverKoffi): void {
  const libc = koffi.load(null);
  libc.func("int prctl(int, ulong, ulong, ulong, ulong)")(SIGNAL_WHEN_PARENT_DIES, SIGKILL, 0, 0, 0);
  // It may have died before that.
  if (String(process.ppid) !== parent) end();
  libc.func("int setrlimit(int, const void *)")(CORE_FILE_LIMIT, new Uint8Array(16));
}

/** What {@link loadHost} has loaded. koffi unloads a library that nothing refers to, and the driver is not loaded yet then. */
const hosts: unknown[] = [];

/** Loads the functions that a driver expects of pcscd: from memory, or from a file where the kernel has none like that. */
function loadHost(koffi: DriverKoffi): void {
  const object = hostObject(process.arch);
  if (object === undefined) throw new Error(`pcsc-lite's drivers cannot be loaded on ${process.arch}`);
  const memory = koffi.load(null).func("int memfd_create(const char *, uint)")("scard-ifd-host", 0);
  if (Number(memory) >= 0) {
    writeSync(Number(memory), object);
    try {
      hosts.push(koffi.load(`/proc/self/fd/${memory}`, { global: true }));
      return;
    } catch {
      // A system can forbid to execute such memory.
    } finally {
      closeSync(Number(memory));
    }
  }
  const folder = mkdtempSync(join(tmpdir(), "scard-ifd-"));
  try {
    const path = join(folder, "host.so");
    const file = openSync(path, "wx", 0o700);
    writeSync(file, object);
    closeSync(file);
    hosts.push(koffi.load(path, { global: true }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

let driver: DriverLibrary | undefined;

function load(path: string): Outcome {
  try {
    const koffi = loadKoffi() as DriverKoffi;
    bind(koffi);
    loadHost(koffi);
    driver = new DriverLibrary(koffi, path);
    process.title = `scard-ifd ${basename(path)}`;
    return { outcome: "returned", code: driver.version, data: new Uint8Array(0) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { outcome: "failed", code: 0, data: new TextEncoder().encode(reason).slice(0, 1024) };
  }
}

const socket = new Socket({ fd: 3, readable: true, writable: true });
const decoder = new MessageDecoder(MAX_CALL_BYTES);

async function answer(message: Uint8Array): Promise<void> {
  const call = decodeCall(message);
  message.fill(0);
  if (!call.ok) {
    end();
    return;
  }
  const { data, id } = call.value;
  const outcome =
    call.value.call === "load"
      ? load(new TextDecoder().decode(data))
      : await driver?.call(call.value).finally(() => data.fill(0));
  if (outcome === undefined) {
    end();
    return;
  }
  const sent = encodeAnswer({ id, ...outcome });
  outcome.data.fill(0);
  socket.write(sent, () => sent.fill(0));
}

socket.on("data", (bytes) => {
  const messages = decoder.decode(bytes);
  bytes.fill(0);
  if (messages === undefined) end();
  for (const message of messages ?? []) answer(message).catch(end);
});
socket.on("end", end);
socket.on("error", end);
socket.on("close", end);
