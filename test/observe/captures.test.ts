// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { type CaptureKind, captureOf, type RecordedEvent, type Recording } from "../../src/entry/observe.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { run } from "../peers/program.ts";

const tshark: PeerProgram = {
  name: "tshark",
  remedy: "scripts/setup-peers.sh installs it on Debian.",
  probe: () => undefined,
};
const folder = mkdtempSync(join(tmpdir(), "scard-captures-"));
afterAll(() => rmSync(folder, { recursive: true }));

const whole = (hex: string) => ({ before: hexBytes(hex), withheld: 0, after: new Uint8Array(0) });
const exchange = (command: string, response: string, atMs: number): RecordedEvent => {
  return { event: "exchange", atMs, tookMs: 1, command: whole(command), response: whole(response) };
};
const recording: Recording = {
  header: { recorded: 1_790_000_000_000, data: "raw", atr: hexBytes("3B8001"), protocol: "t1" },
  events: [
    exchange("00A4040005A00000030800", "61114F0600001000010079074F05A0000003089000", 1),
    exchange("0020008008C0FFEE5EC0FFEE5E", "9000", 10),
    // Longer than a block of ISO/IEC 14443-4.
    exchange("00B0000000", `${"AB".repeat(256)}9000`, 20),
    exchange("0084000008", "01020304050607089000", 30),
  ],
};

describePeer(tshark, (path) => {
  const read = async (kind: CaptureKind, ...args: readonly string[]): Promise<string> => {
    const file = join(folder, `${kind}.pcapng`);
    writeFileSync(file, captureOf(recording, kind));
    const { status, stderr, stdout } = await run(path, ["-r", file, ...args]);
    expect(status, stderr).toBe(0);
    return stdout;
  };

  it.each([
    ["gsmtap", [], ["SELECT Application a000000308", "VERIFY CHV", "READ BINARY", "GET CHALLENGE"]],
    [
      "usb",
      ["-d", "usbccid.subdissector,iso7816"],
      ["GET DESCRIPTOR Response CONFIGURATION", "Select file", "Verify", "Read binary", "Get challenge"],
    ],
    [
      "iso14443",
      ["-d", "iso14443.subdissector,iso7816"],
      ["RATS", "Select file", "Verify", "Read binary", "R-block, ACK", "Get challenge"],
    ],
  ] as const)("names the commands of %s", async (kind, options, names) => {
    const summary = await read(kind, ...options);
    for (const name of names) expect(summary).toContain(name);
    expect(summary).not.toContain("Malformed");
    const details = await read(kind, "-V", "-x", ...options);
    expect(details).toContain("bytes withheld, written as zeros: 8 of the command");
    expect(details).not.toMatch(/c0 ?ff ?ee ?5e/i);
  });
});
