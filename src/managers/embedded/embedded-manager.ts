// SPDX-License-Identifier: MIT

import {
  CardCache,
  type ClientIdentity,
  type Clock,
  type Context,
  type ContextOptions,
  checkContextOptions,
  checkIdentity,
  checkReaderName,
  type Holder,
  type Inspectable,
  type Inspection,
  limitsOf,
  optional,
  optionsOf,
  Pace,
  type Reader,
  type ReaderSnapshot,
  type ReaderTable,
  type ResourceManager,
  type Runtime,
  readerKey,
  runtimeObject,
  SmartCardError,
  word,
} from "../../port/index.ts";
import { type EndCode, SlotContext } from "./context.ts";
import { defaultLimits, type ManagerLimits } from "./limits.ts";
import { checkSemantics, type Profile, type ProfileName, profiles } from "./profile.ts";
import { readDescription } from "./reader-port.ts";
import { Slot } from "./slot.ts";
import { Tracker } from "./tracker.ts";
import { UniqueReaderNames } from "./unique-reader-name.ts";

/** Dependencies and options of an embedded manager. */
export interface EmbeddedManagerOptions {
  readonly runtime: Runtime;
  /** Whose behaviour it has where Windows and pcsc-lite differ; `windows` by default. */
  readonly profile?: ProfileName;
  /** Single points of the profile to change: `{ transactionIdleMs: undefined }` turns the idle limit off. */
  readonly semantics?: Partial<Omit<Profile, "name">>;
  /** Single limits to change. */
  readonly limits?: Partial<ManagerLimits>;
}

const managerOptions = optionsOf<EmbeddedManagerOptions>({
  runtime: runtimeObject,
  profile: optional(word(profiles, "profile")),
  semantics: optional(checkSemantics),
  limits: optional(limitsOf(defaultLimits)),
});

/** One program that uses the manager, from its first context to its end. */
export interface ManagerClient extends ResourceManager {
  readonly identity: ClientIdentity;
  /**
   * The program has exited or was killed: its waits end, its locks are freed, and the cards that it was connected to
   * are reset as the profile says. Never rejects; further calls fail with `invalid-context`.
   */
  end(): Promise<void>;
}

/** What is remembered of a removed reader, by its stable id. */
interface RememberedReader {
  /** The name that it said of itself: one that says another now is renamed. */
  readonly wanted: string;
  readonly name: string;
  readonly eventCount: number;
}

/**
 * The resource manager, inside this process: readers come and go, clients share the cards in them. It does no I/O of
 * its own and waits on the given runtime's clock only, so that the same calls give the same history.
 *
 * ```ts
 * const manager = new EmbeddedManager({ runtime });
 * const name = await manager.addReader(reader);
 * const context = await manager.client({ name: "my-program" }).establishContext();
 * ```
 */
export class EmbeddedManager implements ResourceManager, Inspectable, ReaderTable, AsyncDisposable {
  readonly profile: Profile;
  readonly #runtime: Runtime;
  readonly #limits: ManagerLimits;
  readonly #tracker: Tracker;
  /** Readers by key of their name, in order of arrival. */
  readonly #slots = new Map<string, Slot>();
  /** Readers whose driver is starting: their names are taken, but no client is told of them yet. */
  readonly #opening = new Map<string, Slot>();
  /** By their stable ids, the readers of both. */
  readonly #ids = new Map<string, Slot>();
  readonly #names = new UniqueReaderNames();
  readonly #contexts = new Set<SlotContext>();
  readonly #remembered = new Map<string, RememberedReader>();
  readonly #cache: CardCache;
  readonly #pace: Pace;
  #closing: Promise<void> | undefined;

  /** @throws invalid-parameter (an unknown option, or one of the wrong kind or out of range), invalid-value */
  constructor(options: EmbeddedManagerOptions) {
    const checked = managerOptions(options, { operation: "EmbeddedManager", path: "options" });
    this.#runtime = checked.runtime;
    this.#pace = new Pace(checked.runtime.clock);
    this.profile = { ...profiles[checked.profile ?? "windows"], ...checked.semantics };
    this.#limits = { ...defaultLimits, ...checked.limits };
    this.#cache = new CardCache({
      itemBytes: this.#limits.cacheItemBytes,
      totalBytes: this.#limits.cacheBytes,
      items: this.#limits.cacheItems,
      bytesPerCard: this.#limits.cacheBytesPerCard,
      itemsPerCard: this.#limits.cacheItemsPerCard,
    });
    this.#tracker = new Tracker(checked.runtime.clock, this.profile, {
      count: () => this.#slots.size,
      get: (key) => this.#slots.get(key)?.tracked(),
    });
  }

  /**
   * Puts a reader into service.
   *
   * @returns the reader's name here: its own, made unique; a reader whose id was here before, and says the same name, gets
   * its old one again
   * @throws invalid-parameter (not a reader), no-memory (a limit is reached), duplicate-reader (its id is in service), service-stopped, and whatever the
   * driver's `open` fails with
   */
  async addReader(reader: Reader): Promise<string> {
    const place = { operation: "addReader", path: "reader" };
    const description = readDescription(reader, place);
    this.#checkRunning();
    const { id, name: wanted } = description;
    if (this.#slots.size + this.#opening.size >= this.#limits.readers) {
      throw new SmartCardError("no-memory", `there are ${this.#limits.readers} readers, the limit`, { reader: wanted });
    }
    if (this.#ids.has(id)) {
      throw new SmartCardError("duplicate-reader", `a reader with the id "${id}" is in service`, { reader: wanted });
    }
    const before = this.#remembered.get(id);
    const isTaken = (key: string): boolean => this.#slots.has(key) || this.#opening.has(key);
    const name =
      before?.wanted === wanted && !isTaken(readerKey(before.name)) ? before.name : this.#names.make(wanted, isTaken);
    const slot = new Slot(reader, description, {
      runtime: this.#runtime,
      profile: this.profile,
      limits: this.#limits,
      name,
      eventCount: before?.eventCount ?? 1,
      changed: (changed) => this.#tracker.readerChanged(changed.name),
      lost: (lost) => this.#slotLost(lost),
    });
    await this.#putIntoService(slot);
    return name;
  }

  /** Takes a reader out of service, as if it had been unplugged. @throws unknown-reader, invalid-parameter */
  async removeReader(name: string): Promise<void> {
    checkReaderName("removeReader", name, "name");
    const slot = this.#slots.get(readerKey(name));
    if (slot === undefined)
      throw new SmartCardError("unknown-reader", `there is no reader "${name}"`, { reader: name });
    await slot.close("it was taken out of service");
  }

  /** Begins a client: a program that uses the manager and may exit without releasing its contexts. */
  client(identity: ClientIdentity): ManagerClient {
    // Not the copy: clients are identified by the object itself.
    checkIdentity(identity);
    const contexts = new Set<SlotContext>();
    let ended = false;
    const isClosed = (): boolean => ended || this.isClosed;
    return {
      identity,
      clock: this.clock,
      get isClosed() {
        return isClosed();
      },
      establishContext: (options) =>
        this.#open(identity, options, contexts, () => {
          if (ended) throw new SmartCardError("invalid-context", `${identity.name} has ended`);
        }),
      end: async () => {
        ended = true;
        await endAll(contexts, "ended without disconnecting", "invalid-context");
      },
    };
  }

  /** Opens a context for a client without a name of its own. */
  establishContext(options?: ContextOptions): Promise<Context> {
    return this.#open({ name: "unknown" }, options, new Set());
  }

  get clock(): Clock {
    return this.#runtime.clock;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  readers(): readonly ReaderSnapshot[] {
    return Array.from(this.#slots.values(), (slot) => slot.snapshot());
  }

  get readerEvents(): number {
    return this.#tracker.readerEvents;
  }

  watchReaders(changed: () => void): () => void {
    return this.#tracker.listen(changed);
  }

  /** The holder of a reader, by a transaction or by its share mode; undefined without one. */
  holderOf(reader: string): Holder | undefined {
    checkReaderName("holder of", reader);
    return this.#slots.get(readerKey(reader))?.holder();
  }

  /** The current holders and waiting clients. */
  async inspect(): Promise<Inspection> {
    const clients = new Map<ClientIdentity, { contexts: number; statusWaits: number }>();
    for (const context of this.#contexts) {
      const entry = clients.get(context.client) ?? { contexts: 0, statusWaits: 0 };
      entry.contexts++;
      entry.statusWaits += context.statusWaits;
      clients.set(context.client, entry);
    }
    return {
      readers: [...this.#slots.values()].map((slot) => slot.inspect()),
      clients: [...clients].map(([client, counts]) => ({ client, ...counts })),
    };
  }

  /**
   * Ends the service: every wait ends with `service-stopped`, cards are powered off, readers closed. Pending dispositions of
   * cards run first, for at most `closeMs`.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const { clock } = this.#runtime;
    let closing: readonly Promise<void>[] | undefined;
    const closeSlots = (): void => {
      closing ??= Array.from(this.#slots.values(), (slot) => slot.close("the service has stopped", "service-stopped"));
    };
    // A hung driver must not block the end of the service: its reader is dropped, with the dispositions of its card.
    const cancel = clock.schedule(this.#limits.closeMs, "end of the service", closeSlots);
    await endAll(this.#contexts, "lost the service", "service-stopped");
    cancel();
    closeSlots();
    await Promise.all(closing ?? []);
  }

  #open(
    client: ClientIdentity,
    options: ContextOptions | undefined,
    ofClient: Set<SlotContext>,
    checkClient: () => void = () => {},
  ): Promise<Context> {
    const open = async (): Promise<Context> => {
      const checked = checkContextOptions(options);
      checkClient();
      return this.#pace.context(this.#establish(client, checked, ofClient));
    };
    return this.#pace.settle(open());
  }

  #establish(client: ClientIdentity, options: ContextOptions, ofClient: Set<SlotContext>): SlotContext {
    this.#checkRunning();
    if (this.#contexts.size >= this.#limits.contexts) {
      throw new SmartCardError("no-memory", `there are ${this.#limits.contexts} contexts, the limit`);
    }
    const context = new SlotContext(
      {
        client,
        profile: this.profile,
        limits: this.#limits,
        tracker: this.#tracker,
        cache: this.#cache,
        now: () => this.#runtime.clock.now(),
        slots: () => [...this.#slots.values()],
        findSlot: (reader) => this.#slots.get(readerKey(reader)),
        released: (released) => {
          ofClient.delete(released);
          return this.#contexts.delete(released);
        },
      },
      options,
    );
    this.#contexts.add(context);
    ofClient.add(context);
    return context;
  }

  async #putIntoService(slot: Slot): Promise<void> {
    const key = readerKey(slot.name);
    this.#opening.set(key, slot);
    this.#ids.set(slot.description.id, slot);
    try {
      await slot.open();
      // It may have been lost while it was starting, and another one may have its place.
      if (this.#opening.get(key) !== slot)
        throw new SmartCardError("reader-unavailable", `"${slot.name}" was removed while it started`);
    } catch (error) {
      this.#leave(slot);
      throw error;
    }
    this.#opening.delete(key);
    if (this.#closing !== undefined) {
      this.#leave(slot);
      await slot.close("the service has stopped", "service-stopped");
      this.#checkRunning();
    }
    this.#slots.set(key, slot);
    this.#runtime.trace({ at: this.#runtime.clock.now(), kind: "reader-added", reader: slot.name });
    this.#tracker.readersChanged(slot.name);
  }

  #slotLost(slot: Slot): void {
    const isInService = this.#slots.get(readerKey(slot.name)) === slot;
    this.#leave(slot);
    if (!isInService) return;
    this.#remember(slot);
    this.#tracker.readersChanged(slot.name);
  }

  /** A reader gives back its place, its id and its name. A second call has no effect. */
  #leave(slot: Slot): void {
    const { id } = slot.description;
    if (this.#ids.get(id) !== slot) return;
    const key = readerKey(slot.name);
    this.#ids.delete(id);
    this.#opening.delete(key);
    this.#slots.delete(key);
    this.#names.freed(key);
  }

  #remember(slot: Slot): void {
    const { id, name: wanted } = slot.description;
    this.#remembered.delete(id);
    this.#remembered.set(id, { wanted, name: slot.name, eventCount: slot.eventCount });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > this.#limits.rememberedReaders && oldest !== undefined) this.#remembered.delete(oldest);
  }

  #checkRunning(): void {
    if (this.#closing !== undefined) throw new SmartCardError("service-stopped", "the resource manager has stopped");
  }
}

/** Ends contexts together. */
async function endAll(contexts: Iterable<SlotContext>, how: string, code: EndCode): Promise<void> {
  const all = [...contexts];
  for (const context of all) context.cease(how, code);
  await Promise.all(all.map((context) => context.end(how, code)));
}
