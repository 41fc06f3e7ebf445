// SPDX-License-Identifier: MIT

import { Worker } from "node:worker_threads";
import type { AuditHead, AuditStore, AuditStoreEntry } from "../../../observe/audit/index.ts";
import { type ErrorCode, errorCodes, reasonIn, SmartCardError } from "../../../port/index.ts";
import type { AuditRotation } from "./audit-file.ts";

/** What the thread is started with. */
export interface AuditWorkerData {
  readonly path: string;
  readonly rotation: AuditRotation;
}

/** What the thread is asked. */
export type AuditRequest =
  | { readonly id: number; readonly kind: "head" | "close" }
  | { readonly id: number; readonly kind: "append"; readonly entries: readonly AuditStoreEntry[] };

/** What it answers. */
export type AuditAnswer =
  | { readonly id: number; readonly head?: AuditHead }
  | { readonly id: number; readonly failed: { readonly code: string; readonly message: string } };

interface Asked {
  resolve(head: AuditHead | undefined): void;
  reject(error: Error): void;
}

/**
 * Opens the file of an audit log for writing, in a thread of its own: a slow disk makes no call of a client wait. The folder and the
 * file are made, for their owner alone (0600), where they are not there.
 *
 * @throws what the first look at the file fails with: unsupported-feature (no SQLite), invalid-target, no-access
 */
export async function openAuditWriter(path: string, rotation: AuditRotation): Promise<AuditStore> {
  const writer = new AuditWriter(path, rotation);
  try {
    await writer.head();
  } catch (error) {
    await writer.close();
    throw error;
  }
  return writer;
}

class AuditWriter implements AuditStore {
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();
  #last = 0;
  #over: Error | undefined;

  constructor(path: string, rotation: AuditRotation) {
    const workerData: AuditWorkerData = { path, rotation };
    // Beside this file, and built as it is.
    const script = new URL(import.meta.url.replace(/[^/]*(\.[jt]s)$/, "audit-worker$1"));
    this.#worker = new Worker(script, { workerData });
    this.#worker.unref();
    this.#worker.on("message", (answer: AuditAnswer) => this.#answered(answer));
    this.#worker.on("error", (error) => this.#ended(error));
    this.#worker.on("exit", () =>
      this.#ended(new SmartCardError("internal-error", "the thread of the audit log has ended")),
    );
  }

  async head(): Promise<AuditHead> {
    const head = await this.#ask({ kind: "head" });
    if (head === undefined) throw new SmartCardError("internal-error", "the thread of the audit log has told no head");
    return head;
  }

  async append(entries: readonly AuditStoreEntry[]): Promise<void> {
    await this.#ask({ kind: "append", entries });
  }

  async close(): Promise<void> {
    if (this.#over === undefined) await this.#ask({ kind: "close" }).catch(() => undefined);
    this.#over ??= new SmartCardError("internal-error", "the audit log is closed");
    await this.#worker.terminate();
  }

  #ask(
    request:
      | { readonly kind: "head" | "close" }
      | { readonly kind: "append"; readonly entries: readonly AuditStoreEntry[] },
  ): Promise<AuditHead | undefined> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      const message: AuditRequest = { ...request, id };
      this.#worker.ref();
      this.#worker.postMessage(message);
    });
  }

  #answered(answer: AuditAnswer): void {
    const asked = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    // Only what is being written keeps the process alive.
    if (this.#asked.size === 0) this.#worker.unref();
    if ("failed" in answer) asked?.reject(failureOf(answer.failed));
    else asked?.resolve(answer.head);
  }

  #ended(error: Error): void {
    this.#over ??= error;
    for (const { reject } of this.#asked.values()) reject(this.#over);
    this.#asked.clear();
  }
}

function failureOf({ code, message }: { readonly code: string; readonly message: string }): Error {
  const known: ErrorCode = Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : "internal-error";
  return new SmartCardError(known, reasonIn(message, known));
}
