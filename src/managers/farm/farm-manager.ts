// SPDX-License-Identifier: MIT

import {
  CardCache,
  type Clock,
  type ContextOptions,
  checkContextOptions,
  type ResourceManager,
  SmartCardError,
} from "../../port/index.ts";
import { isFarmName } from "../../wire/farm/index.ts";
import { type ClientLimits, defaultClientLimits } from "../client/index.ts";
import { PcscdManager } from "../pcscd/index.ts";
import { dialHost, type FarmClientIdentity, type FarmHostAddress } from "./dial-host.ts";
import { FarmContext } from "./farm-context.ts";

/** The limits of a farm's client where none are given: a farm has more readers than a machine. */
const defaultFarmLimits: ClientLimits = { ...defaultClientLimits, queriesPerWait: 16_385 };

/** What a client of a farm is made with. */
export interface FarmManagerOptions extends FarmClientIdentity {
  /** The hosts whose readers it uses. */
  readonly hosts: readonly FarmHostAddress[];
  readonly limits?: Partial<ClientLimits>;
}

/**
 * The readers of many hosts as one manager: a reader is called `host/reader`. A card's lock stays with the host that has the card, so that
 * what the network does never decides who has it:
 *
 * - A host that cannot be reached has no readers: those who wait are told that they have gone, and handles of it fail with service-stopped.
 *   It is tried again, and its readers come again.
 * - A command is sent once, or not at all. One that was lost on the way ends the session, and the host resets the card.
 */
export class FarmManager implements ResourceManager {
  readonly #options: FarmManagerOptions;
  readonly #limits: ClientLimits;
  readonly #cache = new CardCache();
  readonly #hosts: ReadonlyMap<string, ResourceManager>;
  readonly #contexts = new Set<FarmContext>();
  #isClosed = false;

  /** @throws invalid-parameter for a name with other characters, a key of another length, and a host that is there twice */
  constructor(options: FarmManagerOptions) {
    const { client, farm, hosts, limits, runtime } = options;
    for (const [what, name] of [
      ["farm", farm],
      ["client", client],
      ...hosts.map(({ name }) => ["host", name] as const),
    ] as const) {
      if (!isFarmName(name))
        throw wrong(`the name of the ${what} is "${name}"; give small letters, digits and hyphens`);
    }
    const odd = hosts.find(({ publicKey }) => publicKey.length !== 32);
    if (odd !== undefined) throw wrong(`the key of host ${odd.name} has ${odd.publicKey.length} bytes, not 32`);
    this.#options = options;
    this.#limits = { ...defaultFarmLimits, ...limits };
    const { clock } = runtime;
    this.#hosts = new Map(
      hosts.map((host) => [
        host.name,
        new PcscdManager({ dial: dialHost(options, host), runtime, limits: { ...limits } }),
      ]),
    );
    if (this.#hosts.size < hosts.length) throw wrong("a host is there twice");
    this.clock = clock;
  }

  readonly clock: Clock;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Opens a context at each host; one that is not there is tried again for as long as the context lasts. @throws no-service (it was closed) */
  async establishContext(options?: ContextOptions): Promise<FarmContext> {
    const checked = checkContextOptions(options);
    if (this.#isClosed) throw new SmartCardError("no-service", "the manager was closed");
    const { runtime } = this.#options;
    const context: FarmContext = new FarmContext(
      {
        runtime,
        limits: this.#limits,
        cache: this.#cache,
        hosts: this.#hosts,
        ended: () => this.#contexts.delete(context),
      },
      checked,
    );
    this.#contexts.add(context);
    return context;
  }

  /** Releases all contexts. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#contexts].map((context) => context.release()));
  }
}

function wrong(message: string): SmartCardError {
  return new SmartCardError("invalid-parameter", message);
}
