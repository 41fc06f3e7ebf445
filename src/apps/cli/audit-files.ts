// SPDX-License-Identifier: MIT

import {
  type AuditHead,
  type AuditStoreEntry,
  AuditVerifier,
  type BrokenAuditEntry,
} from "../../observe/audit/index.ts";
import { makeHostCrypto } from "../../platform/node/crypto/index.ts";
import { nodeRuntime } from "../../platform/node/runtime/index.ts";
import { auditFilesOf, findDriver, openAuditFile } from "../../platform/node/sqlite/index.ts";
import { SmartCardError } from "../../port/index.ts";

/** So many entries are read at once. */
const PAGE = 1000;

/** Reads the entries after a number of an audit log, over all its files, oldest first. @throws SmartCardError */
export async function* entriesAfter(path: string, number: number): AsyncGenerator<AuditStoreEntry> {
  const driver = await findDriver();
  let last = number;
  for (const one of auditFilesOf(path)) {
    const file = openAuditFile(one, driver);
    try {
      for (let page = file.after(last, PAGE); page.length > 0; page = file.after(last, PAGE)) {
        for (const entry of page) {
          last = entry.number;
          yield entry;
        }
      }
    } finally {
      file.close();
    }
  }
}

/** What following the chain of an audit log has found. */
export interface Verification {
  readonly files: readonly string[];
  /** What its first entry follows: 0 where nothing was rotated away. */
  readonly from: AuditHead;
  /** The last entry that belongs to the chain. */
  readonly to: AuditHead;
  readonly broken: (BrokenAuditEntry & { readonly path: string }) | undefined;
}

/**
 * Follows the chain of hashes over all files of an audit log, up to the first entry that does not belong to it.
 *
 * @param known an entry that must be in it: what the daemon has written last
 * @throws file-not-found (there is no log), and what reading fails with
 */
export async function verifyAudit(path: string, known?: AuditHead): Promise<Verification> {
  const files = auditFilesOf(path);
  if (files.length === 0) throw new SmartCardError("file-not-found", `${path}: there is no audit log`);
  const driver = await findDriver();
  const { hash } = makeHostCrypto(nodeRuntime().random);
  let verifier: AuditVerifier | undefined;
  let from: AuditHead | undefined;
  let seesKnown = known === undefined;
  const end = (broken?: Verification["broken"]): Verification => {
    const nothing = { number: 0, hash: "" };
    return { files, from: from ?? nothing, to: verifier?.head ?? nothing, broken };
  };
  for (const one of files) {
    const file = openAuditFile(one, driver);
    try {
      from ??= file.base;
      verifier ??= new AuditVerifier(hash, file.base);
      if (file.base.number !== verifier.head.number || file.base.hash !== verifier.head.hash)
        return end({ number: verifier.head.number + 1, path: one, problem: "the file does not follow the one before" });
      for (let page = file.after(0, PAGE); page.length > 0; page = file.after(page.at(-1)?.number ?? 0, PAGE)) {
        for (const entry of page) {
          const broken = verifier.next(entry);
          if (broken !== undefined) return end({ ...broken, path: one });
          seesKnown ||= entry.number === known?.number && entry.hash === known.hash;
        }
      }
    } finally {
      file.close();
    }
  }
  if (seesKnown || known === undefined) return end();
  const problem = "the daemon has written it, and it is not there";
  return end({ number: known.number, path, problem });
}
