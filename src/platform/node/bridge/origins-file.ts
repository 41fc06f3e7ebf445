// SPDX-License-Identifier: MIT

import { statSync } from "node:fs";
import { dirname } from "node:path";
import * as is from "../../../base/json/index.ts";
import { SmartCardError } from "../../../port/index.ts";
import { FileHold, fileStamp, makeFolders, readTextFile, replaceFile } from "../runtime/index.ts";
import { thisUser, whyUnsafeFolder, whyUntrusted } from "../unix/index.ts";

/** A page that was paired once. */
interface KeptPairing {
  /** Its name, and what proves it, in hexadecimal: the secret of the page cannot be made from it. */
  readonly id: string;
  readonly stored: string;
  readonly service: string;
  /** When it was paired: ISO 8601, in UTC. */
  readonly since: string;
}

/** An origin that may use cards. */
interface KeptOrigin {
  readonly origin: string;
  /** The readers that it sees; undefined for all that no origin was ever given by name. */
  readonly readers?: readonly string[] | undefined;
  readonly pairings: readonly KeptPairing[];
}

const MAX_ORIGINS = 256;
/** Browsers and profiles of one user. The oldest is forgotten for a new one. */
const MAX_PAIRINGS = 16;
const MAX_READERS = 64;
/** Readers that are kept from origins without readers of their own. Where there are more, all readers are. */
const MAX_WITHHELD = 1024;
const MAX_FILE_BYTES = 1_048_576;
/** In place of a stamp: the file was written here, and is read again, so that no change of another program is missed. */
const WRITTEN = "written";
/** Write permission of the group and of others. */
const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;

/** Version 1 had a hash in the place of each pairing's keys, with which nothing can be proved: those pages have to be paired again. */
const FILE_VERSION = 2;
const key = is.textLike(/^[0-9A-F]{64}$/, "64 hexadecimal digits");

/** The shape of a version of the file. */
function fileOf<P>(version: number, pairing: is.Shape<P>) {
  return is.object({
    version: is.whole(version, version),
    withheld: is.list(is.text(256), MAX_WITHHELD).optional(),
    origins: is.list(
      is.object({
        origin: is.text(256),
        readers: is.list(is.text(256), MAX_READERS).optional(),
        pairings: is.list(pairing, MAX_PAIRINGS),
      }),
      MAX_ORIGINS,
    ),
  });
}

const id = is.textLike(/^[0-9A-F]{32}$/, "32 hexadecimal digits");
const originsFile = fileOf(FILE_VERSION, is.object({ id, stored: key, service: key, since: is.text(64) }));
const oldFile = fileOf(1, is.object({ hash: key, since: is.text(64) }));

/** What is in the file. */
interface Kept {
  readonly origins: readonly KeptOrigin[];
  /** Readers that origins had by name once. */
  readonly withheld: readonly string[];
}

/** The origins that a bridge remembers, in a file that only its user may read. The secrets of pages are not in it, only their hashes. */
export class OriginsFile {
  readonly path: string;
  #kept: Kept = { origins: [], withheld: [] };
  #stamp: string | undefined;
  #isSure = true;
  #changed: () => void = () => undefined;
  /** Reads and changes happen one after another. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string) {
    this.path = path;
  }

  /** Reads the file, which need not be there. @throws no-access, invalid-value (it is not what a bridge writes) */
  static async open(path: string): Promise<OriginsFile> {
    const file = new OriginsFile(path);
    refuseOpenFolder(path);
    await file.reload();
    return file;
  }

  /** What was in the file when it was read last. */
  get origins(): readonly KeptOrigin[] {
    return this.#kept.origins;
  }

  /** Readers that origins had by name once: origins without readers of their own do not see them. */
  get withheld(): readonly string[] {
    return this.#kept.withheld;
  }

  /** Whether the file could be read when it was looked at last. */
  get isSure(): boolean {
    return this.#isSure;
  }

  /** Calls a function after each change of what is held here, by this program or another. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  /** Reads the file again where it was changed. @throws no-access, invalid-value: what was read before is held on to */
  async reload(): Promise<void> {
    await this.#inTurn(() => this.#read());
  }

  /** Adds a pairing to an origin, and the origin where it is not there. `readers` replaces what the origin had. */
  async pair(origin: string, pairing: KeptPairing, readers: readonly string[] | undefined): Promise<void> {
    await this.#change((origins) => {
      const known = origins.find((one) => one.origin === origin);
      const named = readers ?? known?.readers;
      const pairings = [...(known?.pairings ?? []), pairing].slice(-MAX_PAIRINGS);
      const kept = { origin, ...(named !== undefined && { readers: named }), pairings };
      return [...origins.filter((one) => one !== known), kept];
    });
  }

  /** Keeps readers from all origins that have no readers of their own. */
  async withhold(readers: readonly string[]): Promise<void> {
    if (readers.every((reader) => reader === "*" || this.withheld.includes(reader))) return;
    await this.#change((origins) => origins, readers);
  }

  /** Forgets an origin, with its pairings and its readers. @returns whether it was known */
  async revoke(origin: string): Promise<boolean> {
    let isKnown = false;
    await this.#change((origins) => {
      const others = origins.filter((one) => one.origin !== origin);
      isKnown = others.length < origins.length;
      return others;
    });
    return isKnown;
  }

  async #change(
    change: (origins: readonly KeptOrigin[]) => readonly KeptOrigin[],
    withheld: readonly string[] = [],
  ): Promise<void> {
    await this.#inTurn(async () => {
      makeFolders(dirname(this.path), 0o700);
      refuseOpenFolder(this.path);
      const hold = FileHold.take(this.path);
      try {
        await this.#read();
        const origins = change(this.origins);
        if (origins.length > MAX_ORIGINS)
          throw new SmartCardError("no-memory", `${this.path} has ${MAX_ORIGINS} origins: revoke some`);
        const named = [...this.origins, ...origins].flatMap(({ readers }) => readers ?? []);
        const kept = { origins, withheld: withheldOf(this.withheld, [...named, ...withheld]) };
        await replaceFile(this.path, `${JSON.stringify({ version: FILE_VERSION, ...kept }, undefined, 2)}\n`);
        this.#hold(kept, WRITTEN);
      } finally {
        hold.release();
      }
    });
  }

  async #read(): Promise<void> {
    const stamp = fileStamp(this.path);
    if (stamp === this.#stamp) {
      this.#isSure = true;
      return;
    }
    try {
      this.#hold(stamp === undefined ? { origins: [], withheld: [] } : await readOrigins(this.path), stamp);
    } catch (error) {
      this.#isSure = false;
      throw error;
    }
  }

  #hold(kept: Kept, stamp: string | undefined): void {
    this.#kept = kept;
    this.#isSure = true;
    this.#stamp = stamp;
    this.#changed();
  }

  #inTurn<T>(operation: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(operation);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** Each once. A `*` alone names no reader; it is kept where there were more names than the file may have. */
function withheldOf(before: readonly string[], names: readonly string[]): readonly string[] {
  const withheld = [...new Set([...before, ...names.filter((name) => name !== "*")])];
  return withheld.length > MAX_WITHHELD ? ["*"] : withheld;
}

/** Where others can write to a folder on its way, they can put another file in its place, also before there is one. @throws no-access */
function refuseOpenFolder(path: string): void {
  const user = thisUser();
  const why = user && whyUnsafeFolder(dirname(path), user);
  if (why === undefined) return;
  const remedy = "Make the folder yours alone (chmod 700), or name another file";
  throw new SmartCardError("no-access", `${path} is not trusted: ${why}. ${remedy}`);
}

/** @throws no-access where another user could have written the file */
function refuseForeign(path: string): void {
  const user = thisUser();
  if (user === undefined) return;
  const { gid, mode, uid } = statSync(path);
  const isOpen = (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITE) !== 0 && gid !== user.gid);
  let why = whyUntrusted(path, user);
  if (uid !== 0 && uid !== user.uid) why = `it belongs to user ${uid}`;
  else if (isOpen) why = "others can write to it";
  if (why !== undefined)
    throw new SmartCardError(
      "no-access",
      `${path} is not trusted: ${why}. Remove it, or make it yours alone (chmod 600)`,
    );
}

async function readOrigins(path: string): Promise<Kept> {
  refuseForeign(path);
  const damaged = (why: string): SmartCardError =>
    new SmartCardError("invalid-value", `${path} ${why}: mend it, or remove it and pair the pages again`);
  let json: unknown;
  try {
    json = JSON.parse(await readTextFile(path, { mostBytes: MAX_FILE_BYTES }));
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged("is not JSON");
    throw error;
  }
  const old = is.parseShape(oldFile, json);
  if (old.ok)
    return {
      origins: old.value.origins.map((one) => ({ ...one, pairings: [] })),
      withheld: old.value.withheld ?? [],
    };
  const parsed = is.parseShape(originsFile, json);
  if (parsed.ok) return { origins: parsed.value.origins, withheld: parsed.value.withheld ?? [] };
  const [problem] = parsed.error;
  throw damaged(`is not what scard bridge writes: ${problem?.path} ${problem?.message}`);
}
