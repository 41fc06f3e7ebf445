// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex } from "../../base/binary/index.ts";
import { encodeControl, encodeFrame, FrameDecoder } from "./frame.ts";
import { MAX_FRAME_BYTES } from "./limits.ts";

const payload = fc.uint8Array({ maxLength: 300 });

/** Cuts a stream at the given places. */
function cut(stream: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  return edges.slice(1).map((edge, index) => stream.slice(edges[index], edge));
}

describe("frames of the vpcd protocol", () => {
  it("writes the four control commands of doc/api.txt", () => {
    // vsmartcard, virtualsmartcard/doc/api.txt, table of commands.
    expect(encodeHex(encodeControl("power-off"))).toBe("000100");
    expect(encodeHex(encodeControl("power-on"))).toBe("000101");
    expect(encodeHex(encodeControl("reset"))).toBe("000102");
    expect(encodeHex(encodeControl("get-atr"))).toBe("000104");
  });

  it("writes the length most significant byte first, in one array with the payload", () => {
    const frame = encodeFrame(new Uint8Array(0x0102).fill(0xaa));
    expect(frame.length).toBe(2 + 0x0102);
    expect(encodeHex(frame.subarray(0, 3))).toBe("0102AA");
  });

  it("carries 65,535 bytes and refuses one more", () => {
    const longest = new Uint8Array(MAX_FRAME_BYTES).fill(7);
    expect([...new FrameDecoder().decode(encodeFrame(longest))]).toEqual([longest]);
    expect(() => encodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow(RangeError);
  });

  it("gives the same frames wherever the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 40 }), (payloads, places) => {
        const decoder = new FrameDecoder();
        const stream = concatBytes(...payloads.map(encodeFrame));
        const decoded = cut(stream, places).flatMap((piece) => [...decoder.decode(piece)]);
        expect(decoded).toEqual(payloads);
        expect(decoder.partial).toBe(false);
      }),
    );
  });

  it("reads any bytes as frames, with nothing lost and nothing made up", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        const decoder = new FrameDecoder();
        const again = concatBytes(...[...decoder.decode(bytes)].map(encodeFrame));
        expect(bytes.slice(0, again.length)).toEqual(again);
        expect(decoder.partial).toBe(again.length < bytes.length);
      }),
    );
  });

  it("knows a frame that has begun from its first byte on", () => {
    const decoder = new FrameDecoder();
    for (const byte of [0x00, 0x02, 0x90]) {
      expect([...decoder.decode(Uint8Array.of(byte))]).toEqual([]);
      expect(decoder.partial).toBe(true);
    }
    expect([...decoder.decode(Uint8Array.of(0x00))]).toEqual([Uint8Array.of(0x90, 0x00)]);
    expect(decoder.partial).toBe(false);
  });

  it("gives frames that share no memory with the piece they came in", () => {
    const piece = encodeFrame(Uint8Array.of(0x90, 0x00));
    const [frame] = [...new FrameDecoder().decode(piece)];
    piece.fill(0xff);
    expect(frame).toEqual(Uint8Array.of(0x90, 0x00));
  });
});
