// SPDX-License-Identifier: MIT

// Every suite of peers runs with traces on, and no PIN, PUK or key may be in what the daemon tells.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { TracedDaemon } from "./traced-daemon.ts";

const files = readdirSync("test", { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => /\.(?:ts|mjs)$/.test(path))
  .map((path) => ({ path, code: readFileSync(join("test", path), "utf8") }));

/** Files that start a daemon without a trace, and why no program of others has a PIN there. */
const untraced: Readonly<Record<string, string>> = {
  "daemon/": "tests of the daemon itself, with our own client",
  "conformance/": "a word of a table",
  "examples.test.ts": "our examples",
  "fuzz/": "chance bytes on its sockets",
  "modules/heap.test.ts": "measures memory, with our own client",
  "schemas/": "a word of a table",
  "soak/": "its clients send no PIN",
  "storm/": "chance bytes on its sockets",
  "usb/guest/": "readers of a machine of its own",
  "windows/packages.test.ts": "it is refused on Windows",
  "cli/doctor.test.ts": "a word of a table",
  "cli/completion.test.ts": "a word of a table",
  "ifd/daemon.test.ts": "the drivers below the daemon are the peers; it looks at the log itself",
};

/** Suites with a peer that take the daemon of the daemon's own tests: there the peer is a terminal, a browser, or pcscd beside it. */
const ofOurOwnPrograms: ReadonlySet<string> = new Set([
  "cli/doctor-services.test.ts",
  "cli/service-managers.test.ts",
  "cli/shell-terminal.test.ts",
  "cli/top.test.ts",
  "compat/smartcard-readme.test.ts",
  "ifd/daemon.test.ts",
]);

describe("suites of peers", () => {
  test("start the daemon in one way, which is traced", () => {
    const starts = files
      .filter(({ code }) => /["']daemon["']\s*[,\]]|\bnew Daemon\(/.test(code))
      .map(({ path }) => path);
    expect(starts).toContain("peers/traced-daemon.ts");
    const allowed = ["peers/traced-daemon.ts", "peers/traced.test.ts", ...Object.keys(untraced)];
    const others = starts.filter(
      (path) => !allowed.some((one) => path === one || (one.endsWith("/") && path.startsWith(one))),
    );
    expect(others, "start it by TracedDaemon of test/peers/traced-daemon.ts").toEqual([]);
  });

  test("do not take the daemon of the daemon's own tests", () => {
    const suites = files.filter(({ code }) => /\bdescribePeer\(/.test(code));
    expect(suites.length).toBeGreaterThan(50);
    const found = suites.filter(({ code }) => /\bstartDaemon\(/.test(code)).map(({ path }) => path);
    expect(
      found.filter((path) => !ofOurOwnPrograms.has(path)),
      "take startScard or serveCard",
    ).toEqual([]);
  });
});

describe.skipIf(process.platform === "win32")("a traced daemon", () => {
  test("is refused where a secret is in what it tells", async () => {
    const folder = mkdtempSync(join(tmpdir(), "scard-traced-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [socket, control] = [join(folder, "comm"), join(folder, "control")];
    const start = (secret: string): Promise<TracedDaemon> =>
      TracedDaemon.start({ args: ["--reader", "virtual:Desk", "--card", "piv"], socket, control, secrets: [secret] });
    const use = async (): Promise<void> => {
      const context = await pcscdManager({ socket }).establishContext();
      const connection = await context.connect("Desk", { shareMode: "shared", preferredProtocols: ["t1"] });
      await connection.transmit(hexBytes("00A4040005A000000308"));
      await connection.transmit(hexBytes("0020008008C0FFEE5EC0FFEE5E"));
      await connection.disconnect();
      await context.release();
    };
    const good = await start("C0FFEE5E");
    await use();
    await good.end();
    expect([good.connects, good.commands]).toEqual([1, 2]);
    // What is shown of SELECT, in the place of a secret: the check can fail.
    const bad = await start("A000000308");
    await use();
    await expect(bad.end()).rejects.toThrow("A000000308 in a trace");
  });
});
