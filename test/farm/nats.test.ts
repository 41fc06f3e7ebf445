// SPDX-License-Identifier: MIT

import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";

import { EmbeddedManager, virtualReader } from "../../src/entry/embedded.ts";
import { openFarm, type ServedFarm, serveFarm } from "../../src/entry/farm.ts";
import { makeFarmKey } from "../../src/entry/farm-files.ts";
import { connectNats } from "../../src/platform/node/nats/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { EchoCard } from "../manager/world.ts";
import { PATIENCE_MS } from "../patience.ts";
import { freePort } from "../peers/free-ports.ts";
import { describePeer } from "../peers/peers.ts";
import { Program } from "../peers/program.ts";

const REMEDY = "On Debian: sudo apt-get install nats-server";
const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
const apdu = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x05, 0xca, 0xfe, 0xca, 0xfe, 0x01);

describePeer({ name: "nats-server", remedy: REMEDY, probe: () => undefined }, (path) => {
  let folder: string;
  let server: Program;
  let port: number;
  let url: string;

  async function startServer(...options: string[]): Promise<Program> {
    const log = join(folder, "nats.log");
    rmSync(log, { force: true });
    const program = new Program(path, ["-a", "127.0.0.1", "-p", String(port), "-DV", "-l", log, ...options]);
    await vi.waitFor(() => expect(readIfThere(log)).toContain("Server is ready"), { timeout: PATIENCE_MS });
    return program;
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scard-farm-"));
    port = await freePort();
    url = `nats://127.0.0.1:${port}`;
    server = await startServer();
  });

  afterAll(async () => {
    await server.end("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  /** Files of a host and of its client; the names are the test's own. */
  async function files(name: string, readers: readonly string[] = ["*"]) {
    const [hostKey, clientKey] = [join(folder, `${name}-host.key`), join(folder, `${name}.key`)];
    const [host, client] = [await makeFarmKey(hostKey), await makeFarmKey(clientKey)];
    const nats = { servers: [url] };
    const hostFile = join(folder, `${name}-host.json`);
    const clientFile = join(folder, `${name}.json`);
    const own = { farm: name, nats };
    const clients = [{ name: "alice", publicKey: encodeHex(client.publicKey), readers }];
    writeFileSync(hostFile, JSON.stringify({ ...own, host: "desk", key: `${name}-host.key`, clients }));
    const hosts = [{ name: "desk", publicKey: encodeHex(host.publicKey) }];
    writeFileSync(clientFile, JSON.stringify({ ...own, client: "alice", key: `${name}.key`, hosts }));
    return { hostFile, clientFile, hostKey };
  }

  async function served(hostFile: string): Promise<{ farm: ServedFarm; manager: EmbeddedManager; card: EchoCard }> {
    const manager = new EmbeddedManager({ runtime: nodeRuntime() });
    const reader = virtualReader({ name: "Reader" });
    await manager.addReader(reader);
    const card = new EchoCard();
    reader.insert(card);
    return { farm: await serveFarm(hostFile, { manager }), manager, card };
  }

  test("a client uses a card of a host, and the server's log holds none of its bytes", async () => {
    const { clientFile, hostFile } = await files("log");
    const { card, farm, manager } = await served(hostFile);
    await using opened = await openFarm(clientFile);
    const context = await opened.manager.establishContext();
    expect(await context.listReaders()).toEqual(["desk/Reader"]);
    const connection = await context.connect("desk/Reader", shared);
    expect(await connection.transmit(apdu)).toEqual(Uint8Array.of(...apdu, 0x90, 0x00));
    const long = new Uint8Array(65_000).fill(7);
    expect(await connection.transmit(long)).toHaveLength(65_002);
    await connection.beginTransaction();
    const resets = card.resets.length;
    await opened.close();
    await expect.poll(() => card.resets.length).toBe(resets + 1);
    await farm.close();
    await manager.close();
    const log = readFileSync(join(folder, "nats.log"), "latin1");
    expect(log).toContain("scard.log.in.desk.alice");
    expect(log).not.toMatch(/cafecafe/i);
    expect(log.includes("\xca\xfe\xca\xfe")).toBe(false);
    expect(log).not.toContain("Reader");
  });

  test("where the server goes, sessions end; when it is back, the readers are", async () => {
    const { clientFile, hostFile } = await files("restart");
    const { farm, manager } = await served(hostFile);
    await using opened = await openFarm(clientFile);
    const context = await opened.manager.establishContext();
    const connection = await context.connect("desk/Reader", shared);
    await connection.transmit(apdu);
    await server.end("SIGKILL");
    await expect(connection.transmit(apdu)).rejects.toMatchObject({ code: "service-stopped" });
    await expect.poll(() => context.listReaders()).toEqual([]);
    server = await startServer();
    await expect.poll(() => context.listReaders()).toEqual(["desk/Reader"]);
    const again = await context.connect("desk/Reader", shared);
    expect(await again.transmit(apdu)).toHaveLength(apdu.length + 2);
    await farm.close();
    await manager.close();
  });

  test("a right that is taken out of the file ends the client's sessions", async () => {
    const { clientFile, hostFile } = await files("rights");
    const { farm, manager } = await served(hostFile);
    await using opened = await openFarm(clientFile);
    const context = await opened.manager.establishContext();
    const connection = await context.connect("desk/Reader", shared);
    expect(farm.sessions).toBeGreaterThan(0);
    const file = JSON.parse(readFileSync(hostFile, "utf8"));
    writeFileSync(hostFile, "{");
    await expect(farm.reload()).rejects.toMatchObject({ code: "invalid-value" });
    await connection.transmit(apdu);
    writeFileSync(hostFile, JSON.stringify({ ...file, clients: [] }));
    await farm.reload();
    await expect(connection.transmit(apdu)).rejects.toMatchObject({ code: "service-stopped" });
    expect(farm.sessions).toBe(0);
    await farm.close();
    await manager.close();
  });

  test("keys are for their owner only, and are made once", async () => {
    const { clientFile, hostKey } = await files("keys");
    expect(statSync(hostKey).mode & 0o777).toBe(0o600);
    await expect(makeFarmKey(hostKey)).rejects.toMatchObject({ code: "invalid-value" });
    const key = join(folder, "keys.key");
    chmodSync(key, 0o640);
    await expect(openFarm(clientFile)).rejects.toMatchObject({
      code: "no-access",
      message: expect.stringContaining(`chmod 600 ${key}`),
    });
    chmodSync(key, 0o600);
    writeFileSync(key, "no key\n");
    await expect(openFarm(clientFile)).rejects.toMatchObject({ message: expect.stringContaining("scard farm key") });
  });

  test.each([
    ["[]", "$: "],
    ["{", "not JSON"],
    ['{"farm":"UPPER"}', "$.farm: "],
    [
      '{"farm":"a","client":"b","key":"k","nats":{"servers":[]},"hosts":[{"name":"x","publicKey":"00"}]}',
      "$.hosts[0].publicKey: ",
    ],
  ])("a file that is %s is refused with the place", async (content, place) => {
    const file = join(folder, "wrong.json");
    writeFileSync(file, content);
    await expect(openFarm(file)).rejects.toMatchObject({
      code: "invalid-value",
      message: expect.stringContaining(place),
    });
  });

  test("a password in an address is refused, and not repeated", async () => {
    const { clientFile } = await files("password");
    const file = JSON.parse(readFileSync(clientFile, "utf8"));
    writeFileSync(clientFile, JSON.stringify({ ...file, nats: { servers: ["nats://alice:hunter2@127.0.0.1:1"] } }));
    const failed = await openFarm(clientFile).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "invalid-value", message: expect.stringContaining("nats.nkey") });
    expect(String(failed)).not.toContain("hunter2");
  });

  test("accounts that may use their own subjects only are enough, as the guide has them", async () => {
    const accounts = { host: nkeys.createUser(), client: nkeys.createUser() };
    const own = { port, server };
    port = await freePort();
    const config = join(folder, "strict.conf");
    writeFileSync(
      config,
      `authorization { users = [
        { nkey: ${accounts.host.getPublicKey()}, permissions: {
          publish: ["scard.strict.out.desk.>"], allow_responses: true,
          subscribe: ["scard.strict.hello.desk.*", "scard.strict.in.desk.>"] } }
        { nkey: ${accounts.client.getPublicKey()}, permissions: {
          publish: ["scard.strict.hello.*.alice", "scard.strict.in.*.alice.*"],
          subscribe: ["scard.strict.out.*.alice.*", "_INBOX.>"] } }
      ] }`,
    );
    const strict = await startServer("-c", config);
    try {
      const { clientFile, hostFile } = await files("strict");
      for (const [file, key] of [
        [clientFile, accounts.client],
        [hostFile, accounts.host],
      ] as const) {
        const seed = `${file}.nk`;
        writeFileSync(seed, key.getSeed(), { mode: 0o600 });
        const content = JSON.parse(readFileSync(file, "utf8"));
        writeFileSync(
          file,
          JSON.stringify({ ...content, nats: { servers: [`nats://127.0.0.1:${port}`], nkey: seed } }),
        );
      }
      const { farm, manager } = await served(hostFile);
      await using opened = await openFarm(clientFile);
      const context = await opened.manager.establishContext();
      const connection = await context.connect("desk/Reader", shared);
      expect(await connection.transmit(apdu)).toHaveLength(apdu.length + 2);
      await opened.close();
      await farm.close();
      await manager.close();
      expect(readFileSync(join(folder, "nats.log"), "utf8")).not.toMatch(/Permissions Violation/i);
    } finally {
      await strict.end("SIGKILL");
      ({ port, server } = own);
    }
  });

  test("no server is an error that says where it was looked", async () => {
    const nowhere = `nats://127.0.0.1:${await freePort()}`;
    await expect(connectNats({ servers: [nowhere], name: "test" })).rejects.toMatchObject({
      code: "no-service",
      message: expect.stringContaining(nowhere),
    });
  });

  test("a server that asks for a password admits no program without", async () => {
    const own = { port, server };
    port = await freePort();
    const strict = await startServer("--user", "u", "--pass", "p");
    try {
      await expect(connectNats({ servers: [`nats://127.0.0.1:${port}`], name: "test" })).rejects.toMatchObject({
        code: "no-access",
      });
    } finally {
      await strict.end("SIGKILL");
      port = own.port;
    }
  });
});

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
