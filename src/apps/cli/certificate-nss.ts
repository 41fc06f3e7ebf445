// SPDX-License-Identifier: MIT

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SmartCardError } from "../../port/index.ts";
import type { CertificateStore } from "./certificate-export.ts";
import type { CardFile } from "./certificate-names.ts";
import { UsageError } from "./options.ts";
import { visible } from "./text.ts";

const PROGRAM = "certutil";
/** What certutil may write; it writes a line or a certificate. */
const MAX_OUTPUT = 200_000;
/** A store that another program holds is waited for; a question of certutil gets no answer, and is none after this time. */
const MOST_MS = 30_000;
/** The file that an NSS store of today has: the form "sql:". */
const STORE_FILE = "cert9.db";

/** A certificate store of NSS, which Firefox, Chromium and Thunderbird have, by its program certutil. */
export class NssStore implements CertificateStore {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws UsageError (no store is there), unsupported-feature (there is no certutil) */
  static async open(folder: string): Promise<NssStore> {
    if (!existsSync(join(folder, STORE_FILE)))
      throw new UsageError(
        `${visible(folder)} has no NSS store (${STORE_FILE}); make one: certutil -N -d sql:FOLDER --empty-password`,
      );
    const store = new NssStore(folder);
    await store.#certutil(["-L"], "");
    return store;
  }

  async add({ name, pem }: CardFile): Promise<string | undefined> {
    // No trust: it is the certificate of a person, whose key is on the card.
    if (await this.#has(name)) return undefined;
    await this.#certutil(["-A", "-n", name, "-t", ",,", "-a"], pem);
    // A certificate that is there under another name keeps that one.
    return (await this.#has(name)) ? `sql:${this.#folder} ${name}` : undefined;
  }

  async remove({ name, pem }: CardFile): Promise<void> {
    const found = await this.#run(["-L", "-n", name, "-a"], "");
    // It lists all certificates of the same subject.
    if (found.status !== 0 || !sameText(found.output).includes(sameText(pem))) return;
    await this.#certutil(["-D", "-n", name], "");
  }

  async #has(name: string): Promise<boolean> {
    return (await this.#run(["-L", "-n", name], "")).status === 0;
  }

  async #certutil(args: readonly string[], input: string): Promise<void> {
    const { output, status } = await this.#run(args, input);
    if (status === 0) return;
    const told = visible(output.trim().split("\n").at(-1) ?? "").slice(0, 200);
    const message = `certutil ${args[0]} on sql:${this.#folder} failed: ${told || "it was ended"}`;
    throw new SmartCardError("no-access", message, {});
  }

  async #run(
    args: readonly string[],
    input: string,
  ): Promise<{ readonly status: number | null; readonly output: string }> {
    const child = spawn(PROGRAM, [...args, "-d", `sql:${this.#folder}`], { timeout: MOST_MS, stdio: "pipe" });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output = (output + text).slice(0, MAX_OUTPUT);
      });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    try {
      const status = await new Promise<number | null>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", resolve);
      });
      return { status, output };
    } catch (cause) {
      throw cannotStart(cause);
    }
  }
}

function cannotStart(cause: unknown): SmartCardError {
  const message = `${PROGRAM} cannot be started; it is in the package libnss3-tools (Debian), nss-tools (Fedora) or nss (Homebrew)`;
  return new SmartCardError("unsupported-feature", message, {}, { cause });
}

function sameText(pem: string): string {
  return pem.replaceAll(/\s/g, "");
}
