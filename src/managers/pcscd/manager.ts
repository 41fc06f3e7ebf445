// SPDX-License-Identifier: MIT

import {
  CardCache,
  type Clock,
  type Context,
  type ContextOptions,
  callback,
  checkContextOptions,
  checkWait,
  GrowingPause,
  limitsOf,
  optional,
  optionsOf,
  Pace,
  pauseOrFail,
  type ResourceManager,
  type Runtime,
  runtimeObject,
  SmartCardError,
  timedOut,
  type WaitOptions,
} from "../../port/index.ts";
import { type ProtocolVersion, versions } from "../../wire/pcsclite/index.ts";
import { ClientContext, RetryQueues } from "../client/index.ts";
import { PcscdContextLink } from "./context-link.ts";
import { mayPass } from "./failures.ts";
import { defaultPcscdLimits, type PcscdLimits } from "./limits.ts";
import { Line, type LineDeps } from "./line.ts";
import type { Dial } from "./pipe.ts";

/** Dependencies of a client of the service. */
export interface PcscdManagerOptions {
  readonly dial: Dial;
  readonly runtime: Runtime;
  readonly limits?: Partial<PcscdLimits>;
}

/** What to ask a service for. */
export interface ProbeOptions {
  /** True asks for the length of the reader table too that clients of 4:4 and 4:5 get; see {@link ServiceInfo}. */
  readonly measureTable?: boolean;
}

const managerOptions = optionsOf<PcscdManagerOptions>({
  dial: callback<Dial>("a function that connects: dialPcscd() makes one"),
  runtime: runtimeObject,
  limits: optional(limitsOf(defaultPcscdLimits)),
});

/** The service that answers. */
export interface ServiceInfo {
  /** The version of the protocol that both sides speak. */
  readonly version: ProtocolVersion;
  /** The releases of pcsc-lite whose own version that is. The service need not be pcscd. */
  readonly releases: string;
  /**
   * How many entries the reader table has that clients of 4:4 and 4:5 get, where that was asked for: 16, or the number that the
   * service was built or configured with.
   */
  readonly tableEntries?: number;
}

/**
 * The resource manager that is a service on this machine: pcscd, or `scard daemon`, over the socket that libpcsclite uses.
 * Nothing is connected before a context is opened, and nothing stays connected after the last one is released.
 *
 * **Portability**: behaviour depends on the service; docs/guide/clients.md has a table.
 */
export class PcscdManager implements ResourceManager {
  readonly #deps: LineDeps;
  readonly #queues: RetryQueues;
  readonly #cache = new CardCache();
  readonly #pace: Pace;

  constructor(options: PcscdManagerOptions) {
    const { dial, limits, runtime } = managerOptions(options, { operation: "PcscdManager", path: "options" });
    this.#deps = { dial, runtime, limits: { ...defaultPcscdLimits, ...limits } };
    this.#queues = new RetryQueues(runtime.clock, this.#deps.limits);
    this.#pace = new Pace(runtime.clock);
  }

  /**
   * Opens a context: a connection to the service.
   *
   * @throws no-service (nothing listens; at once, and the message says where it was looked), no-access (the socket is not
   * for this user), security-violation (polkit, or the daemon's rules, refuse; the message says what to allow),
   * service-stopped, server-too-busy, no-memory, comm-error (what answers there speaks another protocol)
   */
  async establishContext(options?: ContextOptions): Promise<Context> {
    const checked = checkContextOptions(options);
    const { scope = "user" } = checked;
    const main = await Line.open(this.#deps, scope);
    const { limits, runtime } = this.#deps;
    const link = new PcscdContextLink(this.#deps, main, scope);
    const deps = { clock: runtime.clock, limits, queues: this.#queues, cache: this.#cache };
    return this.#pace.context(new ClientContext(deps, link, checked));
  }

  get clock(): Clock {
    return this.#deps.runtime.clock;
  }

  /**
   * Asks the service for its version, and hangs up.
   *
   * @throws as {@link establishContext}
   */
  async probe({ measureTable = false }: ProbeOptions = {}): Promise<ServiceInfo> {
    const { version } = await this.#greet();
    const info = { version, releases: versions[version].releases };
    if (!measureTable) return info;
    // What a newer service sends to clients of 4:5 is of interest all the same.
    const older = versions[version].sizedTable ? "4:5" : version;
    const { tableEntries } = await this.#greet(older, true).catch((error: unknown) => {
      if (older === version) throw error;
      return { tableEntries: undefined };
    });
    return { ...info, ...(tableEntries !== undefined && { tableEntries }) };
  }

  /** Agrees on a version with the service, looks at its readers if need be, and hangs up. */
  async #greet(newest?: ProtocolVersion, looks = false): Promise<Pick<ServiceInfo, "version" | "tableEntries">> {
    const line = await Line.greet(this.#deps, newest);
    try {
      const { session, version } = line;
      if (version === undefined) throw new SmartCardError("internal-error", "a line was greeted and has no version");
      if (looks) await line.prompt(session.readerStates());
      const { tableEntries } = session;
      return { version, ...(tableEntries !== undefined && { tableEntries }) };
    } finally {
      line.end(new SmartCardError("service-stopped", "the probe is done"));
    }
  }

  /**
   * Waits for the service, and returns its properties. It tries again after 50 ms, then less and less often, up to
   * every 5 s; the pauses vary a little, so that many programs do not come back all at once.
   *
   * @throws timeout (the cause is the last failure), cancelled, and at once errors that waiting cannot cure: no-access,
   * security-violation
   */
  async waitForService(options?: WaitOptions): Promise<ServiceInfo> {
    const { clock } = this.#deps.runtime;
    const { firstTryMs, lastTryMs } = this.#deps.limits;
    const operation = "wait for the service";
    const wait = checkWait(operation, options);
    const until = wait.timeoutMs === undefined ? undefined : clock.now() + wait.timeoutMs;
    const pauses = new GrowingPause(firstTryMs, lastTryMs);
    for (;;) {
      try {
        return await this.probe();
      } catch (error) {
        if (!mayPass(error)) throw error;
        const leftMs = until === undefined ? Number.POSITIVE_INFINITY : until - clock.now();
        if (leftMs <= 0) throw timedOut(operation, {}, error);
        await pauseOrFail(clock, Math.min(this.#varied(pauses.next()), leftMs), operation, wait.signal);
      }
    }
  }

  /** Between three quarters of a time and all of it. */
  #varied(ms: number): number {
    const [byte = 0] = this.#deps.runtime.random.bytes(1);
    return ms * (0.75 + byte / 1024);
  }
}
