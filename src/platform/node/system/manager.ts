// SPDX-License-Identifier: MIT

import { ClientContext, RetryQueues } from "../../../managers/client/index.ts";
import {
  CardCache,
  type Clock,
  type Context,
  type ContextOptions,
  checkContextOptions,
  limitsOf,
  optional,
  optionsOf,
  Pace,
  type ResourceManager,
  type Runtime,
  runtimeObject,
  SmartCardError,
  scopes,
  text,
  toNumber,
} from "../../../port/index.ts";
import { SystemContextLink } from "./context-link.ts";
import { loadLibrary, type NativeLibrary } from "./library.ts";
import { defaultSystemLimits, type SystemLimits } from "./limits.ts";
import { NativeContext } from "./native-context.ts";
import { StatusWatch } from "./status-watch.ts";
import { poolSize, Threads } from "./threads.ts";
import { Calls } from "./winscard-calls.ts";

/** How the system's own smart card subsystem is to be used. */
export interface SystemManagerOptions {
  readonly runtime: Runtime;
  /** The library, where it is not the system's usual one: a path, or a name that the system's loader looks for. */
  readonly library?: string;
  readonly limits?: Partial<SystemLimits>;
}

const systemOptions = optionsOf<SystemManagerOptions>({
  runtime: runtimeObject,
  library: optional(text("a library")),
  limits: optional(limitsOf(defaultSystemLimits)),
});

/**
 * The resource manager of the operating system: winscard.dll, PCSC.framework, or libpcsclite.
 *
 * **Portability**: behaviour depends on the system; docs/guide/system-manager.md has the table.
 */
export class SystemManager implements ResourceManager {
  readonly #calls: Calls;
  readonly #runtime: Runtime;
  readonly #limits: SystemLimits;
  readonly #watch: StatusWatch;
  readonly #queues: RetryQueues;
  readonly #cache = new CardCache();
  readonly #pace: Pace;

  constructor(library: NativeLibrary, threads: Threads, options: Omit<SystemManagerOptions, "library">) {
    this.#runtime = options.runtime;
    this.#limits = { ...defaultSystemLimits, ...options.limits };
    this.#calls = new Calls(library, threads);
    this.#queues = new RetryQueues(this.#runtime.clock, this.#limits);
    this.#pace = new Pace(this.#runtime.clock);
    this.#watch = new StatusWatch(this.#calls, this.#runtime.clock, this.#limits);
  }

  get clock(): Clock {
    return this.#runtime.clock;
  }

  /** Which library it is. */
  get system(): "windows" | "macos" | "pcsclite" {
    return this.#calls.abi.system;
  }

  /**
   * Opens a context.
   *
   * @throws no-service (at once; the message says how to start it), security-violation (polkit, or the daemon's rules,
   * refuse), server-too-busy, no-memory
   */
  async establishContext(options?: ContextOptions): Promise<Context> {
    const checked = checkContextOptions(options);
    const { dialect } = this.#calls.abi;
    const { scope = "user" } = checked;
    const number = toNumber(scopes, scope, dialect);
    if (number === undefined) {
      const message = `this system has no scope "${scope}"`;
      throw new SmartCardError("invalid-value", message, { operation: "establish context" });
    }
    const main = await NativeContext.open(this.#calls, number);
    const deps = { clock: this.#runtime.clock, limits: this.#limits, queues: this.#queues, cache: this.#cache };
    const link = new SystemContextLink({ ...deps, calls: this.#calls, watch: this.#watch, scope: number }, main);
    return this.#pace.context(new ClientContext(deps, link, checked));
  }
}

/** The threads of this process are for all managers in it. */
const threads = new Threads(poolSize(process.env.UV_THREADPOOL_SIZE));

/**
 * Loads the system's smart card library and makes a manager of it. It does not contact the service before a context is
 * opened. One manager per process is enough: each occupies a thread while a client waits for readers to change.
 *
 * ```ts
 * const manager = await openSystemManager({ runtime: nodeRuntime() });
 * const context = await manager.establishContext();
 * console.log(await context.listReaders());
 * await context.release();
 * ```
 *
 * @throws unsupported-feature (the optional package of koffi for this machine is not installed; the message names it), no-service (there is
 * no such library; the message says what was tried, and what to install)
 */
export async function openSystemManager(options: SystemManagerOptions): Promise<SystemManager> {
  const checked = systemOptions(options, { operation: "openSystemManager", path: "options" });
  return new SystemManager(await loadLibrary(checked.library), threads, checked);
}
