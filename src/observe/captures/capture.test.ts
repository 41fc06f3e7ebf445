// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { type Recording, redactRecording, wholeBytes } from "../recordings/index.ts";
import { captureKinds, captureOf } from "./index.ts";

const recording: Recording = {
  header: { recorded: 1_790_000_000_000, data: "raw", atr: hexBytes("3B8001"), reader: "Desk" },
  events: [
    {
      event: "exchange",
      atMs: 1,
      tookMs: 2,
      command: wholeBytes(hexBytes("0020008004C0FFEE5E")),
      response: wholeBytes(hexBytes("9000")),
    },
    { event: "removed", atMs: 9 },
  ],
};

/** The blocks of a pcapng file: type and body. */
function blocksOf(file: Uint8Array): { readonly type: number; readonly body: Uint8Array }[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const blocks = [];
  for (let at = 0; at < file.length; ) {
    const length = view.getUint32(at + 4, true);
    expect(length % 4).toBe(0);
    expect(view.getUint32(at + length - 4, true)).toBe(length);
    blocks.push({ type: view.getUint32(at, true), body: file.subarray(at + 8, at + length - 4) });
    at += length;
  }
  return blocks;
}

describe.each(captureKinds)("a capture as %s", (kind) => {
  test("is a file of whole blocks", () => {
    const [section, described, ...packets] = blocksOf(captureOf(recording, kind));
    expect([section?.type, described?.type]).toEqual([0x0a0d0d0a, 1]);
    expect(packets.length).toBeGreaterThan(0);
    expect(new Set(packets.map(({ type }) => type))).toEqual(new Set([6]));
  });

  test("has zeros for what is withheld, and says so", () => {
    const redacted = captureOf(recording, kind);
    expect(encodeHex(redacted)).not.toContain("C0FFEE5E");
    expect(encodeHex(redacted)).toContain("002000800400000000");
    const text = new TextDecoder("latin1").decode(redacted);
    expect(text).toContain("bytes withheld, written as zeros: 4 of the command");
    expect(text).toContain("redacted: withheld bytes are zeros");
    expect(captureOf(redactRecording(recording), kind, { raw: true })).toEqual(redacted);
  });

  test("keeps all bytes where the owner says so, and is marked", () => {
    const raw = captureOf(recording, kind, { raw: true });
    expect(encodeHex(raw)).toContain("0020008004C0FFEE5E");
    expect(new TextDecoder("latin1").decode(raw)).toContain("raw: PINs and keys may be in this file");
  });

  test("takes any time", () => {
    const events = recording.events.map((event) => ({ ...event, atMs: 1e308, tookMs: 1e308 }));
    expect(blocksOf(captureOf({ ...recording, events }, kind)).length).toBeGreaterThan(2);
  });

  test("takes exchanges of any length", () => {
    const long = (bytes: number): Recording["events"][number] => ({
      event: "exchange",
      atMs: 0,
      command: wholeBytes(new Uint8Array(bytes)),
      response: wholeBytes(new Uint8Array(bytes)),
    });
    const { header } = recording;
    for (const bytes of [0, 1, 253, 254, 65_544])
      blocksOf(captureOf({ header, events: [long(bytes)] }, kind, { raw: true }));
  });
});
