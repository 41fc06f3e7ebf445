// SPDX-License-Identifier: MIT

// Who gets to the console: programs in the place of browsers, with every mistake that there can be.

import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { runProgram } from "../../src/apps/cli/program.ts";
import { RecordedTerminal } from "../cli/recorded-terminal.ts";
import { consoleProgram, daemonStage } from "./stage.ts";

/** A page in this process. */
function page(origin: string, headers: Readonly<Record<string, string>> = {}) {
  const socket = new WebSocket(origin.replace("http:", "ws:"), { origin, headers });
  const said: Record<string, unknown>[] = [];
  socket.on("message", (data) => said.push(JSON.parse(String(data))));
  const closed = once(socket, "close").then(([code, reason]) => `${code} ${reason}`);
  socket.on("error", () => undefined);
  return {
    said,
    closed,
    send: async (message: object | string) => {
      if (socket.readyState === WebSocket.CONNECTING) await once(socket, "open");
      const text = typeof message === "string" ? message : JSON.stringify(message);
      socket.send(Buffer.from(text));
    },
    end: () => socket.terminate(),
  };
}

function partsOf(url = ""): { readonly origin: string; readonly token: string } {
  const { hash, origin } = new URL(url);
  return { origin, token: hash.slice(1) };
}

/** The status of the answer to an upgrade that is refused. */
async function refusal(origin: string, from: string | undefined, host?: string): Promise<number | undefined> {
  const headers = {
    ...(from !== undefined && { origin: from }),
    ...(host !== undefined && { host }),
    ...{ connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" },
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  const request = get(origin, { headers });
  const [response] = (await Promise.race([once(request, "response"), once(request, "upgrade")])) as [IncomingMessage];
  request.destroy();
  return response.statusCode;
}

test("a token lets one page in, once; its session again; nothing else does", async () => {
  const { control } = await daemonStage();
  const { terminal, urls } = await consoleProgram(control);
  const { origin, token } = partsOf(urls()[0]);
  expect(token).toMatch(/^[\w-]{43}$/);

  const wrong = page(origin);
  await wrong.send({ type: "hello", token: "A".repeat(43) });
  expect(await wrong.closed).toContain("4403");
  const silent = page(origin);
  await silent.send({ type: "hello" });
  expect(await silent.closed).toContain("4403");
  const early = page(origin);
  await early.send({ type: "do", id: 1, action: { command: "eject", reader: "Desk" } });
  expect(await early.closed).toContain("4400");
  for (const one of [wrong, silent, early]) expect(one.said).toEqual([]);

  const first = page(origin);
  await first.send({ type: "hello", token });
  await expect.poll(() => first.said.map(({ type }) => type)).toContain("who");
  const { session } = first.said[0] ?? {};
  expect(first.said[0]).toEqual({ type: "welcome", session: expect.stringMatching(/^[\w-]{43}$/) });
  // The token is used, and another one is there for the next page.
  const second = page(origin);
  await second.send({ type: "hello", token });
  expect(await second.closed).toContain("4403");
  expect(second.said).toEqual([]);
  expect(urls()).toHaveLength(2);
  expect(terminal.said).not.toContain(String(session));

  const again = page(origin);
  await again.send({ type: "hello", session });
  await expect.poll(() => again.said.map(({ type }) => type)).toContain("who");
  expect(urls()).toHaveLength(2);
  first.end();
  again.end();
});

test("another host and another origin are refused, before anything is said", async () => {
  const { control } = await daemonStage();
  const { urls } = await consoleProgram(control);
  const { origin } = partsOf(urls()[0]);
  const { port } = new URL(origin);
  expect(await refusal(origin, origin)).toBe(101);
  expect(await refusal(origin, "https://evil.example")).toBe(403);
  expect(await refusal(origin, `http://localhost:${port}`)).toBe(403);
  expect(await refusal(origin, `http://127.0.0.1:${Number(port) - 1}`)).toBe(403);
  expect(await refusal(origin, "null")).toBe(403);
  expect(await refusal(origin, undefined)).toBe(403);
  expect(await refusal(origin, origin, `evil.example:${port}`)).toBe(403);
  const [answer] = (await once(get(origin, { headers: { host: "evil.example" } }), "response")) as [IncomingMessage];
  answer.resume();
  expect([answer.statusCode, answer.headers["set-cookie"]]).toEqual([403, undefined]);
});

test("its page is not kept, runs no script of another place, and has no data in it", async () => {
  const { control } = await daemonStage();
  const { urls } = await consoleProgram(control);
  const { origin, token } = partsOf(urls()[0]);
  const answer = await fetch(`${origin}/`);
  const policy = answer.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|\*/);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const text = await answer.text();
  expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|\bstyle=|\bon\w+=/);
  expect(text).not.toContain(token);
});

test("a malformed message ends the connection of a page", async () => {
  const { control } = await daemonStage();
  const { urls } = await consoleProgram(control);
  const first = page(partsOf(urls()[0]).origin);
  await first.send({ type: "hello", token: partsOf(urls()[0]).token });
  await expect.poll(() => first.said.length).toBeGreaterThan(0);
  const { session } = first.said[0] ?? {};
  const { origin } = partsOf(urls()[0]);
  for (const message of [
    "no JSON",
    { type: "do", id: 1, action: { command: "usb" } },
    { type: "do", id: -1, action: { command: "eject", reader: "Desk" } },
    { type: "hello", session },
    { type: "do", id: 1, action: { command: "eject", reader: "x".repeat(300) } },
  ]) {
    const one = page(origin);
    await one.send({ type: "hello", session });
    await one.send(message);
    expect(await one.closed, JSON.stringify(message)).toContain("4400");
  }
  const long = page(origin);
  await long.send({ type: "hello", session });
  await long.send("x".repeat(70_000));
  expect(await long.closed).toContain("1009");
  first.end();
});

test("it ends with Ctrl-C, and tells where no daemon is", async () => {
  const { control } = await daemonStage();
  const { stop, urls } = await consoleProgram(control);
  const { origin, token } = partsOf(urls()[0]);
  const open = page(origin);
  await open.send({ type: "hello", token });
  await expect.poll(() => open.said.length).toBeGreaterThan(0);
  expect(await stop()).toBe(0);
  expect(await open.closed).toContain("1001");
  await expect(fetch(origin)).rejects.toThrow();
  const terminal = new RecordedTerminal();
  expect(await runProgram(["console", "--control", `${control}.none`], terminal)).toBe(1);
  expect(terminal.said).toContain("no scard daemon answers at");
});
