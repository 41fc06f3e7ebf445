// SPDX-License-Identifier: MIT

import { checkName, foldName, isPseudoReader, SmartCardError, sameName, systemGroups } from "../port/index.ts";
import { checkTextOf, checkTexts } from "./arguments.ts";
import type { CachedStores } from "./cached-store.ts";
import { MAX_GROUPS_PER_READER, MAX_READERS } from "./limits.ts";
import { asksForAll, checkGroupToChange, checkOwnGroup } from "./reader-groups.ts";
import type { StoreChange, StoredReader } from "./store.ts";

/** A reader as the database knows it. */
export interface NamedReader {
  readonly name: string;
  /** The system name of its device: the name that the manager has for it. */
  readonly device: string;
  readonly groups: readonly string[];
  /** Whether the device is attached now. */
  readonly attached: boolean;
}

/**
 * The names of readers, and the groups that they are in. Names are compared without regard to case.
 *
 * A database does not know the devices: `attached` are the manager's names of the readers that are attached now.
 * Each of them is introduced automatically, under that name and into
 * `SCard$DefaultReaders`, unless its device has been given a name in the database. So a device always has a name: when the
 * last one is forgotten, it gets its system name back.
 *
 * In the user's scope a change of a system's reader changes a copy; forgetting the copy restores the original.
 */
export class ReaderNames {
  readonly #stores: CachedStores;

  /** @internal A database makes it. */
  constructor(stores: CachedStores) {
    this.#stores = stores;
  }

  /**
   * Gives a reader a further name, and puts that into `SCard$DefaultReaders`. To rename, introduce the new name and
   * forget the old one. The device need not be attached.
   *
   * @throws duplicate-reader where the name is taken; invalid-parameter for a bad name; and as {@link Store.update}
   * @see SCardIntroduceReader
   */
  introduce(name: string, device: string, attached: readonly string[] = []): void {
    checkName(name, "reader");
    checkName(device, "device");
    if (isPseudoReader(name)) {
      throw new SmartCardError("invalid-parameter", `${name} is kept for the pseudo reader: choose another name`);
    }
    checkAttached(attached);
    this.#update((readers) => {
      const stored = this.#stored();
      const taken = stored.has(foldName(name)) || (readers.has(foldName(name)) && !sameName(name, device));
      if (taken) throw new SmartCardError("duplicate-reader", `there is a reader "${name}" already`, { reader: name });
      const changes = [put({ name, device, groups: [systemGroups.default] })];
      // The system name, which the device had until now without being stored, stays until it is forgotten.
      const nameless = ![...stored.values()].some((reader) => sameName(reader.device, device));
      if (nameless && !sameName(name, device) && !stored.has(foldName(device))) {
        changes.push(put({ name: device, device, groups: [systemGroups.default] }));
      }
      return changes;
    }, attached);
  }

  /**
   * Forgets a name of a reader, and with it its places in groups. A device that loses its last name gets its system name
   * back, like a newly attached one.
   *
   * @throws unknown-reader; no-access where the name is the system's and the scope is the user's; and as
   * {@link Store.update}
   * @see SCardForgetReader
   */
  forget(name: string, attached: readonly string[] = []): void {
    checkTextOf("name", name);
    checkAttached(attached);
    this.#update((readers) => {
      const key = foldName(name);
      if (this.#stores.own.contents().readers.has(key)) return [{ kind: "remove-reader", key }];
      if (this.#stored().has(key)) {
        throw new SmartCardError("no-access", `"${name}" is the system's: only it can forget it`, {
          reader: name,
        });
      }
      // Its automatic name would come back at once.
      demand(readers, name);
      return [];
    }, attached);
  }

  /**
   * Checks the name of a group. Nothing is stored: a group exists while it has a reader.
   *
   * @throws invalid-parameter for a bad name or one of the system's
   * @see SCardIntroduceReaderGroup
   */
  introduceGroup(group: string): void {
    checkOwnGroup(group);
  }

  /**
   * Removes all readers from a group, and so the group. The readers stay. Does nothing for an unknown group.
   *
   * @throws invalid-parameter for a group of the system's; and as {@link Store.update}
   * @see SCardForgetReaderGroup
   */
  forgetGroup(group: string): void {
    checkOwnGroup(group);
    this.#update((readers) => [...readers.values()].filter(isIn(group)).map((reader) => put(without(reader, group))));
  }

  /**
   * Adds a reader to a group, which need not exist. Does nothing if it is already in it.
   *
   * @throws unknown-reader; invalid-parameter for a bad name of a group, or one of the system's other than
   * `SCard$DefaultReaders`; and as {@link Store.update}
   * @see SCardAddReaderToGroup
   */
  addToGroup(reader: string, group: string, attached: readonly string[] = []): void {
    checkTextOf("reader", reader);
    checkAttached(attached);
    checkGroupToChange(group);
    this.#update((readers) => {
      const named = demand(readers, reader);
      if (isIn(group)(named)) return [];
      if (named.groups.length >= MAX_GROUPS_PER_READER) {
        throw new SmartCardError("no-memory", `a reader is in at most ${MAX_GROUPS_PER_READER} groups`, { reader });
      }
      // The first reader's spelling of a group is kept.
      const spelling = groupsOf(readers.values()).find((known) => sameName(known, group)) ?? group;
      return [put({ ...named, groups: [...named.groups, spelling] })];
    }, attached);
  }

  /**
   * Removes a reader from a group; the last one removes the group. Does nothing if it is not in it.
   *
   * @throws unknown-reader; invalid-parameter as {@link addToGroup}; and as {@link Store.update}
   * @see SCardRemoveReaderFromGroup
   */
  removeFromGroup(reader: string, group: string, attached: readonly string[] = []): void {
    checkTextOf("reader", reader);
    checkAttached(attached);
    checkGroupToChange(group);
    this.#update((readers) => {
      const named = demand(readers, reader);
      return isIn(group)(named) ? [put(without(named, group))] : [];
    }, attached);
  }

  /**
   * The groups that have a reader, attached or not, `SCard$DefaultReaders` first, the others by name.
   * `SCard$AllReaders` is never among them.
   *
   * @see SCardListReaderGroups
   */
  groups(attached: readonly string[] = []): string[] {
    checkAttached(attached);
    return groupsOf(this.#named(attached).values());
  }

  /** All names: those of attached readers first, in the order of `attached`, then the others by name. */
  list(attached: readonly string[] = []): NamedReader[] {
    checkAttached(attached);
    const places = new Map(attached.map((device, place) => [foldName(device), place]));
    const place = ({ device }: StoredReader) => places.get(foldName(device)) ?? Number.MAX_SAFE_INTEGER;
    return [...this.#named(attached)]
      .sort(([oneKey, one], [otherKey, other]) => place(one) - place(other) || (oneKey < otherKey ? -1 : 1))
      .map(([, { name, device, groups }]) => ({
        name,
        device,
        groups: [...groups],
        attached: places.has(foldName(device)),
      }));
  }

  /**
   * The names of the attached readers that are in at least one of the groups; in any where no groups are given or
   * `SCard$AllReaders` is one of them. Groups that do not exist have no readers.
   *
   * @see SCardListReaders
   */
  available(attached: readonly string[], groups?: readonly string[]): string[] {
    checkAttached(attached);
    if (groups !== undefined) checkTexts("groups", groups, "names of groups");
    const all = groups === undefined || asksForAll(groups);
    return this.list(attached)
      .filter((reader) => reader.attached && (all || groups.some((group) => isIn(group)(reader))))
      .map(({ name }) => name);
  }

  /**
   * The device of a name: the manager's name for the reader.
   *
   * @throws unknown-reader
   */
  deviceOf(name: string, attached: readonly string[] = []): string {
    checkTextOf("name", name);
    checkAttached(attached);
    const { device } = demand(this.#named(attached), name);
    // The manager may compare names byte by byte: it gets its own spelling back.
    return attached.find((candidate) => sameName(candidate, device)) ?? device;
  }

  /** The names of a device, in the order of {@link list}; none for a device that the database and `attached` do not have. */
  namesOf(device: string, attached: readonly string[] = []): string[] {
    checkTextOf("device", device);
    checkAttached(attached);
    return this.list(attached)
      .filter((reader) => sameName(reader.device, device))
      .map(({ name }) => name);
  }

  /** The names in the database, by their folded form. */
  #stored(): Map<string, StoredReader> {
    const readers = new Map<string, StoredReader>();
    for (const layer of this.#stores.layers()) {
      for (const [key, reader] of layer.readers) if (!readers.has(key)) readers.set(key, reader);
    }
    return readers;
  }

  /** The names in the database and those that attached readers have automatically, by their folded form. */
  #named(attached: readonly string[]): Map<string, StoredReader> {
    const readers = this.#stored();
    const devices = new Set([...readers.values()].map(({ device }) => foldName(device)));
    for (const device of attached) {
      const key = foldName(device);
      if (!devices.has(key) && !readers.has(key)) {
        readers.set(key, { name: device, device, groups: [systemGroups.default] });
      }
    }
    return readers;
  }

  #update(
    decide: (readers: ReadonlyMap<string, StoredReader>) => readonly StoreChange[],
    attached: readonly string[] = [],
  ): void {
    this.#stores.own.update(() => {
      const changes = decide(this.#named(attached));
      const { readers } = this.#stores.own.contents();
      const added = changes.filter(({ kind, key }) => kind === "put-reader" && !readers.has(key)).length;
      if (added > 0 && readers.size + added > MAX_READERS) {
        throw new SmartCardError("no-memory", `a database holds at most ${MAX_READERS} readers`);
      }
      return changes;
    });
  }
}

function checkAttached(attached: readonly string[]): void {
  checkTexts("attached", attached, "names of readers");
}

function put(reader: StoredReader): StoreChange {
  return { kind: "put-reader", key: foldName(reader.name), reader };
}

function demand(readers: ReadonlyMap<string, StoredReader>, name: string): StoredReader {
  const reader = readers.get(foldName(name));
  if (reader !== undefined) return reader;
  throw new SmartCardError("unknown-reader", `there is no reader "${name}"`, { reader: name });
}

function isIn(group: string): (reader: { readonly groups: readonly string[] }) => boolean {
  return ({ groups }) => groups.some((candidate) => sameName(candidate, group));
}

function without(reader: StoredReader, group: string): StoredReader {
  return { ...reader, groups: reader.groups.filter((candidate) => !sameName(candidate, group)) };
}

function groupsOf(readers: Iterable<StoredReader>): string[] {
  const groups = new Map<string, string>();
  for (const reader of readers) {
    for (const group of reader.groups) if (!groups.has(foldName(group))) groups.set(foldName(group), group);
  }
  const first = foldName(systemGroups.default);
  return [...groups]
    .sort(([one], [other]) => Number(other === first) - Number(one === first) || (one < other ? -1 : 1))
    .map(([, group]) => group);
}
