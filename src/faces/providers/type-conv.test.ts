// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { CByteBuffer, contentOf } from "./byte-buffer.ts";
import { ComError } from "./com-error.ts";
import { MAX_BUFFER_BYTES, type MemoryStream } from "./memory-stream.ts";
import { CSCardTypeConv } from "./type-conv.ts";

/** The name of the HRESULT that a call fails with. */
function failureOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ComError) return error.hresultName;
    throw error;
  }
  throw new Error("the call succeeded where an error was expected");
}

const conv = new CSCardTypeConv();
const bytes = Uint8Array.of(1, 2, 3);
const nothing = undefined as never;

describe("conversions copy", () => {
  test("arrays into buffers that are ready to be read", () => {
    expect(conv.ConvertByteArrayToByteBuffer(bytes, 2).Read(9)).toEqual(Uint8Array.of(1, 2));
    expect(conv.ConvertByteArrayToByteBuffer(bytes).Read(9)).toEqual(bytes);
    expect(conv.ConvertSafeArrayToByteBuffer(bytes).Read(9)).toEqual(bytes);
  });

  test("buffers into arrays, wherever their seek pointer is, and leave it there", () => {
    const buffer = CByteBuffer.of(bytes);
    buffer.Seek(2);
    expect(conv.ConvertByteBufferToByteArray(buffer)).toEqual(bytes);
    expect(conv.ConvertByteBufferToSafeArray(buffer)).toEqual(bytes);
    expect(buffer.Read(9)).toEqual(Uint8Array.of(3));
  });
});

test("what is created has the size that was asked for, and zeros", () => {
  expect(conv.CreateByteArray(2)).toEqual(new Uint8Array(2));
  expect(conv.CreateSafeArray(2)).toEqual(new Uint8Array(2));
  expect(contentOf(conv.CreateByteBuffer(2), "buffer")).toEqual(new Uint8Array(2));
});

describe("the memory of a stream", () => {
  test("is the stream's own, and keeps it from moving until it is given back", () => {
    const buffer = CByteBuffer.of(bytes);
    const memory = conv.GetAtIStreamMemory(buffer.Stream);
    const second = conv.GetAtIStreamMemory(buffer.Stream);
    memory[0] = 9;
    expect(buffer.Read(1)).toEqual(Uint8Array.of(9));
    expect(conv.SizeOfIStream(buffer.Stream)).toBe(3);
    conv.FreeIStreamMemoryPtr(buffer.Stream, memory);
    expect(failureOf(() => conv.FreeIStreamMemoryPtr(buffer.Stream, memory))).toBe("E_INVALIDARG");
    expect(failureOf(() => buffer.SetSize(100))).toBe("E_OUTOFMEMORY");
    conv.FreeIStreamMemoryPtr(buffer.Stream, second);
    buffer.SetSize(100);
    buffer.Revert();
    expect(contentOf(buffer, "buffer")).toEqual(bytes);
  });

  test("can be put under another buffer", () => {
    const [one, other] = [CByteBuffer.of(bytes), new CByteBuffer()];
    other.Stream = one.Stream;
    other.Write(Uint8Array.of(7));
    expect(one.Read(1)).toEqual(Uint8Array.of(7));
  });
});

describe("refused", () => {
  const calls: readonly [string, string, () => unknown][] = [
    ["no array", "E_POINTER", () => conv.ConvertByteArrayToByteBuffer(nothing)],
    ["more bytes than there are", "E_INVALIDARG", () => conv.ConvertByteArrayToByteBuffer(bytes, 4)],
    ["no buffer", "E_POINTER", () => conv.ConvertByteBufferToByteArray(nothing)],
    ["no buffer", "E_POINTER", () => conv.ConvertByteBufferToSafeArray(nothing)],
    ["no array", "E_POINTER", () => conv.ConvertSafeArrayToByteBuffer(nothing)],
    ["a size below 0", "E_INVALIDARG", () => conv.CreateByteArray(-1)],
    ["a size that is too large", "E_OUTOFMEMORY", () => conv.CreateByteBuffer(MAX_BUFFER_BYTES + 1)],
    ["no size", "E_INVALIDARG", () => conv.CreateSafeArray(Number.NaN)],
    ["no stream", "E_POINTER", () => conv.GetAtIStreamMemory(nothing)],
    ["no stream", "E_POINTER", () => conv.SizeOfIStream(bytes as unknown as MemoryStream)],
    ["no memory", "E_POINTER", () => conv.FreeIStreamMemoryPtr(CByteBuffer.of(bytes).Stream, nothing)],
    [
      "no stream to put",
      "E_POINTER",
      () => {
        new CByteBuffer().Stream = nothing;
      },
    ],
  ];
  test.each(calls)("%s: %s", (_, code, call) => {
    expect(failureOf(call)).toBe(code);
  });
});
