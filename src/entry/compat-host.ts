// SPDX-License-Identifier: MIT

/** What the compatibility faces need in a Node process; `scard/compat/pcsclite` and `scard/compat/smartcard`. */

import { type CompatHost, reportOf, type SmartcardHost } from "../faces/compat/index.ts";
import { nodeClock } from "../platform/node/runtime/index.ts";
import {
  type Dialect,
  managerObject,
  optional,
  optionsOf,
  type ReaderStateReport,
  type ReaderTable,
  type ResourceManager,
} from "../port/index.ts";
import { lookByWorker } from "./compat-look.ts";
import type { NodeBuffer } from "./emitter.ts";
import { defaultManager } from "./machine.ts";

/** Which manager a face uses. */
export interface CompatOptions {
  /** The manager. @default the one that {@link provideManager} gave, or else this machine's */
  readonly manager?: ResourceManager;
}

const compatOptions = optionsOf<CompatOptions>({ manager: optional(managerObject) });

/** Whose header the numbers are of: those packages have the numbers of the system that they were compiled on. */
export const dialect: Dialect = process.platform === "win32" ? "windows" : "pcsclite";

let provided: ResourceManager | undefined;

/**
 * Makes the compatibility faces of this process use a manager, where they are given none: for programs and libraries that
 * take no manager, such as nfc-pcsc. Open contexts keep their manager.
 *
 * @param manager undefined for this machine's again
 */
export function provideManager(manager: ResourceManager | undefined): void {
  optional(managerObject)(manager, { operation: "provideManager", path: "manager" });
  provided = manager;
}

/** This machine's manager, once it was opened. */
let machine: ResourceManager | undefined;

async function openMachine(): Promise<ResourceManager> {
  machine = await defaultManager();
  return machine;
}

/** What a face over that manager needs. */
export function compatHost(options: CompatOptions): CompatHost {
  const { manager } = compatOptions(options, { operation: "compat", path: "options" });
  return { manager: async () => manager ?? provided ?? openMachine(), clock: nodeClock, dialect };
}

/** What the face of `smartcard` over that manager needs. */
export function smartcardHost(options: CompatOptions): SmartcardHost<NodeBuffer> {
  const host = compatHost(options);
  const look = (): readonly ReaderStateReport[] | undefined => {
    const given = options.manager ?? provided;
    const manager = given ?? machine;
    if (manager !== undefined && hasTable(manager)) return manager.readers().map(reportOf);
    // A manager inside this process cannot be seen by another thread, which would open one of its own.
    const isElsewhere = given === undefined && !/^\s*embedded\b/.test(process.env.SCARD_MANAGER ?? "");
    return isElsewhere ? lookByWorker() : undefined;
  };
  return { ...host, toBytes: asBuffer, look };
}

/** The same bytes as a Buffer of its own. */
export function asBuffer(bytes: Uint8Array): NodeBuffer {
  return Buffer.from(bytes);
}

function hasTable(manager: ResourceManager): manager is ResourceManager & Pick<ReaderTable, "readers"> {
  return "readers" in manager && typeof manager.readers === "function";
}
