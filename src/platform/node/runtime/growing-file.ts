// SPDX-License-Identifier: MIT

import { rename, rm } from "node:fs/promises";
import { fileFailure, newFile, temporaryBeside, type WrittenFile } from "./replace-file.ts";

/** A file that is written piece by piece. Only its owner may read it, and it never ends in the middle of a piece. */
export class GrowingFile {
  readonly #path: string;
  readonly #file: WrittenFile;
  #bytes = 0;

  private constructor(path: string, file: WrittenFile) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Makes the file, which is empty. Where the path is a link, the file that it leads to is replaced.
   *
   * @param mustBeNew whether a file that is there already is an error
   * @throws invalid-value (the file is there already, the disk is full), no-access, file-not-found (the folder)
   */
  static async open(path: string, mustBeNew: boolean): Promise<GrowingFile> {
    try {
      if (mustBeNew) return new GrowingFile(path, await newFile(path));
      const { target, temporary } = await temporaryBeside(path);
      const file = await newFile(temporary);
      try {
        await rename(temporary, target);
      } catch (error) {
        await file.close();
        await rm(temporary, { force: true });
        throw error;
      }
      return new GrowingFile(target, file);
    } catch (cause) {
      throw fileFailure(path, cause);
    }
  }

  /** How many bytes were written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a piece. @throws as {@link GrowingFile.open}; the file then ends with the piece before */
  async append(piece: string | Uint8Array): Promise<void> {
    const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#bytes + at);
        at += bytesWritten;
      }
      this.#bytes += bytes.length;
    } catch (cause) {
      await this.#file.truncate(this.#bytes).catch(() => undefined);
      throw fileFailure(this.#path, cause);
    }
  }

  /** Ends it: what was written is on the disk then. @throws as {@link GrowingFile.open} */
  async close(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (cause) {
      throw fileFailure(this.#path, cause);
    } finally {
      await this.#file.close();
    }
  }

  /** Ends it, and removes it. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}
