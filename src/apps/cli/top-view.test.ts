// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import type { WhoReport } from "../daemon/index.ts";
import { painter } from "./terminal.ts";
import { emptyTop, stepTop, type TopCall, type TopEvent, type TopState } from "./top-model.ts";
import { describeTop, renderTop } from "./top-view.ts";

const gpg = { name: "gpg", pid: 33, uid: 1000 };
const scdaemon = { name: "scdaemon", pid: 44, uid: 1000 };
const report: WhoReport = {
  daemon: { pid: 7, profile: "pcsclite", runningMs: 61_000, knowsClients: true, sessions: 2 },
  readers: [
    {
      name: "Desk",
      id: "virtual:Desk",
      eventCount: 1,
      card: { atr: "3B021450", powered: true, mute: false, protocol: "t0" },
      connections: [
        { client: gpg, shareMode: "shared", protocol: "t0", connectedMs: 5000 },
        { client: scdaemon, shareMode: "shared", protocol: "t0", connectedMs: 4000 },
      ],
      lock: { client: gpg, heldMs: 3200, depth: 2, lastExchangeMs: undefined },
      queue: [{ client: scdaemon, operation: "begin", waitingMs: 1200 }],
    },
    { name: "Door", id: "virtual:Door", eventCount: 0, connections: [], lock: undefined, queue: [] },
  ],
  clients: [
    { client: gpg, contexts: 1, statusWaits: 0 },
    { client: scdaemon, contexts: 1, statusWaits: 1 },
  ],
};
const call = (name: string, at: number, tookMs = 2): TopCall => ({
  time: "2026-11-30T12:00:01.123Z",
  at,
  client: "gpg",
  pid: 33,
  reader: "Desk",
  name,
  isCommand: true,
  result: "9000",
  tookMs,
});

/** The state after events. */
function stateAfter(...events: readonly TopEvent[]): TopState {
  return events.reduce((state, event) => stepTop(state, event).state, emptyTop);
}

const reported: TopEvent = { kind: "report", report };
const traced: TopEvent = { kind: "trace", isOn: true };
const keys = (text: string): TopEvent[] => [...text].map((one) => ({ kind: "key", name: one, text: one }));
const key = (name: string): TopEvent => ({ kind: "key", name, text: "" });

function screen(state: TopState, columns = 100, rows = 24): readonly string[] {
  return renderTop(state, { columns, rows, now: 1000, paint: painter(false), cardNames: () => [] });
}

describe("renderTop", () => {
  it("shows readers, holders, who waits, clients and calls", () => {
    const told: TopEvent = { kind: "call", call: call("SELECT", 900) };
    expect(screen(stateAfter(traced, reported, told))).toEqual([
      "scard top  daemon 7, up 61.0 s, 2 readers, 2 connections  0.2 APDU/s  slowest 2.00 ms SELECT of gpg",
      "> Desk  card with T=0  held by gpg (pid 33) for 3.2 s, 2 times",
      "      1. scdaemon (pid 44) waits for 1.2 s: begin",
      "  Door  no card",
      "clients",
      '  gpg (pid 33)  1 context, "Desk" shared since 5.0 s',
      '  scdaemon (pid 44)  1 context, "Desk" shared since 4.0 s, waits for a change',
      "calls",
      "12:00:01.123  gpg (pid 33)  Desk  SELECT  9000  2.00 ms",
      "? help  / filter  p pause  d disconnect  r reset  e eject  q quit",
    ]);
  });

  it("has no pane of calls where the daemon tells none", () => {
    expect(screen(stateAfter(reported)).join("\n")).not.toMatch(/calls|APDU/);
  });

  it("names cards as the database does", () => {
    const setting = { now: 0, paint: painter(false), cardNames: () => ["Card of ours"] };
    expect(describeTop(stateAfter(reported), setting)[1]).toBe(
      "  Desk  Card of ours  held by gpg (pid 33) for 3.2 s, 2 times",
    );
  });

  it.each([
    [10, 24],
    [1, 24],
    [0, 24],
    [40, 5],
    [40, 2],
    [40, 1],
    [40, 0],
  ])("fits into %i columns and %i rows", (columns, rows) => {
    const calls = Array.from({ length: 50 }, (_, at): TopEvent => ({ kind: "call", call: call("READ BINARY", at) }));
    for (const state of [
      stateAfter(traced, reported, ...calls),
      stateAfter(traced, reported, ...keys("?")),
      stateAfter(reported, ...keys("r")),
    ]) {
      const lines = screen(state, columns, rows);
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    }
  });

  it("keeps the line with the cursor in sight among many readers", () => {
    const many = {
      ...report,
      readers: Array.from({ length: 100 }, (_, at) => ({ ...report.readers[1], name: `Reader ${at}` })),
    };
    const down = Array.from({ length: 60 }, () => key("down"));
    const lines = screen(stateAfter(traced, { kind: "report", report: many as WhoReport }, ...down), 60, 20);
    expect(lines.filter((line) => line.startsWith("> "))).toEqual([expect.stringContaining("Reader 60")]);
    expect(lines.length).toBeLessThanOrEqual(20);
  });

  it("lets no name act on the terminal", () => {
    const hostile = {
      ...report,
      readers: report.readers.map((reader) => ({ ...reader, name: "\u001b]0;x\u0007\u202e" })),
    };
    const told: TopEvent = {
      kind: "call",
      call: { ...call("\u001b[2J", 0), client: "\u001b[1m", result: "\r", reader: "\n" },
    };
    const state = stateAfter(traced, { kind: "report", report: hostile }, told, { kind: "remark", text: "\u001bc" });
    expect(screen(state, 500).join("")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it("uses colour only where it may", () => {
    const coloured = renderTop(stateAfter(reported), {
      columns: 80,
      rows: 20,
      now: 0,
      paint: painter(true),
      cardNames: () => [],
    });
    expect(coloured.join("")).toContain("\u001b[");
    expect(screen(stateAfter(reported)).join("")).not.toContain("\u001b[");
  });
});

describe("stepTop", () => {
  it("filters readers, clients and calls while a text is typed, and forgets it at Esc", () => {
    const told = [call("SELECT", 0), { ...call("VERIFY", 0), client: "firefox", pid: 5 }];
    const calls = told.map((one): TopEvent => ({ kind: "call", call: one }));
    const typed = stateAfter(traced, reported, ...calls, ...keys("/FIREq"), key("backspace"));
    expect(screen(typed).slice(1)).toEqual([
      "no reader",
      'calls, with "FIRE"',
      "12:00:01.123  firefox (pid 5)  Desk  VERIFY  9000  2.00 ms",
      "filter: FIRE_  Enter keeps it, Esc does not",
    ]);
    const kept = stepTop(typed, key("return")).state;
    expect(screen(kept).at(-1)).toMatch(/^filter "FIRE", Esc clears it {2}\? help/);
    expect(screen(stepTop(kept, key("escape")).state)).toEqual(screen(stateAfter(traced, reported, ...calls)));
    expect(screen(stepTop(typed, key("escape")).state)).toEqual(screen(stateAfter(traced, reported, ...calls)));
  });

  it("stands still while it is paused, and counts all the same", () => {
    const paused = stateAfter(traced, reported, ...keys("p"));
    const later = stepTop(stepTop(paused, { kind: "call", call: call("SELECT", 900) }).state, {
      kind: "report",
      report: { ...report, readers: [] },
    }).state;
    expect(screen(later).join("\n")).toMatch(/paused[\s\S]*\n> Desk/);
    expect(screen(later).join("\n")).toContain("0.2 APDU/s");
    expect(screen(stepTop(later, { kind: "key", name: "p", text: "p" }).state).join("\n")).not.toContain("paused");
  });

  it("asks before it disconnects the holder or a client, and does nothing at any other key than y", () => {
    const holder = stateAfter(reported, ...keys("d"));
    expect(screen(holder).at(-1)).toBe("Disconnect gpg (pid 33)? It loses its cards and transactions. [y/N]");
    expect(stepTop(holder, { kind: "key", name: "y", text: "y" }).effect).toEqual({
      kind: "act",
      action: { kind: "disconnect", pid: 33, name: "gpg" },
    });
    const refused = stepTop(holder, key("return"));
    expect([refused.effect, screen(refused.state).at(-1)]).toEqual([undefined, "nothing was done"]);
    const client = stateAfter(reported, key("down"), key("down"), key("down"), ...keys("d"));
    expect(screen(client).at(-1)).toContain("Disconnect scdaemon (pid 44)?");
    expect(screen(stateAfter(reported, key("down"), ...keys("d"))).at(-1)).toContain("no program holds this reader");
  });

  it("asks before it resets or ejects, and only for a reader", () => {
    for (const [text, kind] of [
      ["r", "reset"],
      ["e", "eject"],
    ] as const) {
      const asked = stateAfter(reported, ...keys(text));
      expect(screen(asked).at(-1)).toMatch(/"Desk"\?.* \[y\/N\]$/);
      expect(stepTop(asked, { kind: "key", name: "y", text: "y" }).effect).toEqual({
        kind: "act",
        action: { kind, reader: "Desk" },
      });
      expect(screen(stateAfter(reported, key("down"), key("down"), ...keys(text))).at(-1)).toContain(
        "move to a reader",
      );
      expect(screen(stateAfter(...keys(text))).at(-1)).toBe("there is nothing to choose");
    }
  });

  it("explains its keys, ends at q and Ctrl-C, and keeps the cursor where there is something", () => {
    expect(screen(stateAfter(reported, ...keys("?"))).join("\n")).toContain("eject the card of a virtual reader");
    expect(screen(stateAfter(reported, ...keys("?x"))).at(-1)).toMatch(/^\? help/);
    expect(stepTop(stateAfter(reported), { kind: "key", name: "q", text: "q" }).effect).toEqual({ kind: "quit" });
    expect(stepTop(stateAfter(...keys("/")), key("C-c")).effect).toEqual({ kind: "quit" });
    const far = stateAfter(reported, ...Array.from({ length: 9 }, () => key("down")));
    expect(far.cursor).toBe(3);
    expect(stepTop(far, { kind: "report", report: { ...report, clients: [] } }).state.cursor).toBe(1);
    expect(stateAfter(reported, key("up")).cursor).toBe(0);
  });

  it("keeps a bounded number of calls", () => {
    let state = stateAfter(traced, reported);
    for (let at = 0; at < 2000; at++) state = stepTop(state, { kind: "call", call: call("SELECT", at * 100) }).state;
    expect(state.calls).toHaveLength(500);
    expect(state.recent.length).toBeLessThanOrEqual(600);
  });

  it("tells of a daemon that does not answer until it does again", () => {
    const lost = stateAfter(reported, { kind: "problem", message: "the daemon does not answer (no-service)" });
    expect(screen(lost)[0]).toContain("the daemon does not answer (no-service)");
    expect(screen(stepTop(lost, reported).state)[0]).not.toContain("does not answer");
  });
});
