// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { errorNumber, SmartCardError } from "../../port/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { ClientConnection } from "./connection.ts";
import { callFailure } from "./failures.ts";
import { type ClientLimits, defaultClientLimits } from "./limits.ts";
import type { Answer, CardLink, CardRequest } from "./links.ts";
import { RetryQueues } from "./retry-queue.ts";

const READER = "Reader";
const command = Uint8Array.of(0x00, 0xa4, 0x00, 0x00);
const response = Uint8Array.of(0x90, 0x00);
const success = { rv: 0, response };
const refused = { rv: errorNumber("sharing-violation", "pcsclite") };
const limits: ClientLimits = { ...defaultClientLimits, retryMs: 10 };

/** A link whose answers are given by hand, one for each request that is made. */
class HandLink implements CardLink {
  readonly dialect = "pcsclite";
  readonly mayPassQueue = true;
  isBusy = false;
  wiped = 0;
  closed: boolean | undefined;
  readonly asked: ((answer: object & Answer) => void)[] = [];

  request<T extends object>(): CardRequest<T> {
    return { ask: () => this.once(), letGo: () => {}, wipe: () => this.wiped++ };
  }

  once<T extends object>(): Promise<Answer & T> {
    this.isBusy = true;
    return new Promise((resolve) => {
      this.asked.push((answer) => {
        this.isBusy = false;
        resolve(answer as Answer & T);
      });
    });
  }

  reconnect = (): CardRequest<{ activeProtocol: number }> => this.request();
  begin = (): CardRequest => this.request();
  status = (): never => expect.unreachable();
  transmit = (): CardRequest<{ response: Uint8Array }> => this.request();
  control = (): CardRequest<{ output: Uint8Array }> => this.request();
  getAttribute = (): CardRequest<{ value: Uint8Array }> => this.request();
  setAttribute = (): CardRequest => this.request();
  end = (): Promise<Answer> => this.once();
  disconnect = (): Promise<Answer> => this.once();
  failure: CardLink["failure"] = (rv, operation) =>
    callFailure({ name: "the hand", dialect: "pcsclite" }, rv, operation, { reader: READER });
  close = (isClean: boolean): void => {
    this.closed = isClean;
  };
}

function open() {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const link = new HandLink();
  const queues = new RetryQueues(runtime.clock, limits);
  const connection = new ClientConnection({
    link,
    reader: READER,
    shareMode: "shared",
    preferredProtocols: ["t1"],
    activeProtocol: 2,
    queue: queues.of(READER),
    clock: runtime.clock,
    host: { isEndless: () => false, connectionClosed: () => {} },
  });
  return { runtime, link, connection };
}

describe("a connection", () => {
  test("has what it copied of the caller's bytes cleared, however the request ends", async () => {
    const { connection, link } = open();
    const answered = connection.transmit(command);
    link.asked[0]?.(success);
    expect(await answered).toBe(response);
    expect(link.wiped).toBe(1);
    const failed = connection.control(1, command);
    link.asked[1]?.({ rv: errorNumber("comm-error", "pcsclite") });
    await expect(failed).rejects.toMatchObject({ code: "comm-error" });
    expect(link.wiped).toBe(2);
  });

  test("asks again while it is refused, unless its context was cancelled meanwhile", async () => {
    const { connection, link, runtime } = open();
    const persistent = connection.transmit(command);
    link.asked[0]?.(refused);
    await runtime.advance(1_000);
    expect(link.asked).toHaveLength(2);
    link.asked[1]?.(success);
    expect(await persistent).toBe(response);
    const cancelled = connection.transmit(command);
    connection.cancel(new SmartCardError("cancelled", "the context was cancelled"));
    link.asked[2]?.(refused);
    await expect(cancelled).rejects.toMatchObject({ code: "cancelled" });
    expect(link.asked).toHaveLength(3);
  });

  test("that wants a reader for itself is refused once and for all", async () => {
    const { connection, link } = open();
    const options = { shareMode: "exclusive", preferredProtocols: ["t1"], initialization: "leave" } as const;
    const refusal = connection.reconnect(options);
    link.asked[0]?.(refused);
    await expect(refusal).rejects.toMatchObject({ code: "sharing-violation" });
    expect(connection.shareMode).toBe("shared");
  });

  test("lets those go on who stand behind the end of a transaction that it does not have any more", async () => {
    const { connection, link, runtime } = open();
    const ended = connection.endTransaction("leave");
    const bounded = connection.transmit(command, { protocol: "t1", timeoutMs: 100 });
    expect(link.asked).toHaveLength(1);
    link.asked[0]?.({ rv: errorNumber("not-transacted", "pcsclite") });
    await expect(ended).rejects.toMatchObject({ code: "not-transacted" });
    await runtime.advance(0);
    link.asked[1]?.(success);
    expect(await bounded).toBe(response);
  });

  test("is over when it is disconnected, whatever is answered, and says whether that was confirmed", async () => {
    const { connection, link } = open();
    const disconnected = connection.disconnect("leave");
    await expect(connection.transmit(command)).rejects.toMatchObject({ code: "invalid-handle" });
    link.asked[0]?.({ rv: errorNumber("invalid-handle", "pcsclite") });
    await disconnected;
    expect(link.closed).toBe(false);
  });
});
