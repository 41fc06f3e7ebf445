// SPDX-License-Identifier: MIT

import { resolve } from "node:path";
import type { SoftwareCard } from "../../cards/software-card/index.ts";
import type { VpcdListener, VpcdListenerOptions } from "../../entry/embedded.ts";
import { openSoftwareCard, softwareCard } from "../../entry/software.ts";
import type { EmbeddedManager } from "../../managers/embedded/index.ts";
import { admitsOthers } from "../../platform/node/unix/index.ts";
import { type Runtime, SmartCardError, sameName } from "../../port/index.ts";
import { VirtualReader } from "../../readers/virtual/index.ts";
import { admitsAnybody, DEFAULT_VPCD_PORT, type VpcdLogEntry, type VpcdReader } from "../../readers/vpcd/index.ts";
import type { ConfiguredReader } from "./config.ts";
import { DaemonIfd, type DaemonIfdDeps, type IfdConfig } from "./ifd.ts";
import type { Log } from "./log.ts";
import { DaemonUsb, type DaemonUsbDeps, type UsbConfig } from "./usb.ts";

/** How long an ejection or a reset waits for a transaction, in milliseconds; less than its program waits for the answer. */
const EJECT_WAIT_MS = 2000;

/** A reader that is made here, other than those that are found, and those with drivers of pcsc-lite. */
type OwnConfig = Exclude<ConfiguredReader, IfdConfig | UsbConfig>;
type VirtualConfig = Extract<ConfiguredReader, { kind: "virtual" }>;
type VpcdConfig = Extract<ConfiguredReader, { kind: "vpcd" }>;

/** A virtual reader of the configuration. */
interface ServedVirtual {
  readonly kind: "virtual";
  /** Its name with the manager; its own before it is in service. */
  name: string;
  readonly reader: VirtualReader;
  /** Its card in the configuration; the reader may hold another card by now. */
  card: string | undefined;
  /** A card that goes in when the reader comes into service: before, another reader may still have it. */
  coming: SoftwareCard | undefined;
  /** Whether the manager has it. */
  inService: boolean;
}

/** A reader for other programs' cards. */
interface ServedVpcd {
  readonly kind: "vpcd";
  readonly config: VpcdConfig;
  /** Undefined while its ports are not open. */
  listener: VpcdListener | undefined;
}

type ServedReader = ServedVirtual | ServedVpcd;

/** What readers need of the daemon. */
export interface DaemonReadersDeps {
  readonly manager: EmbeddedManager;
  readonly runtime: Runtime;
  /** Readers at once that the manager takes. */
  readonly limit: number;
  /** Opens the ports of a vpcd reader: `listenVpcd`, or for a check what says whether that would work. */
  readonly listen: (options: VpcdListenerOptions) => Promise<VpcdListener>;
  /** Takes USB readers, or for a check only says whether that would work. */
  readonly openUsb: DaemonUsbDeps["open"];
  /** Opens readers with drivers of pcsc-lite, or for a check does nothing. */
  readonly openIfd: DaemonIfdDeps["open"];
  /** Paths of the daemon's own sockets. */
  readonly ownPaths: readonly string[];
  /** Is told which programs plug into vpcd readers. */
  readonly log: Log["write"];
}

/** A reader of the configuration that cannot be put into service. */
export class ReaderFailure extends Error {
  /** Which one, counted from 0 in the list that was wanted; undefined where it is about all of them. */
  readonly index: number | undefined;
  override readonly cause: SmartCardError;

  constructor(index: number | undefined, cause: SmartCardError) {
    super(cause.message, { cause });
    this.index = index;
    this.cause = cause;
  }
}

/** The readers of a daemon: keeps those in service that the configuration names, and no others. */
export class DaemonReaders {
  readonly usb: DaemonUsb;
  readonly #ifd: DaemonIfd;
  readonly #deps: DaemonReadersDeps;
  readonly #served = new Map<string, ServedReader>();
  /** The names that the manager gave to vpcd readers. */
  readonly #names = new WeakMap<VpcdReader, string>();

  constructor(deps: DaemonReadersDeps) {
    this.#deps = deps;
    const { log, manager, openIfd, openUsb, runtime } = deps;
    this.usb = new DaemonUsb({ log, manager, runtime, open: openUsb });
    this.#ifd = new DaemonIfd({ log, manager, runtime, open: openIfd });
  }

  /**
   * Adds new readers, and removes those that are no longer configured. All others are not affected; only a card that
   * the configuration changed is replaced.
   *
   * It is all or nothing. Checks that touch no reader come first: cards are loaded, names and numbers checked,
   * free ports opened. If a later step fails, the earlier ones are undone.
   *
   * @param wanted cards are named by kind or absolute path
   * @throws ReaderFailure
   */
  async apply(wanted: readonly ConfiguredReader[]): Promise<void> {
    this.#checkCount(wanted);
    this.#checkPlaces(wanted);
    const byKey = keyed(wanted);
    const { coming, changes } = await this.#stage(byKey);
    const leaving = [...this.#served].filter(([key]) => !byKey.has(key));
    const undo: (() => Promise<void>)[] = [];
    try {
      const taken = new Set(leaving.flatMap(([, served]) => (served.kind === "vpcd" ? placesOf(served.config) : [])));
      for (const one of coming) {
        if (one.served.kind !== "vpcd" || placesOf(one.served.config).some((place) => taken.has(place))) continue;
        await this.#open(one, one.served, undo);
      }
      for (const [key, served] of leaving) {
        this.#served.delete(key);
        await this.#takeOut(served);
        undo.push(() => this.#putBack(key, served));
      }
      for (const one of coming) {
        if (one.served.kind === "vpcd" && one.served.listener === undefined) await this.#open(one, one.served, undo);
      }
      for (const one of coming) await this.#putIn(one, undo);
      const usb: UsbConfig[] = [];
      const drivers: IfdConfig[] = [];
      for (const [index, config] of wanted.entries()) {
        if (config.kind === "usb") usb.push(config);
        if (!isIfd(config)) continue;
        await attempt(index, async () => {
          const choice = await this.#ifd.usbChoice(config);
          if (choice !== undefined) usb.push({ ...choice, kind: "usb" });
          else {
            await this.#ifd.check(config);
            drivers.push(config);
          }
        });
      }
      await attempt(
        wanted.findIndex(({ kind }) => kind === "usb"),
        () => this.usb.apply(usb),
      );
      await this.#ifd.apply(drivers);
      await changeCards(changes, undo);
    } catch (error) {
      throw await takenBack(undo, error);
    }
  }

  /** Inserts a card into a virtual reader; replaces a card in it. @throws unknown-reader, invalid-value */
  async insert(readerName: string, kind: string): Promise<void> {
    const { reader } = this.#virtualReader(readerName);
    reader.insert(await softwareCard(kind));
  }

  /** Removes the card from a virtual reader. @throws unknown-reader, no-smartcard */
  remove(readerName: string): void {
    const { name, reader } = this.#virtualReader(readerName);
    if (reader.card === undefined) throw noCard(name);
    reader.remove();
  }

  /**
   * Ejects the card of a virtual reader after the running operation or transaction.
   *
   * @throws unknown-reader, no-smartcard, sharing-violation (a program has the reader exclusively), timeout (the card was
   * not free in time)
   */
  async eject(readerName: string): Promise<void> {
    const { name, reader } = this.#virtualReader(readerName);
    if (reader.card === undefined) throw noCard(name);
    await this.#dispose(name, "eject");
  }

  /**
   * Resets the card in any reader, after the transaction that runs.
   *
   * @throws unknown-reader, no-smartcard, timeout (a program keeps its transaction), sharing-violation
   */
  async reset(readerName: string): Promise<void> {
    const found = this.#deps.manager.readers().find(({ name }) => sameName(name, readerName));
    if (found === undefined) throw noReader(readerName);
    if (found.card === undefined) throw noCard(found.name);
    await this.#dispose(found.name, "reset");
  }

  /** Does with a card what a program can have done at its end. */
  async #dispose(name: string, disposition: "eject" | "reset"): Promise<void> {
    const context = await this.#deps.manager.client({ name: `scard ${disposition}` }).establishContext();
    try {
      const connection = await context.connect(name, {
        shareMode: "shared",
        preferredProtocols: ["t0", "t1"],
        timeoutMs: EJECT_WAIT_MS,
      });
      await connection.disconnect(disposition);
    } finally {
      await context.release();
    }
  }

  /** Whether cards are inserted into a reader by command. */
  isVirtual(readerName: string): boolean {
    return [...this.#served.values()].some((one) => one.kind === "virtual" && one.name === readerName);
  }

  /** Where the cards of a reader plug in, and whether any program may be one; undefined where none plugs in. */
  doorOf(readerName: string): { readonly at: string; readonly open: boolean } | undefined {
    for (const served of this.#served.values()) {
      if (served.kind !== "vpcd") continue;
      const { host, paths = [], ports = [], readers = [] } = served.listener ?? {};
      const slot = readers.findIndex((reader) => this.#names.get(reader) === readerName);
      if (slot < 0) continue;
      return { at: paths[slot] ?? `${host}:${ports[slot]}`, open: isOpenToAll(served.config) };
    }
    return undefined;
  }

  /** Closes the ports that are listened on; the manager closes the readers. */
  async close(): Promise<void> {
    const listeners = [...this.#served.values()].flatMap((served) =>
      served.kind === "vpcd" && served.listener !== undefined ? [served.listener] : [],
    );
    this.#ifd.close();
    await Promise.all([this.usb.close(), ...listeners.map((listener) => listener.close())]);
  }

  #virtualReader(name: string): ServedVirtual {
    for (const served of this.#served.values()) {
      if (served.kind === "virtual" && sameName(served.name, name)) return served;
    }
    const isFound = this.usb.knows(name) || this.#ifd.knows(name);
    const known = isFound || this.#deps.manager.readers().some((reader) => sameName(reader.name, name));
    if (!known) throw noReader(name);
    throw new SmartCardError("unknown-reader", `"${name}" is not a virtual reader`, { reader: name });
  }

  #checkCount(wanted: readonly ConfiguredReader[]): void {
    // USB readers are counted as they come.
    const count = wanted.reduce((sum, reader) => sum + slotsOf(reader), 0);
    const { limit } = this.#deps;
    if (count <= limit) return;
    const message = `there are ${count} readers, slots counted one by one, and limits.readers allows ${limit}: raise it`;
    throw new ReaderFailure(undefined, new SmartCardError("no-memory", message));
  }

  #checkPlaces(wanted: readonly ConfiguredReader[]): void {
    const taken = new Set<string>(this.#deps.ownPaths.map((path) => resolve(path)));
    for (const [index, reader] of wanted.entries()) {
      if (reader.kind !== "vpcd") continue;
      for (const place of placesOf(reader)) {
        const address = typeof place === "number" ? `${reader.host ?? "127.0.0.1"}:${place}` : resolve(place);
        if (taken.has(address)) {
          const message = `${address} is the place of another reader, or of a socket of the daemon: choose another`;
          throw new ReaderFailure(index, new SmartCardError("invalid-parameter", message));
        }
        taken.add(address);
      }
    }
  }

  /** Makes what is new, and loads the cards, without touching what is in service. */
  async #stage(byKey: ReadonlyMap<string, Keyed>): Promise<{ coming: Coming[]; changes: CardChange[] }> {
    const coming: Coming[] = [];
    const changes: CardChange[] = [];
    for (const [key, { config, index }] of byKey) {
      const served = this.#served.get(key);
      await attempt(index, async () => {
        if (config.kind === "vpcd") {
          if (served === undefined) coming.push({ key, index, served: { kind: "vpcd", config, listener: undefined } });
        } else if (served === undefined) {
          coming.push({ key, index, served: await this.#makeVirtual(key, config) });
        } else if (served.kind === "virtual" && served.card !== config.card) {
          changes.push({ index, served, kind: config.card, card: await cardOf(config) });
        }
      });
    }
    return { coming, changes };
  }

  async #makeVirtual(key: string, config: VirtualConfig): Promise<ServedVirtual> {
    const opened = config.card === undefined ? undefined : await openSoftwareCard(config.card);
    const named = config.name === undefined ? {} : { name: config.name };
    const reader = new VirtualReader({ ...opened?.readerOptions, ...named, id: key, clock: this.#deps.runtime.clock });
    const { name } = reader.description;
    return { kind: "virtual", name, reader, card: config.card, coming: opened?.card, inService: false };
  }

  async #open({ index }: Coming, served: ServedVpcd, undo: (() => Promise<void>)[]): Promise<void> {
    await attempt(index, () => this.#listen(served));
    undo.push(() => this.#takeOut(served));
  }

  async #listen(served: ServedVpcd): Promise<void> {
    const { kind: _, ...place } = served.config;
    const { listen, runtime } = this.#deps;
    served.listener = await listen({ runtime, ...place, log: (entry) => this.#tell(entry) });
  }

  #tell({ level, message, reader, ...details }: VpcdLogEntry): void {
    const name = reader === undefined ? undefined : (this.#names.get(reader) ?? reader.description.name);
    this.#deps.log(level, message, { ...(name !== undefined && { reader: name }), ...details });
  }

  async #putIn({ index, key, served }: Coming, undo: (() => Promise<void>)[]): Promise<void> {
    undo.push(async () => {
      this.#served.delete(key);
      await this.#takeOut(served);
    });
    await attempt(index, () => this.#serve(key, served));
  }

  async #serve(key: string, served: ServedReader): Promise<void> {
    const { manager } = this.#deps;
    if (served.kind === "virtual") {
      if (served.coming !== undefined) served.reader.insert(served.coming);
      served.coming = undefined;
      served.name = await manager.addReader(served.reader);
      served.inService = true;
    } else {
      for (const reader of served.listener?.readers ?? []) {
        this.#names.set(reader, await manager.addReader(reader));
      }
    }
    this.#served.set(key, served);
  }

  /** A reader that is not in service is not an error here. */
  async #takeOut(served: ServedReader): Promise<void> {
    if (served.kind === "vpcd") {
      const { listener } = served;
      served.listener = undefined;
      await listener?.close();
      return;
    }
    if (!served.inService) {
      // It may have taken the file of its card already.
      served.reader.remove();
      return;
    }
    served.inService = false;
    await this.#deps.manager.removeReader(served.name);
  }

  async #putBack(key: string, served: ServedReader): Promise<void> {
    if (served.kind === "vpcd") await this.#listen(served);
    await this.#serve(key, served);
  }
}

/** A reader that is wanted, and its place in the list. */
interface Keyed {
  readonly config: OwnConfig;
  readonly index: number;
}

/** A reader that is to be put into service. */
interface Coming {
  readonly key: string;
  readonly index: number;
  readonly served: ServedReader;
}

/** Undoes the steps, last first, and returns the error to throw, which names steps that could not be undone. */
async function takenBack(undo: readonly (() => Promise<void>)[], error: unknown): Promise<unknown> {
  const left: string[] = [];
  for (const step of [...undo].reverse()) {
    await step().catch((problem: unknown) => left.push(problem instanceof Error ? problem.message : String(problem)));
  }
  if (left.length === 0 || !(error instanceof ReaderFailure)) return error;
  const { code, details, reason } = error.cause;
  const text = `${reason}; and what was there before could not all be put back: ${left.join("; ")}`;
  return new ReaderFailure(error.index, new SmartCardError(code, text, details, { cause: error }));
}

/** Adds the reader to a failure. */
async function attempt(index: number, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof SmartCardError ? new ReaderFailure(index, error) : error;
  }
}

async function cardOf({ card }: VirtualConfig): Promise<SoftwareCard | undefined> {
  return card === undefined ? undefined : softwareCard(card);
}

/** A reader in service that is to have another card, or none. */
interface CardChange {
  readonly index: number;
  readonly served: ServedVirtual;
  readonly kind: string | undefined;
  readonly card: SoftwareCard | undefined;
}

/** All old cards go out before the new ones go in: two readers may exchange theirs. */
async function changeCards(changes: readonly CardChange[], undo: (() => Promise<void>)[]): Promise<void> {
  for (const { served } of changes) {
    const { card: kind, reader } = served;
    const { card } = reader;
    reader.remove();
    undo.push(async () => {
      reader.remove();
      served.card = kind;
      if (card !== undefined) reader.insert(card);
    });
  }
  for (const { card, index, kind, served } of changes) {
    await attempt(index, async () => {
      if (card !== undefined) served.reader.insert(card);
      served.card = kind;
    });
  }
}

function noReader(reader: string): SmartCardError {
  return new SmartCardError("unknown-reader", `there is no reader "${reader}"`, { reader });
}

function noCard(reader: string): SmartCardError {
  return new SmartCardError("no-smartcard", "there is no card in the reader", { reader });
}

/** Whether any program of this machine may be the card. */
function isOpenToAll({ access, mode = 0o666, path }: VpcdConfig): boolean {
  if (path !== undefined && !admitsOthers(mode)) return false;
  // Who connects by TCP is known on Linux alone.
  const isUnchecked = path === undefined && access === undefined && process.platform !== "linux";
  return isUnchecked || admitsAnybody(access ?? []);
}

/** Where a reader listens: paths, or ports whatever the address, as one that is open on all addresses excludes the others. */
function placesOf({ path, port = DEFAULT_VPCD_PORT, slots = 1 }: VpcdConfig): (number | string)[] {
  const numbers = Array.from({ length: slots }, (_, slot) => slot);
  if (path !== undefined) return numbers.map((slot) => (slot === 0 ? path : `${path}.${slot}`));
  return port === 0 ? [] : numbers.map((slot) => port + slot);
}

/** Readers by what tells them apart from one reading of the configuration to the next. */
function keyed(readers: readonly ConfiguredReader[]): Map<string, Keyed> {
  const byKey = new Map<string, Keyed>();
  for (const [index, config] of readers.entries()) {
    if (config.kind === "usb" || isIfd(config)) continue;
    const base =
      config.kind === "virtual"
        ? `virtual:${config.name ?? ""}`
        : `vpcd:${JSON.stringify({ ...config, access: config.access ?? "own" })}`;
    let key = base;
    for (let number = 2; byKey.has(key); number++) key = `${base}#${number}`;
    byKey.set(key, { config, index });
  }
  return byKey;
}

function isIfd(config: ConfiguredReader): config is IfdConfig {
  return config.kind === "ifd" || config.kind === "reader.conf";
}

function slotsOf(reader: ConfiguredReader): number {
  if (reader.kind === "usb" || reader.kind === "reader.conf") return 0;
  return reader.kind === "vpcd" ? (reader.slots ?? 1) : 1;
}
