// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { type Connection, SmartCardError, type WaitOptions } from "../../port/index.ts";
import { PendingBegins } from "./pending-begins.ts";

/** It only tells connections apart. */
function aConnection(): Connection {
  return {} as Connection;
}

/** A wait that lasts until its signal is aborted. */
function waitFor({ signal }: WaitOptions): Promise<void> {
  return new Promise((_, reject) => {
    const end = (): void => reject(new SmartCardError("cancelled", "", {}, { cause: signal?.reason }));
    if (signal?.aborted === true) end();
    else signal?.addEventListener("abort", end);
  });
}

describe("PendingBegins", () => {
  it("ends every wait of a connection, and of no other", async () => {
    const begins = new PendingBegins();
    const [one, other] = [aConnection(), aConnection()];
    const giver = new AbortController();
    const waits = [begins.run(one, {}, waitFor), begins.run(one, {}, waitFor)];
    const stays = begins.run(other, { signal: giver.signal }, waitFor);
    begins.cancel(one);
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: "cancelled" });
    giver.abort("enough");
    await expect(stays).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
  });

  it("passes the deadline on, and a signal that is aborted already", async () => {
    const begins = new PendingBegins();
    const waits: WaitOptions[] = [];
    await begins.run(aConnection(), { timeoutMs: 7 }, async (wait) => void waits.push(wait));
    expect(waits).toMatchObject([{ timeoutMs: 7 }]);
    const refused = begins.run(aConnection(), { signal: AbortSignal.abort("early") }, waitFor);
    await expect(refused).rejects.toMatchObject({ cause: "early" });
  });

  it("does nothing to what has begun, or begins later", async () => {
    const begins = new PendingBegins();
    const connection = aConnection();
    begins.cancel(connection);
    let during: AbortSignal | undefined;
    await begins.run(connection, {}, async ({ signal }) => {
      during = signal;
    });
    begins.cancel(connection);
    expect(during?.aborted).toBe(false);
  });
});
