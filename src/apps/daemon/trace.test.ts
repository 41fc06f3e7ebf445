// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { Observer } from "../../observe/calls/index.ts";
import type { UnixConnection, UnixConnectionEvents } from "../../platform/node/unix/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { serveControl } from "./control-server.ts";
import { traceStream } from "./trace.ts";

const settle = (): Promise<unknown> => new Promise(setImmediate);
const observer = new Observer({ runtime: new SimulatedRuntime({ settle }) });
const OWN = 1000;

/** @param own the daemon's own user, where it is known */
function begin(uid: number | undefined, raw: boolean, own: { readonly uid?: number } = { uid: OWN }): object {
  const user = { gid: 100, pid: 17, groups: undefined, started: undefined };
  const credentials = uid === undefined ? undefined : { ...user, uid };
  return traceStream({ command: "trace", raw }, { observer, credentials, ownUid: own.uid }).result;
}

describe("a trace with the bytes as they are", () => {
  test.each([OWN, 0])("is for the user %i", (uid) => {
    expect(begin(uid, true)).toEqual({ raw: true });
  });

  test.each([[OWN + 1], [65_534], [undefined]])("is refused to the user %s, who gets one without secrets", (uid) => {
    expect(() => begin(uid, true)).toThrow(/raw bytes are for root and the daemon's own user alone/);
    expect(begin(uid, false)).toEqual({ raw: false });
  });

  test("is refused to all but root where the daemon's own user is not known", () => {
    expect(() => begin(OWN, true, {})).toThrow(/raw bytes/);
    expect(begin(0, true, {})).toEqual({ raw: true });
  });
});

test("a client that vanishes turns the trace off", async () => {
  const runtime = new SimulatedRuntime({ settle: () => Promise.resolve() });
  const observer = new Observer({ runtime });
  let events: UnixConnectionEvents | undefined;
  const connection: UnixConnection = {
    credentials: undefined,
    isGone: false,
    unsentBytes: 0,
    listen: (own) => {
      events = own;
    },
    send: () => {},
    close: () => {},
    pause: () => {},
    resume: () => {},
  };
  const answered = new Promise<void>((resolve) => {
    serveControl(connection, async (command) => {
      if (command.command !== "trace") throw new Error("a test asks for a trace alone");
      resolve();
      return traceStream(command, { observer, credentials: undefined, ownUid: 0 });
    });
  });
  events?.received(new TextEncoder().encode('{"version":1,"command":"trace"}\n'));
  await answered;
  await new Promise((resolve) => setImmediate(resolve));
  expect(observer.isActive).toBe(true);
  events?.closed("the client closed the connection", false);
  expect(observer.isActive).toBe(false);
  expect(runtime.pendingTimers).toEqual([]);
});
