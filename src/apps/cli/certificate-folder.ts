// SPDX-License-Identifier: MIT

import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolders } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import type { CertificateStore } from "./certificate-export.ts";
import type { CardFile } from "./certificate-names.ts";

/** Certificates are public. */
const FILE_MODE = 0o644;

/** A folder with a PEM file for each certificate. */
export class CertificateFolder implements CertificateStore {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes the folder where it is not there. @throws no-access, invalid-value */
  static async open(path: string): Promise<CertificateFolder> {
    try {
      makeFolders(path);
    } catch (cause) {
      throw folderFailure(`the folder ${path} cannot be made`, cause);
    }
    return new CertificateFolder(path);
  }

  async add(certificate: CardFile): Promise<string | undefined> {
    const place = this.#placeOf(certificate);
    try {
      // A file that is there is another program's, whatever is in it.
      await writeFile(place, certificate.pem, { flag: "wx", mode: FILE_MODE });
      return place;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EEXIST") return undefined;
      throw folderFailure(`${place} cannot be written`, cause);
    }
  }

  async remove(certificate: CardFile): Promise<void> {
    const place = this.#placeOf(certificate);
    try {
      if ((await readFile(place, "utf8")) === certificate.pem) await rm(place);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
      throw folderFailure(`${place} cannot be removed; remove it by hand`, cause);
    }
  }

  #placeOf({ name }: CardFile): string {
    return join(this.#path, `${name}.pem`);
  }
}

function folderFailure(what: string, cause: unknown): SmartCardError {
  const reason = String((cause as NodeJS.ErrnoException).code);
  const code = ["EACCES", "EPERM", "EROFS"].includes(reason) ? "no-access" : "invalid-value";
  return new SmartCardError(code, `${what} (${reason})`, {}, { cause });
}
