// SPDX-License-Identifier: MIT

/** The thread behind audit-writer.ts: writes the file of an audit log. */

import { parentPort, workerData } from "node:worker_threads";
import { SmartCardError } from "../../../port/index.ts";
import { AuditFile } from "./audit-file.ts";
import type { AuditAnswer, AuditRequest, AuditWorkerData } from "./audit-writer.ts";
import { findDriver } from "./find-driver.ts";

const { path, rotation }: AuditWorkerData = workerData;

let file: AuditFile | undefined;

async function answerTo(request: AuditRequest): Promise<AuditAnswer> {
  const { id } = request;
  try {
    if (request.kind === "close") file?.close();
    else file ??= new AuditFile(path, await findDriver(), rotation);
    if (request.kind === "append") file?.append(request.entries);
    return request.kind === "head" && file !== undefined ? { id, head: file.head() } : { id };
  } catch (error) {
    const code = error instanceof SmartCardError ? error.code : "internal-error";
    return { id, failed: { code, message: error instanceof Error ? error.message : String(error) } };
  }
}

parentPort?.on("message", (request: AuditRequest) => {
  void answerTo(request).then((answer) => parentPort?.postMessage(answer));
});
