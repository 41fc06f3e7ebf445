// SPDX-License-Identifier: MIT

import { type Database, type ReaderNames, sameName } from "../../database/index.ts";
import { type Context, PNP_NOTIFICATION, type ReaderDevice, SmartCardError } from "../../port/index.ts";
import type { Foundation } from "./foundation.ts";

/**
 * Translates between programs' names of readers and the manager's. A reader without a name in the database has the
 * manager's name; one with introduced names has only those.
 *
 * Where the database is not available, no reader has an introduced name: a program can use its card all the same, and the database
 * functions report the failure.
 */
export class ReaderNaming {
  readonly #foundation: Foundation;

  constructor(foundation: Foundation) {
    this.#foundation = foundation;
  }

  /**
   * The manager's name of a reader. The pseudo reader of SCardGetStatusChange keeps its own.
   *
   * @throws unknown-reader; reader-unavailable where the name was introduced and its device is not attached
   */
  async resolve(opened: Context, name: string): Promise<string> {
    const [resolved = name] = await this.resolveAll(opened, [name]);
    return resolved;
  }

  /**
   * The same for many; at once where no reader was given a name, so that what waits for a reader then is in the
   * manager's hands when the call returns.
   *
   * @throws as {@link resolve}; cancelled (by SCardCancel in the meantime)
   */
  resolveAll(opened: Context, names: readonly string[]): string[] | Promise<string[]> {
    const given = this.#given(opened);
    if (given === undefined) return [...names];
    return this.#foundation.beforeWait(opened, resolveWith(opened, names, given));
  }

  /** The names of a reader that the manager has under `device`: one at least. */
  async namesOf(opened: Context, device: string): Promise<string[]> {
    const given = await this.#given(opened);
    const names = given?.namesOf(device, [device]) ?? [];
    return names.length > 0 ? names : [device];
  }

  /** The names of the attached readers that are in any of the groups; of all where none are given. */
  async available(opened: Context, groups: readonly string[] | undefined): Promise<string[]> {
    const given = await this.#given(opened);
    if (given === undefined) return await opened.listReaders(groups);
    const attached = await opened.listReaders();
    const found = new Set(given.available(attached, groups));
    // A manager may have groups of its own. What is in those of the system is for the database to say.
    const others = (groups ?? []).filter((group) => !isSystemGroup(group));
    for (const device of others.length > 0 ? await opened.listReaders(others) : []) {
      for (const name of given.namesOf(device, attached)) found.add(name);
    }
    return given.available(attached).filter((name) => found.has(name));
  }

  /** The groups that hold at least one reader. */
  async groups(opened: Context): Promise<string[]> {
    const given = await this.#given(opened);
    if (given === undefined) return await opened.listReaderGroups();
    const groups = given.groups(await opened.listReaders());
    const others = (await opened.listReaderGroups()).filter((group) => !isSystemGroup(group));
    return [...groups, ...others.filter((group) => !groups.some((known) => sameName(known, group)))];
  }

  /**
   * The manager's name of an attached reader whose device has that system name (SCARD_ATTR_DEVICE_SYSTEM_NAME); the
   * name as it is where there is no such reader, or where a reader has that very name.
   */
  async ofSystemName(opened: Context, attached: readonly string[], name: string): Promise<string> {
    if (attached.some((reader) => sameName(reader, name))) return name;
    const devices = await describeAll(opened, attached);
    return devices.find(({ systemName }) => sameName(systemName, name))?.reader ?? name;
  }

  /** The names that readers were given; undefined where none was, or where the database cannot be read. */
  #given(opened: Context): MaybeNames | Promise<MaybeNames> {
    try {
      // The manager's own names are those of its database.
      if (this.#foundation.databaseSource === undefined) return undefined;
      const database = this.#foundation.databaseSource(opened.scope);
      return database instanceof Promise ? database.then(namesIn).catch(noNames) : namesIn(database);
    } catch (error) {
      return noNames(error);
    }
  }
}

type MaybeNames = ReaderNames | undefined;

function namesIn({ readers }: Database): MaybeNames {
  return readers.list().length > 0 ? readers : undefined;
}

function noNames(error: unknown): undefined {
  if (!(error instanceof SmartCardError)) throw error;
}

async function resolveWith(
  opened: Context,
  names: readonly string[],
  given: ReaderNames | Promise<MaybeNames>,
): Promise<string[]> {
  const readers = await given;
  if (readers === undefined) return [...names];
  const attached = await opened.listReaders();
  return names.map((name) => {
    if (sameName(name, PNP_NOTIFICATION)) return name;
    const device = readers.deviceOf(name, attached);
    if (attached.includes(device)) return device;
    const message = `"${name}" stands for the device ${device}, which is not attached`;
    throw new SmartCardError("reader-unavailable", message, { reader: name });
  });
}

/** The attached readers as devices, without those that go while they are asked. */
export async function describeAll(opened: Context, attached: readonly string[]): Promise<ReaderDevice[]> {
  const devices: ReaderDevice[] = [];
  for (const reader of attached) {
    try {
      devices.push(await opened.describeReader(reader));
    } catch (error) {
      const gone = error instanceof SmartCardError && ["unknown-reader", "reader-unavailable"].includes(error.code);
      if (!gone) throw error;
    }
  }
  return devices;
}

function isSystemGroup(group: string): boolean {
  return group.toLowerCase().startsWith("scard$");
}
