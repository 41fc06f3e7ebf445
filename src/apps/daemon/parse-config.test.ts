// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultServerLimits } from "../../faces/pcsclite-server/index.ts";
import { defaultLimits } from "../../managers/embedded/index.ts";
import { parseConfig } from "./parse-config.ts";

const guide = readFileSync(new URL("../../../docs/guide/daemon.md", import.meta.url), "utf8");

/** Everything that can be said. */
const full = {
  readers: [
    { type: "virtual", name: "Desk", card: "demo" },
    { type: "virtual", card: "cards/library.json" },
    { type: "usb" },
    { type: "usb", device: "072F:90cc", serial: "A1", port: "1-2.4", interface: 1, name: "Shelf" },
    { type: "ifd", driver: "/usr/lib/libx.so", device: "/dev/ttyS0", channel: 1, name: "Old" },
    { type: "reader.conf" },
    { type: "vpcd" },
    { type: "vpcd", host: "0.0.0.0", port: 40_000, slots: 2, access: [{ effect: "allow", uid: "root" }] },
    {
      type: "vpcd",
      path: "/run/vpcd",
      mode: "0660",
      group: 0,
      access: [{ effect: "deny", gid: 5, program: "/bin/x" }],
    },
  ],
  profile: "windows",
  semantics: { powerOffMs: null, transactionIdleMs: 3000, directSharing: "exclusive", reportsUnpowered: true },
  limits: { readers: 10, sessions: 20, unsentBytes: 100_000 },
  socket: { path: "/run/x/pcscd.comm", mode: "0660", group: "root" },
  control: { path: "/run/x/control" },
  access: {
    daemon: [{ effect: "allow", uid: "root" }, { effect: "allow", gid: 27 }, { effect: "deny" }],
    readers: [{ effect: "deny", reader: "Desk*", program: "/opt/*" }],
  },
  log: { level: "debug" },
};

/** The problems of a configuration, as they are printed. */
function problemsOf(json: unknown): string[] {
  const parsed = parseConfig(json, "/etc/scard");
  return parsed.ok ? [] : parsed.error.map(({ message, path }) => `${path} ${message}`);
}

describe("parseConfig", () => {
  it("takes everything in, and finds files beside the configuration", () => {
    const parsed = parseConfig(full, "/etc/scard");
    expect(parsed).toEqual({
      ok: true,
      value: {
        ...full,
        readers: [
          { kind: "virtual", name: "Desk", card: "demo" },
          { kind: "virtual", card: resolve("/etc/scard/cards/library.json") },
          { kind: "usb" },
          { kind: "usb", device: "072F:90cc", serial: "A1", port: "1-2.4", interface: 1, name: "Shelf" },
          { kind: "ifd", driver: "/usr/lib/libx.so", device: "/dev/ttyS0", channel: 1, name: "Old" },
          { kind: "reader.conf", path: "/etc/reader.conf.d" },
          { kind: "vpcd", host: "127.0.0.1", port: 35_963, slots: 1 },
          { kind: "vpcd", host: "0.0.0.0", port: 40_000, slots: 2, access: [{ effect: "allow", uid: 0 }] },
          {
            kind: "vpcd",
            path: "/run/vpcd",
            mode: 0o660,
            group: 0,
            slots: 1,
            access: [{ effect: "deny", gid: 5, program: "/bin/x" }],
          },
        ],
        semantics: { ...full.semantics, powerOffMs: undefined },
        socket: { path: "/run/x/pcscd.comm", mode: 0o660, group: 0 },
        access: {
          daemon: [{ effect: "allow", uid: 0 }, { effect: "allow", gid: 27 }, { effect: "deny" }],
          readers: [{ effect: "deny", reader: "Desk*", program: "/opt/*" }],
        },
      },
    });
  });

  it("needs nothing", () => {
    const nothing = { readers: [], semantics: {}, limits: {}, socket: {}, control: {}, log: {} };
    expect(parseConfig({}, "/")).toEqual({ ok: true, value: { ...nothing, access: { daemon: [], readers: [] } } });
  });

  it.each([
    [[], /^\$ should be an object with readers, profile/],
    [{ reader: [] }, /^\$\.reader is not known here: use readers, /],
    [{ readers: [{ type: "scsi" }] }, /^\$\.readers\[0\]\.type should be one of "ifd", "reader.conf", "usb"/],
    [{ readers: [{ type: "usb", device: "72f:2200" }] }, /^\$\.readers\[0\]\.device should be vendor and product/],
    [{ readers: [{ type: "usb", port: 1 }] }, /^\$\.readers\[0\]\.port should be/],
    [{ readers: [{ type: "usb", port: "1" }] }, /^\$\.readers\[0\]\.port should be bus and ports/],
    [
      {
        readers: [
          { type: "usb", name: "A" },
          { type: "virtual", name: "a" },
        ],
      },
      /^\$\.readers\[1\]\.name is that of/,
    ],
    [{ readers: [{ type: "usb", card: "demo" }] }, /^\$\.readers\[0\]\.card is not known here: use type, device/],
    [{ readers: [{ type: "ifd" }] }, /^\$\.readers\[0\]\.driver/],
    [{ readers: [{ type: "ifd", driver: "libx.so" }] }, /^\$\.readers\[0\]\.driver should be/],
    [
      { readers: [{ type: "usb", driver: "libccid" }] },
      /^\$\.readers\[0\]\.driver should be one of "own", "pcsc-lite"/,
    ],
    [{ readers: [{ type: "virtual", port: 1 }] }, /^\$\.readers\[0\]\.port is not known here: use type, name, card/],
    [{ readers: [{ type: "vpcd", port: 65_536 }] }, /^\$\.readers\[0\]\.port should be a whole number from 1 to 65535/],
    [{ readers: [{ type: "vpcd" }, { type: "vpcd" }] }, /^\$\.readers\[1\]\.port leads to 127\.0\.0\.1:35963/],
    [
      {
        readers: [
          { type: "vpcd", name: "A", slots: 3 },
          { type: "virtual", name: "a 2" },
        ],
      },
      /^\$\.readers\[1\]\.name is that of another reader: give each its own/,
    ],
    [
      {
        readers: [
          { type: "virtual", name: "A 1" },
          { type: "vpcd", name: "a", slots: 2 },
        ],
      },
      /^\$\.readers\[1\]\.name gives a slot the name "a 1", which another reader has: choose another/,
    ],
    [
      {
        readers: [
          { type: "virtual", name: "A" },
          { type: "virtual", name: "a" },
        ],
      },
      /^\$\.readers\[1\]\.name is that of another reader: give each its own/,
    ],
    [{ profile: "macos" }, /^\$\.profile should be one of "pcsclite", "windows"/],
    [{ semantics: { name: "x" } }, /^\$\.semantics\.name is not known here/],
    [{ semantics: { powerOffMs: 0 } }, /^\$\.semantics\.powerOffMs should be a whole number from 1/],
    [{ maxReadersContexts: 0 }, /^\$\.maxReadersContexts should be a whole number from 1 to 1024/],
    [{ maxReadersContexts: { "4:4": 48, "4:6": 64 } }, /^\$\.maxReadersContexts\["4:6"\] is not known here/],
    [
      { maxReadersContexts: { "4:5": 1025 } },
      /^\$\.maxReadersContexts\["4:5"\] should be a whole number from 1 to 1024/,
    ],
    [
      { readers: [{ type: "vpcd", mode: "0600" }] },
      /^\$\.readers\[0\]\.mode is that of a Unix socket: give its "path"/,
    ],
    [{ readers: [{ type: "vpcd", group: 0 }] }, /^\$\.readers\[0\]\.group is that of a Unix socket/],
    [{ readers: [{ type: "vpcd", path: "/x", port: 1 }] }, /^\$\.readers\[0\]\.port stands beside "path"/],
    [{ readers: [{ type: "vpcd", path: "/x", host: "::1" }] }, /^\$\.readers\[0\]\.host stands beside "path"/],
    [{ readers: [{ type: "vpcd", path: "x" }] }, /^\$\.readers\[0\]\.path should be an absolute path/],
    [{ readers: [{ type: "vpcd", path: `/${"x".repeat(105)}`, slots: 2 }] }, /^\$\.readers\[0\]\.path has 108 bytes/],
    [
      {
        readers: [
          { type: "vpcd", path: "/x", slots: 2 },
          { type: "vpcd", path: "/x.1" },
        ],
      },
      /^\$\.readers\[1\]\.path leads to \/x\.1, as another reader does: choose another path/,
    ],
    [{ readers: [{ type: "vpcd", access: [{ effect: "allow", gid: 0 }] }] }, /access\[0\]\.gid cannot be met by TCP/],
    [{ readers: [{ type: "vpcd", path: "/x", access: [{ effect: "allow", reader: "A" }] }] }, /access\[0\].*reader/],
    [{ readers: [{ type: "vpcd", access: [{ effect: "maybe" }] }] }, /access\[0\]\.effect should be one of/],
    [{ readers: [{ type: "vpcd", access: { effect: "allow" } }] }, /^\$\.readers\[0\]\.access should be/],
    [{ readers: [{ type: "vpcd", name: "R".repeat(128) }] }, /^\$\.readers\[0\]\.name has 128 bytes/],
    [
      {
        readers: [
          { type: "virtual", name: "A" },
          { type: "vpcd", name: "a" },
        ],
      },
      /^\$\.readers\[1\]\.name is that of another/,
    ],
    [{ semantics: { resetOnExit: "never" } }, /^\$\.semantics\.resetOnExit should be one of "transacted", "always"/],
    [{ semantics: { useIsAChange: 1 } }, /^\$\.semantics\.useIsAChange should be true or false/],
    [{ limits: { threads: 4 } }, /^\$\.limits\.threads is not known here: use readers, contexts/],
    [{ limits: { sessions: 0 } }, /^\$\.limits\.sessions should be a whole number from 1/],
    [{ socket: { mode: 438 } }, /^\$\.socket\.mode should be permissions in octal digits, as text/],
    [{ socket: { path: "pcscd.comm" } }, /^\$\.socket\.path should be an absolute path/],
    [{ control: { path: `/${"x".repeat(200)}` } }, /^\$\.control\.path has 201 bytes/],
    [{ socket: { group: "no such group" } }, /^\$\.socket\.group is no group in this machine's own list/],
    [{ access: { daemon: [{ uid: 1 }] } }, /^\$\.access\.daemon\[0\]\.effect is missing: write one of "allow", "deny"/],
    [{ access: { daemon: [{ effect: "deny", reader: "x" }] } }, /^\$\.access\.daemon\[0\]\.reader is not known here/],
    [{ access: { readers: [{ effect: "deny", uid: -1 }] } }, /^\$\.access\.readers\[0\]\.uid should be a whole number/],
    [{ log: { level: "verbose" } }, /^\$\.log\.level should be one of "trace", /],
  ])("says what is wrong with %j", (json, problem) => {
    const problems = problemsOf(json);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  it("finds all problems at once", () => {
    expect(problemsOf({ profile: 1, log: { level: 1 }, readers: [{}], socket: [] })).toHaveLength(4);
  });

  it("never throws", () => {
    const keys = ["readers", "semantics", "limits", "socket", "control", "access", "log", "daemon", "type", "uid"];
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom(null, true, 1, -1, "", "virtual", "deny"),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie("value")),
      ),
    })).value;
    fc.assert(fc.property(json, (value) => problemsOf(value).length >= 0));
  });

  it.skipIf(process.platform !== "linux")("is documented with an example that is good", () => {
    const example = /^```json\n(.*?)^```$/ms.exec(guide)?.[1] ?? "";
    expect(problemsOf(JSON.parse(example))).toEqual([]);
  });

  it("is documented with every limit and its default", () => {
    const table = guide.slice(guide.indexOf("**Limits.**"), guide.indexOf("## Access"));
    for (const row of Object.entries({ ...defaultLimits, ...defaultServerLimits })) {
      const [name, value] = row;
      const line = table.split("\n").find((one) => one.includes(`\`${name}\``)) ?? "";
      const names = [...line.matchAll(/`(\w+)`(?=,| \|)/g)].map((match) => match[1]);
      const defaults = line.split("|").at(-2)?.split(",") ?? [];
      expect([name, Number(defaults[names.indexOf(name)])]).toEqual([name, value]);
    }
  });
});
