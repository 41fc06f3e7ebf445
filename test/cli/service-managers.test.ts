// SPDX-License-Identifier: MIT

// The commands over services of this machine: our daemon, which tells who holds what, and stock pcscd, which does not.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../src/apps/cli/program.ts";
import { softwareCard } from "../../src/entry/embedded.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { startDaemon } from "../daemon/running.ts";
import { stockPcscd } from "../pcscd/services.ts";
import { pcscdProgram } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";

const SELECT_DEMO = "00A404000BF073636172642E64656D6F00";

async function scard(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const terminal = new RecordedTerminal();
  const code = await runProgram(args, terminal);
  return { code, out: terminal.printed, err: terminal.said };
}

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-managers-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("over our daemon readers are told with those who use them", async () => {
  const socket = join(folder, "ours.comm");
  await startDaemon("--socket", socket, "--reader", "virtual", "--card", "demo");
  const context = await pcscdManager({ socket }).establishContext();
  await context.connect("Virtual Reader", { shareMode: "shared", preferredProtocols: ["t1"] });
  for (const spec of [`daemon:${socket}`, `pcscd:${socket}`]) {
    const { code, err, out } = await scard("readers", "--long", "--manager", spec);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^0 {2}Virtual Reader {2}card present, in use/);
    expect(out).toMatch(/^ {3}connected {3}.*: shared, t1, since /m);
  }
  const apdu = await scard("apdu", "--manager", `daemon:${socket}`, SELECT_DEMO);
  expect([apdu.code, apdu.out]).toEqual([0, expect.stringContaining("9000 success")]);
  await context.release();
});

test("without a service it says what was tried, and what to do", async () => {
  const { code, err } = await scard("readers", "--manager", `pcscd:${join(folder, "no-service")}`);
  expect([code, err]).toEqual([1, expect.stringMatching(/SCARD_E_NO_SERVICE: nothing listens on .*start pcscd/)]);
  const who = await scard("who", "--control", join(folder, "no-service"));
  expect(who.err).toMatch(/no scard daemon answers at .*no-service: start one with/);
});

describePeer(pcscdProgram, () => {
  test("readers, watch and apdu work, and who uses a reader is not told", async () => {
    const service = await stockPcscd();
    try {
      await service.start();
      const card = await SoftwareVpcdCard.insert(await softwareCard("demo"), service.port);
      const context = await pcscdManager({ socket: service.socket }).establishContext();
      const [reader = ""] = await context.listReaders();
      const [state] = await context.getStatusChange([{ reader }]);
      if (!state?.flags.present) await context.getStatusChange([{ reader, flags: { empty: true } }]);
      await context.release();

      const manager = ["--manager", `pcscd:${service.socket}`];
      const list = await scard("readers", "--long", ...manager);
      expect([list.code, list.out]).toEqual([
        0,
        expect.stringMatching(/^0 {2}Virtual PCD 00 00 {2}card present.*"scard"/),
      ]);
      expect(list.err).toContain("does not report which programs use a reader; scard daemon does");
      const json = JSON.parse((await scard("readers", "--json", ...manager)).out);
      expect(json.readers[0]).toMatchObject({ number: 0, name: reader, card: { atr: expect.stringMatching(/^3B/) } });
      expect(Object.keys(json.readers[0])).not.toContain("connections");
      const watch = await scard("watch", "--once", "--json", ...manager);
      expect(JSON.parse(watch.out.split("\n")[0] ?? "")).toMatchObject({
        reader,
        happenings: expect.arrayContaining(["card-present"]),
      });
      const apdu = await scard("apdu", "--reader", "0", ...manager, SELECT_DEMO);
      expect([apdu.code, apdu.out]).toEqual([0, expect.stringContaining('"scard demo"')]);
      await card.remove();
    } finally {
      await service.remove();
    }
  });
});
