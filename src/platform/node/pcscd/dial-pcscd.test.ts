// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { SmartCardError } from "../../../port/index.ts";
import { dialPcscd, pcscdSockets } from "./dial-pcscd.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "scard-dial-"));
  cleanups.push(() => rmSync(path, { recursive: true }));
  return path;
}

async function listener(path: string, backlog?: number): Promise<{ readonly accepted: Promise<Socket> }> {
  const server = createServer().listen({ path, ...(backlog !== undefined && { backlog }) });
  await once(server, "listening");
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  cleanups.push(() => server.close());
  return { accepted };
}

async function failureOf(sockets: readonly string[]): Promise<SmartCardError> {
  const events = { received: () => {}, closed: () => {} };
  const error: unknown = await dialPcscd({ sockets })(events).catch((reason: unknown) => reason);
  if (error instanceof SmartCardError) return error;
  throw new Error("a service listens");
}

describe("where the service is looked for", () => {
  it("is what the environment names, and the usual places otherwise", () => {
    expect(pcscdSockets({ environment: { PCSCLITE_CSOCK_NAME: "/a/b" }, platform: "linux" })).toEqual(["/a/b"]);
    expect(pcscdSockets({ environment: { PCSCLITE_CSOCK_NAME: "" }, platform: "linux" })[0]).toBe(
      "/run/pcscd/pcscd.comm",
    );
    expect(pcscdSockets({ environment: {}, platform: "freebsd" })).toHaveLength(2);
    expect(pcscdSockets({ environment: {}, platform: "darwin" })).toEqual([]);
  });

  it("is said at once where nothing listens, with what to do", async () => {
    const path = folder();
    writeFileSync(join(path, "file"), "");
    const failure = await failureOf([join(path, "none"), join(path, "file")]);
    expect(failure.code).toBe("no-service");
    expect(failure.message).toContain(`${join(path, "none")} (ENOENT), ${join(path, "file")} (ECONNREFUSED)`);
    expect(failure.message).toContain("systemctl");
    expect((await failureOf([])).message).toContain("no pcscd");
    // Longer than the system takes: Node would look somewhere else.
    const long = await failureOf([join(path, "x".repeat(200))]);
    expect(long.code).toBe("invalid-parameter");
    expect(long.message).toMatch(/ has \d+ bytes, and a socket's path (?:107|103) at most: choose a shorter one$/);
  });
});

describe("a connection", () => {
  it("goes to the first that listens, carries bytes both ways, and is told of its end once", async () => {
    const path = join(folder(), "comm");
    const { accepted } = await listener(path);
    const received: number[] = [];
    const places: Uint8Array[] = [];
    const ends: string[] = [];
    let stirred = 0;
    const dial = dialPcscd({ sockets: [`${path}.none`, path], stir: () => stirred++ });
    const take = (bytes: Uint8Array): void => {
      received.push(...bytes);
      places.push(bytes);
    };
    const pipe = await dial({ received: take, closed: (reason) => ends.push(reason) });
    const peer = await accepted;
    pipe.write(Uint8Array.of(1, 2, 3));
    const [bytes] = await once(peer, "data");
    expect([...bytes]).toEqual([1, 2, 3]);
    expect(stirred).toBe(1);
    peer.end(Uint8Array.of(4, 5));
    await once(peer, "close");
    await expect.poll(() => ends).toEqual(["it closed the connection"]);
    expect(received).toEqual([4, 5]);
    // All connections read into one place, in which nothing stays.
    expect(places.map((bytes) => [...bytes])).toEqual([[0, 0]]);
    pipe.write(Uint8Array.of(6));
    pipe.close();
    expect(ends).toHaveLength(1);
  });

  it("waits for its turn where more come at once than the service lets in", async () => {
    const path = join(folder(), "comm");
    await listener(path, 1);
    const dial = dialPcscd({ sockets: [path] });
    const dialled = Array.from({ length: 8 }, () => dial({ received: () => {}, closed: () => {} }));
    for (const pipe of await Promise.all(dialled)) pipe.close();
  });

  it("ends with a service that does not read", async () => {
    const path = join(folder(), "comm");
    const { accepted } = await listener(path);
    const dial = dialPcscd({ sockets: [path] });
    const ended = new Promise<string>((resolve) => {
      void dial({ received: () => {}, closed: resolve }).then((pipe) => {
        for (let megabytes = 0; megabytes < 8; megabytes++) pipe.write(new Uint8Array(1024 * 1024));
      });
    });
    (await accepted).pause();
    expect(await ended).toMatch(/left \d+ bytes unread/);
  });
});
