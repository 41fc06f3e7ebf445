// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import type { ObservedEvent } from "../../observe/calls/index.ts";
import type { StreamConnection } from "./control-server.ts";
import { EventLines, MAX_KEPT_BYTES } from "./event-lines.ts";

/** A client that reads when it is told to. */
class Reading {
  unsentBytes = 0;
  readonly writes: Uint8Array[] = [];
  readonly #done: (() => void)[] = [];
  readonly connection: StreamConnection;

  constructor(isSlow: boolean) {
    const { writes } = this;
    const send = (bytes: Uint8Array, done?: () => void): void => {
      writes.push(Uint8Array.from(bytes));
      if (isSlow) this.unsentBytes += bytes.length;
      if (done !== undefined) this.#done.push(done);
    };
    const unsent = (): number => this.unsentBytes;
    this.connection = {
      send,
      get unsentBytes() {
        return unsent();
      },
    };
  }

  /** It reads all that was sent. */
  read(): void {
    this.unsentBytes = 0;
    for (const done of this.#done.splice(0)) done();
  }

  get lines(): readonly { readonly dropped?: number; readonly event?: { readonly number: number } }[] {
    const text = this.writes.map((bytes) => new TextDecoder().decode(bytes)).join("");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }
}

function event(number: number): ObservedEvent {
  const cause = "x".repeat(1000);
  return { kind: "card", number, time: 0, reader: "Reader", change: "reset", atr: "", client: undefined, cause };
}

describe("lines for one client", () => {
  test("are written together", () => {
    const client = new Reading(false);
    const lines = new EventLines(client.connection, 7, false);
    for (let number = 1; number <= 20; number++) lines.add(event(number));
    expect(client.writes).toHaveLength(0);
    lines.send();
    expect(client.writes).toHaveLength(1);
    expect(client.lines.map((line) => line.event?.number)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(client.lines[0]).toMatchObject({ id: 7 });
  });

  test("a client that does not read loses the oldest, is told how many, and costs no more than is kept for it", () => {
    const client = new Reading(true);
    const lines = new EventLines(client.connection, undefined, false);
    const all = 5000;
    for (let number = 1; number <= all; number++) {
      lines.add(event(number));
      lines.send();
    }
    expect(client.lines.map((line) => line.event?.number)).toEqual([1]);
    for (let turn = 0; turn < 50; turn++) {
      client.read();
      lines.send();
    }
    const bytes = client.writes.reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeLessThan(MAX_KEPT_BYTES + 4096);
    const [, told, ...rest] = client.lines;
    const dropped = told?.dropped ?? 0;
    expect(dropped).toBeGreaterThan(0);
    expect(rest.map((line) => line.event?.number)).toEqual(
      Array.from({ length: all - 1 - dropped }, (_, index) => index + 2 + dropped),
    );
  });

  test("bytes that were sent are cleared, as they may hold PINs", () => {
    const sent: { bytes: Uint8Array; done: (() => void) | undefined }[] = [];
    const connection = {
      unsentBytes: 0,
      send: (bytes: Uint8Array, done?: () => void) => void sent.push({ bytes, done }),
    };
    const lines = new EventLines(connection, undefined, true);
    lines.add(event(1));
    lines.send();
    expect(sent[0]?.bytes.some((byte) => byte !== 0)).toBe(true);
    sent[0]?.done?.();
    expect(sent[0]?.bytes.every((byte) => byte === 0)).toBe(true);
  });
});
