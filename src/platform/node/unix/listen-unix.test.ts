// SPDX-License-Identifier: MIT

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../../port/index.ts";
import { loadSocketCalls } from "./accepted-handle.ts";
import { listenUnix, type UnixListener, type UnixListenerOptions } from "./listen-unix.ts";
import { MAX_SOCKET_PATH_BYTES } from "./socket-file.ts";
import type { UnixConnection } from "./unix-connection.ts";

let folder: string;
const endings: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-unix-"));
});

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  rmSync(folder, { recursive: true });
});

/** A clock whose timers the test fires. */
function heldClock(): { clock: Clock; fire: (name: string) => void; waiting: () => string[] } {
  const timers = new Map<string, () => void>();
  return {
    clock: {
      now: () => 0,
      wallTime: () => 0,
      schedule: (_delayMs, name, callback) => {
        timers.set(name, callback);
        return () => timers.delete(name);
      },
    },
    fire: (name) => timers.get(name)?.(),
    waiting: () => [...timers.keys()],
  };
}

async function listen(path: string, options: Partial<UnixListenerOptions> = {}): Promise<UnixListener> {
  const listener = await listenUnix({
    at: { path, mode: 0o666 },
    clock: heldClock().clock,
    onConnection: (connection) => connection.listen({ received: () => {}, closed: () => {} }),
    onTrouble: () => {},
    ...options,
  });
  endings.push(() => listener.close());
  return listener;
}

async function connected(path: string): Promise<Socket> {
  const socket = connect(path);
  socket.on("error", () => {});
  endings.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** What a daemon that was killed leaves: a socket without a listener. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer().listen(`${path}.dead`);
  await once(server, "listening");
  linkSync(`${path}.dead`, path);
  await new Promise((resolve) => server.close(resolve));
}

describe("the path of a socket", () => {
  it("appears with its permissions, in a folder that is made, and goes with the listener", async () => {
    const path = join(folder, "run", "pcscd", "pcscd.comm");
    const listener = await listen(path, { at: { path, mode: 0o640, group: process.getgid?.() ?? 0 } });
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(statSync(join(folder, "run", "pcscd")).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(folder, "run", "pcscd"))).toEqual(["pcscd.comm"]);
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  it("is refused while another daemon answers there, with what to do", async () => {
    const path = join(folder, "pcscd.comm");
    await listen(path);
    await expect(listen(path)).rejects.toMatchObject({
      code: "sharing-violation",
      message: expect.stringMatching(/another daemon answers on .*pcscd\.comm: stop it .*systemctl.*--socket/),
    });
    await connected(path);
    expect(readdirSync(folder)).toEqual(["pcscd.comm"]);
  });

  it("goes to one of two that start at once", async () => {
    const path = join(folder, "socket");
    await leaveStale(path);
    const results = await Promise.allSettled([listen(path), listen(path), listen(path)]);
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    await connected(path);
  });

  it("is taken over from a daemon that was killed", async () => {
    const path = join(folder, "socket");
    await leaveStale(path);
    await listen(path);
    await connected(path);
  });

  it("is left alone when it is no socket", async () => {
    const path = join(folder, "notes");
    writeFileSync(path, "mine");
    await expect(listen(path)).rejects.toMatchObject({
      code: "no-access",
      message: expect.stringContaining("left alone"),
    });
    expect(statSync(path).size).toBe(4);
    expect(readdirSync(folder)).toEqual(["notes"]);
  });

  it("is not taken away when it is another's by now", async () => {
    const path = join(folder, "socket");
    const first = await listen(path);
    renameSync(path, join(folder, "moved"));
    await listen(path);
    await first.close();
    await connected(path);
  });

  it("has a longest length, which is told", async () => {
    const name = "x".repeat(MAX_SOCKET_PATH_BYTES - folder.length - 1);
    await listen(join(folder, name));
    await expect(listen(join(folder, `${name}x`))).rejects.toMatchObject({
      code: "invalid-parameter",
      message: expect.stringContaining(`${MAX_SOCKET_PATH_BYTES + 1} bytes`),
    });
  });

  it("cannot lie below a file", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(listen(join(folder, "file", "socket"))).rejects.toMatchObject({ code: "comm-error" });
  });
});

describe("connections", () => {
  it("are handed on with what they send, answered, and their end told", async () => {
    const path = join(folder, "socket");
    const closed = new Promise<string>((resolve) => {
      listen(path, {
        onConnection: (connection) => {
          connection.listen({ received: (bytes) => connection.send(bytes), closed: resolve });
        },
      }).catch(resolve);
    });
    await expect.poll(() => existsSync(path)).toBe(true);
    const client = await connected(path);
    client.write("hello");
    expect(String((await once(client, "data"))[0])).toBe("hello");
    client.destroy();
    expect(await closed).toBe("the client closed the connection");
  });

  it("beyond the limit are ended, and told", async () => {
    const path = join(folder, "socket");
    const troubles: string[] = [];
    await listen(path, { limits: { connections: 1 }, onTrouble: (message) => troubles.push(message) });
    await connected(path);
    const second = await connected(path);
    await once(second.resume(), "close");
    expect(troubles).toEqual(["there are 1 connections, the limit"]);
  });

  it("are cut off when they leave too much unread", async () => {
    const path = join(folder, "socket");
    const over = new Promise<[string, boolean]>((resolve, reject) => {
      listen(path, {
        limits: { maxUnsentBytes: 1_000_000 },
        onConnection: (connection) => {
          connection.listen({ received: () => {}, closed: (reason, dropped) => resolve([reason, dropped]) });
          for (let sent = 0; sent < 40; sent++) connection.send(new Uint8Array(100_000));
        },
      }).catch(reject);
    });
    await expect.poll(() => existsSync(path)).toBe(true);
    (await connected(path)).pause();
    expect(await over).toEqual([expect.stringMatching(/^the client left \d{7} bytes unread$/), true]);
  });

  /** Two connections to a server that notes what it receives, and from which of them. */
  async function pair(): Promise<{
    first: Socket;
    server: UnixConnection;
    received: () => string;
    /** Settles when the server has looked at both sockets after all that was sent so far. */
    everythingSeen: () => Promise<void>;
  }> {
    const path = join(folder, "socket");
    const texts: string[] = [];
    const servers: UnixConnection[] = [];
    await listen(path, {
      onConnection: (connection) => {
        const index = servers.push(connection) - 1;
        texts.push("");
        connection.listen({
          received: (bytes) => {
            texts[index] += new TextDecoder().decode(bytes);
          },
          closed: () => {},
        });
      },
    });
    const first = (await connected(path)).pause();
    const second = await connected(path);
    await expect.poll(() => servers).toHaveLength(2);
    const everythingSeen = async (): Promise<void> => {
      for (let times = 0; times < 3; times++) {
        const before = texts[1];
        await new Promise((resolve) => second.write("x", resolve));
        await expect.poll(() => texts[1]).toBe(`${before}x`);
      }
    };
    const [server] = servers;
    if (server === undefined) throw new Error("there was no connection");
    return { first, server, received: () => texts[0] ?? "", everythingSeen };
  }

  it("that do not read are not read from either, until they do", async () => {
    const { everythingSeen, first, received, server } = await pair();
    for (let sent = 0; sent < 20; sent++) server.send(new Uint8Array(100_000));
    first.write("more");
    await everythingSeen();
    server.resume();
    await everythingSeen();
    expect(received()).toBe("");
    first.resume();
    await expect.poll(received).toBe("more");
  });

  it("are paused and resumed", async () => {
    const { everythingSeen, first, received, server } = await pair();
    server.pause();
    first.write("more");
    await everythingSeen();
    expect(received()).toBe("");
    server.resume();
    await expect.poll(received).toBe("more");
  });

  it("that go are noticed also while they are not read from", async () => {
    const path = join(folder, "socket");
    const { clock, fire } = heldClock();
    const reasons: string[] = [];
    await listen(path, {
      clock,
      onConnection: (connection) => {
        connection.listen({ received: () => connection.pause(), closed: (reason) => reasons.push(reason) });
      },
    });
    const client = await connected(path);
    client.write(new Uint8Array(150_000));
    await new Promise((resolve) => setTimeout(resolve, 50));
    fire("unix-look");
    client.destroy();
    await once(client, "close");
    await expect
      .poll(() => {
        fire("unix-look");
        return reasons.length;
      })
      .toBe(1);
  });

  it("that have closed before a listener was set report it all the same", async () => {
    const path = join(folder, "socket");
    const held: UnixConnection[] = [];
    const reasons: string[] = [];
    await listen(path, { onConnection: (connection) => held.push(connection) });
    const client = await connected(path);
    await expect.poll(() => held).toHaveLength(1);
    held[0]?.close("enough", { atOnce: true });
    await once(client.resume(), "close");
    held[0]?.listen({ received: () => {}, closed: (reason) => reasons.push(reason) });
    await expect.poll(() => reasons).toEqual(["enough"]);
  });

  it.skipIf(loadSocketCalls() === undefined)(
    "that send all at once are read a few at a time, and leave a few at a time",
    async () => {
      const path = join(folder, "socket");
      const size = 200;
      const clock: Clock = {
        now: () => performance.now(),
        wallTime: () => 0,
        schedule: (delayMs, _name, callback) => {
          const timer = setTimeout(callback, delayMs);
          return () => clearTimeout(timer);
        },
        breathe: () => new Promise((resolve) => setImmediate(resolve)),
      };
      let [inTurn, most, seen, gone] = [0, 0, 0, 0];
      const count = (): void => {
        if (inTurn === 0) setImmediate(() => (inTurn = 0));
        most = Math.max(most, ++inTurn);
      };
      await listen(path, {
        clock,
        onConnection: (connection) => {
          connection.listen({
            received: (bytes) => {
              count();
              seen++;
              connection.send(Uint8Array.from(bytes));
            },
            closed: () => {
              count();
              gone++;
            },
          });
        },
      });
      // In a process of its own, which does not wait for ours between two writes.
      const program = `
        const { connect } = require("node:net");
        const sockets = [];
        let answers = 0;
        const all = (message) => { for (const socket of sockets) socket.write(message); };
        const open = () => {
          const socket = connect(${JSON.stringify(path)}, () => {
            sockets.push(socket);
            if (sockets.length < ${size}) open();
            else setTimeout(all, 100, "x");
          });
          socket.on("data", () => {
            if (++answers === ${size}) all("y");
            if (answers === 2 * ${size}) process.exit();
          });
        };
        open();`;
      const child = spawn(process.execPath, ["-e", program], { stdio: "inherit" });
      endings.push(() => child.kill());
      await once(child, "exit");
      await expect.poll(() => gone, { timeout: 20_000 }).toBe(size);
      expect(seen).toBe(2 * size);
      expect(most).toBeLessThanOrEqual(33);
    },
  );

  it("tell when what was sent has been taken", async () => {
    const path = join(folder, "socket");
    const unsent: number[] = [];
    await listen(path, {
      onConnection: (connection) => {
        connection.listen({
          received: () => {},
          drained: () => unsent.push(connection.unsentBytes),
          closed: () => {},
        });
        connection.send(new Uint8Array(1_000_000));
        unsent.push(connection.unsentBytes);
      },
    });
    (await connected(path)).resume();
    await expect.poll(() => unsent).toHaveLength(2);
    expect(unsent).toEqual([expect.toSatisfy((bytes) => bytes > 0), 0]);
  });

  it("are closed behind what was sent, or after the grace where the peer does not read", async () => {
    const path = join(folder, "socket");
    const { clock, fire, waiting } = heldClock();
    const reasons: string[] = [];
    await listen(path, {
      clock,
      onConnection: (connection) => {
        connection.listen({ received: () => {}, closed: (reason) => reasons.push(reason) });
        connection.send(new Uint8Array(3_000_000));
        connection.close("enough");
        connection.send(new Uint8Array(1));
      },
    });
    const reading = await connected(path);
    let length = 0;
    reading.on("data", (bytes) => {
      length += bytes.length;
    });
    await once(reading, "close");
    expect(length).toBe(3_000_000);
    await expect.poll(() => reasons).toEqual(["enough"]);
    expect(waiting()).toEqual([]);

    (await connected(path)).pause();
    await expect.poll(waiting).toEqual(["unix-close"]);
    fire("unix-close");
    await expect.poll(() => reasons).toEqual(["enough", "enough"]);
  });

  it("are ended with the listener", async () => {
    const path = join(folder, "socket");
    const listener = await listen(path);
    const client = await connected(path);
    await Promise.all([listener.close(), once(client.resume(), "close")]);
  });
});
