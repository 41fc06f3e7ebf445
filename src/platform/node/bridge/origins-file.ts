// SPDX-License-Identifier: MIT

import { dirname } from "node:path";
import * as is from "../../../base/json/index.ts";
import { SmartCardError } from "../../../port/index.ts";
import { FileHold, fileStamp, makeFolders, readTextFile, replaceFile } from "../runtime/index.ts";

/** A page that was paired once. */
interface KeptPairing {
  /** SHA-256 of its secret, in hexadecimal. */
  readonly hash: string;
  /** When it was paired: ISO 8601, in UTC. */
  readonly since: string;
}

/** An origin that may use cards. */
interface KeptOrigin {
  readonly origin: string;
  /** The readers that it sees; undefined for all that no other origin has by name. */
  readonly readers?: readonly string[] | undefined;
  readonly pairings: readonly KeptPairing[];
}

const MAX_ORIGINS = 256;
/** Browsers and profiles of one user. The oldest is forgotten for a new one. */
const MAX_PAIRINGS = 16;
const MAX_READERS = 64;
const MAX_FILE_BYTES = 1_048_576;

const originsFile = is.object({
  version: is.whole(1, 1),
  origins: is.list(
    is.object({
      origin: is.text(256),
      readers: is.list(is.text(256), MAX_READERS).optional(),
      pairings: is.list(
        is.object({ hash: is.textLike(/^[0-9A-F]{64}$/, "64 hexadecimal digits"), since: is.text(64) }),
        MAX_PAIRINGS,
      ),
    }),
    MAX_ORIGINS,
  ),
});

/** The origins that a bridge remembers, in a file that only its user may read. The secrets of pages are not in it, only their hashes. */
export class OriginsFile {
  readonly path: string;
  #origins: readonly KeptOrigin[] = [];
  #stamp: string | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  /** Reads the file, which need not be there. @throws no-access, invalid-value (it is not what a bridge writes) */
  static async open(path: string): Promise<OriginsFile> {
    const file = new OriginsFile(path);
    await file.reload();
    return file;
  }

  /** What was in the file when it was read last. */
  get origins(): readonly KeptOrigin[] {
    return this.#origins;
  }

  /** Reads the file again where it was changed. @returns whether it was */
  async reload(): Promise<boolean> {
    const stamp = fileStamp(this.path);
    if (stamp === this.#stamp) return false;
    this.#origins = stamp === undefined ? [] : await readOrigins(this.path);
    this.#stamp = stamp;
    return true;
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

  async #change(change: (origins: readonly KeptOrigin[]) => readonly KeptOrigin[]): Promise<void> {
    makeFolders(dirname(this.path), 0o700);
    const hold = FileHold.take(this.path);
    try {
      await this.reload();
      const changed = change(this.#origins);
      if (changed.length > MAX_ORIGINS)
        throw new SmartCardError("no-memory", `${this.path} has ${MAX_ORIGINS} origins: revoke some`);
      await replaceFile(this.path, `${JSON.stringify({ version: 1, origins: changed }, undefined, 2)}\n`);
      this.#origins = changed;
      this.#stamp = fileStamp(this.path);
    } finally {
      hold.release();
    }
  }
}

async function readOrigins(path: string): Promise<readonly KeptOrigin[]> {
  const damaged = (why: string): SmartCardError =>
    new SmartCardError("invalid-value", `${path} ${why}: mend it, or remove it and pair the pages again`);
  let json: unknown;
  try {
    json = JSON.parse(await readTextFile(path, { mostBytes: MAX_FILE_BYTES }));
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged("is not JSON");
    throw error;
  }
  const parsed = is.parseShape(originsFile, json);
  if (parsed.ok) return parsed.value.origins;
  const [problem] = parsed.error;
  throw damaged(`is not what scard bridge writes: ${problem?.path} ${problem?.message}`);
}
