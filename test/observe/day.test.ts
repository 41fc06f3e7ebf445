// SPDX-License-Identifier: MIT

// 24 simulated hours of traffic: what is kept in memory and in files stays within its limits.

import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { type AuditStore, AuditTrail, AuditVerifier } from "../../src/observe/audit/index.ts";
import { Metrics } from "../../src/observe/metrics/index.ts";
import { CardPolicy } from "../../src/observe/policy/index.ts";
import { AuditFile, auditFilesOf, findDriver, openAuditFile } from "../../src/platform/node/sqlite/index.ts";
import type { HostCrypto } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { observedCall, observedChange, observedExchange } from "./events.ts";

const hash: HostCrypto["hash"] = (name, data) => createHash(name).update(data).digest();
const settle = (): Promise<unknown> => new Promise(setImmediate);
const HOUR_MS = 3_600_000;
/** What is simulated at once. */
const STEP_MINUTES = 5;
const MINUTES = 24 * 60;
const MAX_BYTES = 262_144;
const KEEP = 3;

it("keeps metrics, policy and audit log within their limits", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scard-day-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "audit.sqlite");
  const driver = await findDriver();
  const runtime = new SimulatedRuntime({ settle });
  const { clock } = runtime;
  const file = new AuditFile(path, driver, { maxBytes: MAX_BYTES, maxAgeMs: 6 * HOUR_MS, keep: KEEP });
  const store: AuditStore = {
    head: async () => file.head(),
    append: async (entries) => file.append(entries),
    close: async () => file.close(),
  };
  const metrics = new Metrics({ readers: 50 });
  const policy = new CardPolicy({ lastTry: "confirm", verifications: { count: 5, windowMs: 60_000 } }, { clock });
  const trail = new AuditTrail({ clock, store, hash });
  let connection = 0;
  let sizeAtNoon = 0;
  for (let minute = 0; minute < MINUTES; minute += STEP_MINUTES) {
    // Programs with names and processes of their own, readers that come and go: nothing is the same twice.
    for (let session = 0; session < 4; session++) {
      const reader = `Reader ${minute} ${session}`;
      const time = clock.wallTime();
      const client = { name: `program ${minute}.${session}`, pid: minute * 4 + session, uid: minute };
      const call = { reader, connection: ++connection, context: connection, client, time };
      const exchange = observedExchange({
        name: "VERIFY",
        command: { bytes: "00 20 00 80 [8 bytes withheld]", text: "VERIFY" },
        statusWord: 0x63c2,
        commandBytes: 13,
      });
      for (const event of [
        observedChange({ change: "reader-added", reader, time }),
        observedChange({ change: "inserted", reader, atr: "3B00", time }),
        observedCall({ ...call, operation: "connect" }),
        observedCall({ ...call, operation: "begin-transaction" }),
        observedCall({ ...call, operation: "transmit", exchange, waitedMs: 1 }),
        // One in four programs ends without a word.
        ...(session === 0 ? [] : [observedCall({ ...call, operation: "disconnect", disposition: "reset" })]),
        observedChange({ change: session % 2 === 0 ? "removed" : "reset", reader, time, cause: "disposition" }),
        observedChange({ change: "reader-removed", reader, time }),
      ]) {
        metrics.observed(event);
        policy.observed(event);
        trail.observed(event);
      }
      const asked = { client, reader, connection, command: hexBytes("00200080083132333435363738") };
      if (policy.before(asked) === undefined) policy.after({ ...asked, response: hexBytes("63C1") });
    }
    await runtime.advance(STEP_MINUTES * 60_000);
    if (minute === MINUTES / 2) sizeAtNoon = metrics.text().length;
  }
  await trail.close();
  // Counts have more digits, and nothing else has grown.
  expect(metrics.text().length).toBeLessThan(sizeAtNoon * 1.02 + 200);
  expect(trail.dropped).toBe(0);
  expect(trail.head?.number).toBeGreaterThan((MINUTES / STEP_MINUTES) * 4 * 4);
  expect(readdirSync(folder).sort()).toEqual(["audit.sqlite", ...[1, 2, 3].map((at) => `audit.sqlite.${at}`)]);
  const files = auditFilesOf(path).map((one) => openAuditFile(one, driver));
  for (const one of files) expect(statSync(one.path).size).toBeLessThan(MAX_BYTES * 1.25);
  const verifier = new AuditVerifier(hash, files[0]?.base);
  const entries = files.flatMap((one) => one.after(0, 1_000_000));
  for (const one of files) one.close();
  expect(entries.map((entry) => verifier.next(entry)).filter((broken) => broken !== undefined)).toEqual([]);
  expect(verifier.head.number).toBe(trail.head?.number);
  expect(runtime.pendingTimers).toEqual([]);
});
