// SPDX-License-Identifier: MIT

/**
 * `scard/pcscd`: the resource manager that is a service on this machine, pcscd or `scard daemon`, over the socket that
 * libpcsclite uses. Nothing native is loaded.
 */

import { defaultPcscdLimits, PcscdManager, type PcscdManagerOptions } from "../managers/pcscd/index.ts";
import { dialPcscd } from "../platform/node/pcscd/index.ts";
import { BusyPoll, defaultAwakeUs, nodeRuntime } from "../platform/node/runtime/index.ts";
import { limitsOf, optional, optionsOf, runtimeObject, text, wholeNumber } from "../port/index.ts";

export type { ClientLimits } from "../managers/client/index.ts";
export {
  type Dial,
  defaultPcscdLimits,
  type PcscdLimits,
  PcscdManager,
  type PcscdManagerOptions,
  type Pipe,
  type PipeEvents,
  type ProbeOptions,
  type ServiceInfo,
} from "../managers/pcscd/index.ts";
export {
  type DialPcscdOptions,
  dialPcscd,
  type PcscdSocketsOptions,
  pcscdSockets,
} from "../platform/node/pcscd/index.ts";

/** The service's socket, and limits. */
export interface PcscdOptions extends Partial<Omit<PcscdManagerOptions, "dial">> {
  /** The service's socket; without it the one that `PCSCLITE_CSOCK_NAME` names, or else the usual places. */
  readonly socket?: string;
  /**
   * How long the event loop stays awake for the answer to a request, in microseconds; 0 for not at all. While it does, a core
   * is busy, and an exchange takes a third less time.
   *
   * @default 200, about twice what an exchange with a fast card takes; 0 on a machine with one processor, where the service needs it
   */
  readonly awakeUs?: number;
}

const pcscdOptions = optionsOf<PcscdOptions>({
  runtime: optional(runtimeObject),
  limits: optional(limitsOf(defaultPcscdLimits)),
  socket: optional(text("a socket's path")),
  awakeUs: optional(wholeNumber(0, 1_000_000, "microseconds")),
});

/**
 * The service on this machine. Nothing is connected before a context is opened.
 *
 * ```ts
 * const manager = pcscdManager();
 * const context = await manager.establishContext();
 * ```
 */
export function pcscdManager(options: PcscdOptions = {}): PcscdManager {
  const {
    awakeUs = defaultAwakeUs(),
    socket,
    ...others
  } = pcscdOptions(options, {
    operation: "pcscdManager",
    path: "options",
  });
  const busyPoll = new BusyPoll(awakeUs / 1000);
  const touch = (): void => busyPoll.touch();
  const dial = dialPcscd(socket === undefined ? { stir: touch } : { sockets: [socket], stir: touch });
  return new PcscdManager({ runtime: nodeRuntime(), ...others, dial });
}
