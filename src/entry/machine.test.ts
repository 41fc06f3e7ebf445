// SPDX-License-Identifier: MIT

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ResourceManager, SmartCardError } from "../port/index.ts";
import { openManager, parseManagerSpec } from "./machine.ts";
import { daemonSockets, firstListening, isDaemon, serviceSockets } from "./service-sockets.ts";

async function failureOf(promise: Promise<unknown>): Promise<SmartCardError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SmartCardError) return error;
  throw error ?? new Error("the call succeeded where an error was expected");
}

let folder = "";
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-machine-"));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((closed) => server.close(closed));
  rmSync(folder, { recursive: true });
});

/** A server that accepts connections and sends nothing. */
async function listen(path: string): Promise<string> {
  const server = createServer((connection) => connection.on("error", () => {}).resume());
  servers.push(server);
  await new Promise<void>((listening) => server.listen(path, listening));
  return path;
}

/** Windows has no Unix sockets here. */
const withUnixSockets = it.skipIf(process.platform === "win32");

describe("the description of a manager", () => {
  it.each([
    ["embedded", { kind: "embedded", readers: [] }],
    [
      " embedded:virtual:Desk+demo,vpcd:35963 ",
      {
        kind: "embedded",
        readers: [
          { kind: "virtual", name: "Desk", card: "demo" },
          { kind: "vpcd", port: 35_963 },
        ],
      },
    ],
    [
      "embedded:vpcd:/run/a b,vpcd:./x:Lab,vpcd:../x:/",
      {
        kind: "embedded",
        readers: [
          { kind: "vpcd", path: "/run/a b" },
          { kind: "vpcd", path: "./x", name: "Lab" },
          { kind: "vpcd", path: "../x", name: "/" },
        ],
      },
    ],
    [
      "embedded:usb,usb:072F:90cc,usb:072f:90cc:A 1,usb:RIG0001,usb:@1-2.4",
      {
        kind: "embedded",
        readers: [
          { kind: "usb" },
          { kind: "usb", device: "072f:90cc" },
          { kind: "usb", device: "072f:90cc", serial: "A 1" },
          { kind: "usb", serial: "RIG0001" },
          { kind: "usb", port: "1-2.4" },
        ],
      },
    ],
    [
      "embedded:ifd:/x/libx.so,ifd:./a.bundle:usb:08e6/3437,ifd:/x:/dev/ttyS0:GemPCTwin,ifd:/x:0x0103F8,reader.conf,reader.conf:/y",
      {
        kind: "embedded",
        readers: [
          { kind: "ifd", driver: "/x/libx.so" },
          { kind: "ifd", driver: "./a.bundle", device: "usb:08e6/3437" },
          { kind: "ifd", driver: "/x", device: "/dev/ttyS0:GemPCTwin" },
          { kind: "ifd", driver: "/x", channel: 0x0103f8 },
          { kind: "reader.conf" },
          { kind: "reader.conf", path: "/y" },
        ],
      },
    ],
    ["pcscd", { kind: "pcscd" }],
    ["pcscd:/tmp/a:b", { kind: "pcscd", socket: "/tmp/a:b" }],
    ["daemon", { kind: "daemon" }],
    ["daemon:/tmp/comm", { kind: "daemon", socket: "/tmp/comm" }],
    ["system", { kind: "system" }],
    ["system:libpcsclite.so.1", { kind: "system", library: "libpcsclite.so.1" }],
  ])("%s", (text, spec) => {
    expect(parseManagerSpec(text)).toEqual(spec);
  });

  it.each([
    "",
    "pcscd:",
    "daemon:",
    "system:",
    "usb",
    "Pcscd",
    "pcscd /tmp",
    "embedded:usb:",
    "embedded:usb:@1",
    "embedded:usb+demo",
    "embedded:virtual,",
    "embedded:vpcd:/x:",
    "embedded:vpcd:x/y",
    "embedded:ifd",
    "embedded:ifd:libx.so",
    "embedded:reader.conf:x",
  ])('"%s" is refused', async (text) => {
    expect(() => parseManagerSpec(text)).toThrow(/known: /);
    if (text !== "") expect((await failureOf(openManager(text))).code).toBe("invalid-value");
  });
});

describe("openManager", () => {
  const refuse = async (): Promise<ResourceManager> => {
    throw new Error("the system's subsystem is not meant");
  };

  it("takes what the caller says before what SCARD_MANAGER says", async () => {
    const surroundings = { environment: { SCARD_MANAGER: "embedded:virtual:There" } };
    const named = await openManager("embedded:virtual:Here", { surroundings });
    const usual = await openManager(undefined, { surroundings });
    expect([named, usual].map((one) => one.kind === "embedded" && [...one.virtualReaders.keys()])).toEqual([
      ["Here"],
      ["There"],
    ]);
    await named.close();
    await usual.close();
  });

  withUnixSockets.each(["win32", "darwin"] as const)(
    "takes the system's own on %s, unless a socket is named",
    async (platform) => {
      const manager: ResourceManager = { establishContext: () => Promise.reject(new Error("not asked")) };
      const opened = await openManager(undefined, {
        surroundings: { platform, environment: {} },
        openSystem: async ({ library }) => (library === undefined ? manager : refuse()),
      });
      expect([opened.kind, opened.manager]).toEqual(["system", manager]);
      const PCSCLITE_CSOCK_NAME = await listen(join(folder, "comm"));
      const options = { surroundings: { platform, environment: { PCSCLITE_CSOCK_NAME } }, openSystem: refuse };
      expect(await openManager(undefined, options)).toMatchObject({ kind: "pcscd", socket: PCSCLITE_CSOCK_NAME });
    },
  );

  withUnixSockets("takes the socket that is named, and says no-service where nothing listens there", async () => {
    const PCSCLITE_CSOCK_NAME = join(folder, "comm");
    const options = {
      surroundings: { platform: "linux", environment: { PCSCLITE_CSOCK_NAME } },
      openSystem: refuse,
    } as const;
    const { code, message } = await failureOf(openManager(undefined, options));
    expect(code).toBe("no-service");
    expect(message).toContain(`no smart card service answers on ${PCSCLITE_CSOCK_NAME} (not there)`);
    expect(message).toMatch(/start pcscd .* or scard daemon .*SCARD_MANAGER=embedded:virtual\+demo.*scard doctor/);
    await listen(PCSCLITE_CSOCK_NAME);
    const opened = await openManager(undefined, options);
    expect(opened).toMatchObject({ kind: "pcscd", socket: PCSCLITE_CSOCK_NAME });
    expect(opened.description).toBe(`the smart card service at ${PCSCLITE_CSOCK_NAME}`);
  });

  withUnixSockets("opens a service that does not run yet where it is asked for by name", async () => {
    const opened = await openManager(`pcscd:${join(folder, "later")}`);
    expect((await failureOf(opened.manager.establishContext())).code).toBe("no-service");
    const daemon = { surroundings: { environment: { PCSCLITE_CSOCK_NAME: join(folder, "none") } } };
    expect((await failureOf(openManager("daemon", daemon))).message).toContain("no scard daemon answers");
  });

  it("says what hinders the system's library", async () => {
    const { code, message } = await failureOf(openManager("system:/nonexistent/libpcsclite.so"));
    expect(["no-service", "unsupported-feature"]).toContain(code);
    expect(message).toMatch(/\/nonexistent\/libpcsclite\.so|npm install .*koffi/);
  });
});

describe("the sockets of services", () => {
  const uid = process.getuid?.() ?? 0;
  const surroundings = { platform: "linux", uid } as const;

  it("are pcscd's and the user's own, in this order; for daemons the other way round", () => {
    const environment = { XDG_RUNTIME_DIR: "/run/user/7" };
    const own = "/run/user/7/scard/pcscd.comm";
    const usual = serviceSockets({ ...surroundings, environment });
    expect([usual[0], usual.at(-1)]).toEqual(["/run/pcscd/pcscd.comm", own]);
    expect(daemonSockets({ ...surroundings, environment })).toEqual([own, "/run/pcscd/pcscd.comm"]);
    const named = { ...surroundings, environment: { ...environment, PCSCLITE_CSOCK_NAME: "/tmp/comm" } };
    expect([serviceSockets(named), daemonSockets(named)]).toEqual([["/tmp/comm"], ["/tmp/comm"]]);
  });

  it("are not used in a folder that others can change", () => {
    // A user whom no machine has: the owner of the folder is another one.
    const stranger = { platform: "linux", uid: 4_123_456_789, environment: {} } as const;
    const shared = join(tmpdir(), `scard-${stranger.uid}`);
    mkdirSync(shared, { mode: 0o700 });
    try {
      expect(serviceSockets(stranger)).not.toContain(join(shared, "pcscd.comm"));
      expect(serviceSockets({ ...stranger, environment: { XDG_RUNTIME_DIR: folder } })).not.toContain(
        join(folder, "scard", "pcscd.comm"),
      );
    } finally {
      rmSync(shared, { recursive: true });
    }
  });

  withUnixSockets("are tried in their order, until one listens that is asked for", async () => {
    const [gone, first, second] = ["gone", "first", "second"].map((name) => join(folder, name));
    await listen(first ?? "");
    await listen(second ?? "");
    const sockets = [gone ?? "", first ?? "", second ?? ""];
    expect(await firstListening(sockets)).toBe(first);
    expect(await firstListening(sockets, async (path) => path === second)).toBe(second);
    writeFileSync(gone ?? "", "no socket");
    expect(await firstListening(sockets.slice(0, 1))).toMatchObject([{ path: gone, error: { code: "no-service" } }]);
  });

  withUnixSockets("are a daemon's where a control socket is beside them", async () => {
    const socket = await listen(join(folder, "comm"));
    expect(await isDaemon(socket)).toBe(false);
    await listen(`${socket}.control`);
    expect(await isDaemon(socket)).toBe(true);
  });
});
