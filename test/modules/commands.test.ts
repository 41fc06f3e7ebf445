// SPDX-License-Identifier: MIT

// `scard piv` and `scard card` over each manager: what a user does with a card, and what can come in between.

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { softwareCard } from "../../src/entry/embedded.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import type { Connection } from "../../src/port/index.ts";
import { type Run, type Setting, scard } from "../cli/card-file-run.ts";
import { type Service, startPcscd, startScard } from "../peers/daemon.ts";
import { pcscdProgram } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";

const openssl = (...args: readonly string[]): string =>
  execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });

function withService(start: () => Promise<Service>): void {
  let service: Service;
  let inserted: SoftwareVpcdCard;
  let folder = "";
  let socket = "";
  const path = (name: string): string => join(folder, name);
  const run = (args: readonly string[], setting: Setting = {}): Promise<Run> =>
    scard(args, { ...setting, environment: { SCARD_MANAGER: `pcscd:${socket}`, ...setting.environment } });
  const done = async (...args: readonly string[]): Promise<string> => {
    const { code, err, out } = await run(args);
    expect(code, `${args.join(" ")}: ${err}`).toBe(0);
    return out;
  };
  /** Waits until a reader has a card, or none has. */
  const seen = async (present: boolean): Promise<string> => {
    const context = await pcscdManager({ socket }).establishContext();
    try {
      const readers = await context.listReaders();
      let states = await context.getStatusChange(readers.map((reader) => ({ reader })));
      for (;;) {
        const found = states.find(({ atr, flags }) => flags.present && atr.length > 0);
        if ((found !== undefined) === present) return found?.reader ?? "";
        states = await context.getStatusChange(states);
      }
    } finally {
      await context.release();
    }
  };
  /** Another program's connection. */
  const other = async (): Promise<Connection> => {
    const context = await pcscdManager({ socket }).establishContext();
    return context.connect(await seen(true), { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scard-commands-"));
    service = await start();
    socket = service.environment.PCSCLITE_CSOCK_NAME ?? "";
    inserted = await SoftwareVpcdCard.insert(await softwareCard("piv"), service.ports[0]);
    await seen(true);
    writeFileSync(path("data"), "what is signed");
  });
  afterAll(async () => {
    await inserted?.remove();
    await service?.stop();
    rmSync(folder, { recursive: true });
  });

  test("makes a key and a certificate, signs, and tells of it", async () => {
    await done("piv", "keys", "generate", "-m", "default", "-a", "rsa2048", "9a", path("9a.pem"));
    const issue = ["--subject", "CN=alice", "--pin", "env:PIN", "-m", "default", "9a"];
    await done("piv", "certificates", "generate", ...issue);
    expect(await done("piv", "info")).toContain("Slot 9A (AUTHENTICATION):\n  Private key type: RSA2048\n");
    await done("piv", "sign", "--pin", "env:PIN", "9a", path("data"), path("signature"));
    const verify = ["dgst", "-sha256", "-verify", path("9a.pem"), "-signature", path("signature"), path("data")];
    expect(openssl(...verify)).toContain("OK");
    await done("card", "sign", "--pin", "env:PIN", "9A", path("data"), path("signature"));
    expect(openssl(...verify)).toContain("OK");
  });

  test("imports a long certificate", async () => {
    const name = `/CN=${"a".repeat(60)}/O=${"b".repeat(60)}/OU=${"c".repeat(60)}`;
    const key = ["-newkey", "rsa:2048", "-nodes", "-keyout", path("own.key")];
    openssl("req", "-x509", ...key, "-out", path("own.pem"), "-subj", name);
    await done("piv", "certificates", "import", "-m", "default", "82", path("own.pem"));
    expect(await done("piv", "certificates", "export", "82")).toBe(openssl("x509", "-in", path("own.pem")));
    await done("piv", "certificates", "delete", "-m", "default", "82");
  });

  test("works where another program has reset the card, and selected another application", async () => {
    const connection = await other();
    await connection.send({
      cla: 0,
      ins: 0xa4,
      p1: 4,
      p2: 0,
      data: Uint8Array.of(0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17),
    });
    await connection.reconnect({ shareMode: "shared", preferredProtocols: ["t0", "t1"], initialization: "reset" });
    await done("piv", "sign", "--pin", "env:PIN", "9a", path("data"), path("signature"));
    await connection.disconnect("reset");
    await done("piv", "info");
  });

  test("a wrong PIN, and a reader that another program has for itself", async () => {
    const wrong = await run(["piv", "access", "verify-pin", "--pin", "env:WRONG", "--json"]);
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.out)).toMatchObject({
      error: { code: "wrong-chv", message: expect.stringContaining("2 tries") },
    });
    await done("piv", "access", "verify-pin", "--pin", "env:PIN");
    const context = await pcscdManager({ socket }).establishContext();
    await using connection = await context.connect(await seen(true), {
      shareMode: "exclusive",
      preferredProtocols: ["t0", "t1"],
    });
    const busy = await run(["piv", "info"]);
    expect([busy.code, busy.err]).toEqual([1, expect.stringContaining("SCARD_E_SHARING_VIOLATION")]);
    await connection.disconnect("leave");
    await context.release();
  });

  test("the card is pulled while the PIN is asked for", async () => {
    const script = `#!/bin/sh\ntouch "${path("asked")}"\nwhile [ ! -e "${path("go")}" ]; do sleep 0.05; done\necho 123456\n`;
    writeFileSync(path("askpass"), script);
    chmodSync(path("askpass"), 0o700);
    const signing = run(["piv", "sign", "--askpass", path("askpass"), "9a", path("data"), path("signature")]);
    await expect.poll(() => existsSync(path("asked")), { message: "the PIN is asked for" }).toBe(true);
    await inserted.remove();
    await seen(false);
    writeFileSync(path("go"), "");
    expect(await signing).toMatchObject({
      code: 1,
      err: expect.stringMatching(/SCARD_W_REMOVED_CARD: the card was pulled out of ".*"/),
    });
    const gone = await run(["piv", "info"]);
    expect([gone.code, gone.err]).toEqual([
      1,
      expect.stringMatching(/no reader has a card: put one in, or choose one/),
    ]);
  });
}

describe("scard daemon", () => withService(startScard));
describePeer(pcscdProgram, () => withService(startPcscd));
