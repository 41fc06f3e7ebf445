// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CByteBuffer, contentOf } from "./byte-buffer.ts";
import { ComError } from "./com-error.ts";
import { LOCKTYPE, STATFLAG, STGC, STREAM_SEEK } from "./enumerations.ts";
import { MAX_BUFFER_BYTES } from "./memory-stream.ts";

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

describe("before Initialize every method fails with E_UNEXPECTED", () => {
  const calls: readonly [string, (buffer: CByteBuffer) => unknown][] = [
    ["Clone", (buffer) => buffer.Clone()],
    ["Commit", (buffer) => buffer.Commit()],
    ["CopyTo", (buffer) => buffer.CopyTo(CByteBuffer.of(Uint8Array.of()), 1)],
    ["LockRegion", (buffer) => buffer.LockRegion(0, 1, LOCKTYPE.WRITE)],
    ["Read", (buffer) => buffer.Read(1)],
    ["Revert", (buffer) => buffer.Revert()],
    ["Seek", (buffer) => buffer.Seek(0)],
    ["SetSize", (buffer) => buffer.SetSize(1)],
    ["Stat", (buffer) => buffer.Stat()],
    ["UnlockRegion", (buffer) => buffer.UnlockRegion(0, 1, LOCKTYPE.WRITE)],
    ["Write", (buffer) => buffer.Write(Uint8Array.of(1))],
  ];
  test.each(calls)("%s", (_, call) => {
    expect(failureOf(() => call(new CByteBuffer()))).toBe("E_UNEXPECTED");
  });
});

describe("bytes", () => {
  test("of Initialize are read from the beginning, and the rest of the size is zeros", () => {
    const buffer = new CByteBuffer();
    buffer.Initialize(4, Uint8Array.of(1, 2));
    expect(buffer.Read(100)).toEqual(Uint8Array.of(1, 2, 0, 0));
    expect(buffer.Read(1)).toEqual(Uint8Array.of());
  });

  test("without any parameter are one", () => {
    const buffer = new CByteBuffer();
    buffer.Initialize();
    expect(buffer.Stat().cbSize).toBe(1);
  });

  test("are copied in and out", () => {
    const data = Uint8Array.of(1, 2, 3);
    const buffer = CByteBuffer.of(data);
    data.fill(0);
    buffer.Read(3).fill(9);
    expect(contentOf(buffer, "buffer")).toEqual(Uint8Array.of(1, 2, 3));
  });

  test("written beyond the end leave zeros between, and none written change nothing", () => {
    const buffer = CByteBuffer.of(Uint8Array.of(1));
    expect(buffer.Seek(2, STREAM_SEEK.END)).toBe(3);
    expect(buffer.Write(Uint8Array.of())).toBe(0);
    expect(buffer.Stat().cbSize).toBe(1);
    expect(buffer.Write(Uint8Array.of(9))).toBe(1);
    expect(contentOf(buffer, "buffer")).toEqual(Uint8Array.of(1, 0, 0, 9));
  });

  test("that were cut off do not come back when the buffer grows", () => {
    const buffer = CByteBuffer.of(Uint8Array.of(1, 2, 3));
    buffer.SetSize(1);
    buffer.SetSize(3);
    expect(contentOf(buffer, "buffer")).toEqual(Uint8Array.of(1, 0, 0));
  });

  test("copied to another buffer advance both pointers", () => {
    const [from, to] = [CByteBuffer.of(Uint8Array.of(1, 2, 3)), CByteBuffer.of(Uint8Array.of(7, 8, 9))];
    from.Seek(1);
    expect(from.CopyTo(to, 100)).toEqual({ read: 2, written: 2 });
    expect([from.Seek(0, STREAM_SEEK.CUR), to.Seek(0, STREAM_SEEK.CUR)]).toEqual([3, 2]);
    expect(contentOf(to, "buffer")).toEqual(Uint8Array.of(2, 3, 9));
  });
});

describe("clones", () => {
  test("see each other's bytes, and have pointers of their own that begin alike", () => {
    const buffer = CByteBuffer.of(Uint8Array.of(1, 2, 3));
    buffer.Seek(1);
    const clone = buffer.Clone();
    expect(clone.Seek(0, STREAM_SEEK.CUR)).toBe(1);
    clone.Write(Uint8Array.of(9, 9, 9, 9));
    expect(buffer.Read(9)).toEqual(Uint8Array.of(9, 9, 9, 9));
  });

  test("share locks: what one has, the other may not touch", () => {
    const buffer = CByteBuffer.of(new Uint8Array(8));
    const clone = buffer.Clone();
    buffer.LockRegion(2, 2, LOCKTYPE.WRITE);
    expect(clone.Read(8)).toHaveLength(8);
    clone.Seek(0);
    expect(failureOf(() => clone.Write(new Uint8Array(3)))).toBe("STG_E_LOCKVIOLATION");
    expect(clone.Write(new Uint8Array(2))).toBe(2);
    expect(buffer.Write(new Uint8Array(8))).toBe(8);
    expect(failureOf(() => clone.LockRegion(3, 9, LOCKTYPE.WRITE))).toBe("STG_E_LOCKVIOLATION");
    expect(failureOf(() => clone.SetSize(3))).toBe("STG_E_LOCKVIOLATION");
    expect(failureOf(() => clone.UnlockRegion(2, 2, LOCKTYPE.WRITE))).toBe("STG_E_LOCKVIOLATION");
    buffer.UnlockRegion(2, 2, LOCKTYPE.WRITE);
    clone.LockRegion(3, 9, LOCKTYPE.WRITE);
  });

  test("are kept from reading by an exclusive lock", () => {
    const buffer = CByteBuffer.of(new Uint8Array(8));
    const clone = buffer.Clone();
    buffer.LockRegion(4, 1, LOCKTYPE.EXCLUSIVE);
    expect(clone.Read(4)).toHaveLength(4);
    expect(failureOf(() => clone.Read(1))).toBe("STG_E_LOCKVIOLATION");
    expect(buffer.Read(8)).toHaveLength(8);
  });

  test("lock once what is not locked once already, and only that", () => {
    const buffer = CByteBuffer.of(new Uint8Array(8));
    const clone = buffer.Clone();
    buffer.LockRegion(4, 1, LOCKTYPE.ONLYONCE);
    for (const other of [buffer, clone])
      expect(failureOf(() => other.LockRegion(3, 2, LOCKTYPE.ONLYONCE))).toBe("STG_E_LOCKVIOLATION");
    clone.LockRegion(0, 8, LOCKTYPE.WRITE);
    clone.LockRegion(0, 4, LOCKTYPE.ONLYONCE);
    expect(failureOf(() => buffer.LockRegion(7, 1, LOCKTYPE.WRITE))).toBe("STG_E_LOCKVIOLATION");
    clone.UnlockRegion(0, 8, LOCKTYPE.WRITE);
    for (const other of [buffer, clone]) {
      other.Seek(0);
      expect(other.Write(new Uint8Array(8))).toBe(8);
      other.SetSize(8);
    }
    expect(failureOf(() => buffer.UnlockRegion(4, 1, LOCKTYPE.WRITE))).toBe("STG_E_LOCKVIOLATION");
    buffer.UnlockRegion(4, 1, LOCKTYPE.ONLYONCE);
  });
});

describe("Read and CopyTo", () => {
  test.each([3, 4, MAX_BUFFER_BYTES, MAX_BUFFER_BYTES + 1, 0x7fff_ffff, 0xffff_ffff, Number.MAX_SAFE_INTEGER])(
    "attempt %d bytes and give what there is",
    (count) => {
      const buffer = CByteBuffer.of(Uint8Array.of(1, 2, 3));
      const other = CByteBuffer.of(new Uint8Array(0));
      expect(buffer.Read(count)).toEqual(Uint8Array.of(1, 2, 3));
      expect(buffer.Read(count)).toEqual(new Uint8Array(0));
      buffer.Seek(1);
      expect(buffer.CopyTo(other, count)).toEqual({ read: 2, written: 2 });
      expect(contentOf(other, "buffer")).toEqual(Uint8Array.of(2, 3));
    },
  );

  test("give nothing beyond the end, where a write is refused that does not fit", () => {
    const buffer = CByteBuffer.of(Uint8Array.of(1, 2, 3));
    expect(buffer.Seek(0x7fff_ffff)).toBe(0x7fff_ffff);
    expect(buffer.Read(1)).toEqual(new Uint8Array(0));
    expect(failureOf(() => buffer.Write(Uint8Array.of(1)))).toBe("STG_E_MEDIUMFULL");
    buffer.LockRegion(0x7fff_fff0, 8, LOCKTYPE.WRITE);
  });
});

describe("Revert", () => {
  test("goes back to the last Commit, or to Initialize", () => {
    const buffer = CByteBuffer.of(Uint8Array.of(1, 2));
    buffer.Write(Uint8Array.of(7, 8, 9));
    buffer.Revert();
    expect(contentOf(buffer, "buffer")).toEqual(Uint8Array.of(1, 2));
    buffer.Seek(0);
    buffer.Write(Uint8Array.of(7));
    buffer.Commit(STGC.OVERWRITE);
    buffer.SetSize(0);
    buffer.Revert();
    buffer.Revert();
    expect(contentOf(buffer, "buffer")).toEqual(Uint8Array.of(7, 2));
  });
});

describe("refused, with nothing changed", () => {
  const calls: readonly [string, string, (buffer: CByteBuffer) => unknown][] = [
    ["a size below 0", "E_INVALIDARG", (buffer) => buffer.SetSize(-1)],
    ["a size that is too large", "STG_E_MEDIUMFULL", (buffer) => buffer.SetSize(MAX_BUFFER_BYTES + 1)],
    ["more data than the size", "E_INVALIDARG", (buffer) => buffer.Initialize(1, new Uint8Array(2))],
    ["half a byte", "E_INVALIDARG", (buffer) => buffer.Read(0.5)],
    ["a seek before the beginning", "STG_E_SEEKERROR", (buffer) => buffer.Seek(-1)],
    ["a seek beyond a LONG", "STG_E_SEEKERROR", (buffer) => buffer.Seek(2 ** 31)],
    ["an unknown origin", "E_INVALIDARG", (buffer) => buffer.Seek(0, 3 as STREAM_SEEK)],
    ["no number", "E_INVALIDARG", (buffer) => buffer.Seek(Number.NaN)],
    ["an unknown commit", "STG_E_INVALIDFLAG", (buffer) => buffer.Commit(16)],
    ["an unknown statistic", "STG_E_INVALIDFLAG", (buffer) => buffer.Stat(3 as STATFLAG)],
    ["an unknown lock", "E_INVALIDARG", (buffer) => buffer.LockRegion(0, 1, 3 as LOCKTYPE)],
    ["an empty range", "E_INVALIDARG", (buffer) => buffer.LockRegion(0, 0, LOCKTYPE.WRITE)],
    ["no destination", "E_POINTER", (buffer) => buffer.CopyTo(undefined as unknown as CByteBuffer, 1)],
    ["no data", "E_POINTER", (buffer) => buffer.Write(undefined as unknown as Uint8Array)],
  ];
  test.each(calls)("%s: %s", (_, code, call) => {
    const buffer = CByteBuffer.of(Uint8Array.of(1, 2));
    expect(failureOf(() => call(buffer))).toBe(code);
    expect(buffer.Read(9)).toEqual(Uint8Array.of(1, 2));
  });

  test("a write beyond the limit", () => {
    const buffer = CByteBuffer.of(Uint8Array.of(1));
    buffer.Seek(MAX_BUFFER_BYTES);
    expect(failureOf(() => buffer.Write(Uint8Array.of(1)))).toBe("STG_E_MEDIUMFULL");
    expect(buffer.Stat(STATFLAG.NONAME).cbSize).toBe(1);
  });
});

test("any history of reads, writes, seeks and sizes is that of an array", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("write" as const), data: fc.uint8Array({ maxLength: 20 }) }),
    fc.record({ kind: fc.constant("read" as const), count: fc.nat(30) }),
    fc.record({ kind: fc.constant("seek" as const), to: fc.nat(60) }),
    fc.record({ kind: fc.constant("size" as const), size: fc.nat(60) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const buffer = CByteBuffer.of(Uint8Array.of());
      let [model, position]: [number[], number] = [[], 0];
      for (const one of steps) {
        if (one.kind === "write") {
          buffer.Write(one.data);
          if (one.data.length === 0) continue;
          while (model.length < position) model.push(0);
          model.splice(position, one.data.length, ...one.data);
          position += one.data.length;
        } else if (one.kind === "read") {
          const expected = model.slice(position, position + one.count);
          expect([...buffer.Read(one.count)]).toEqual(expected);
          position += expected.length;
        } else if (one.kind === "seek") position = buffer.Seek(one.to);
        else {
          buffer.SetSize(one.size);
          model = Array.from({ length: one.size }, (_, index) => model[index] ?? 0);
        }
      }
      expect([...contentOf(buffer, "buffer")]).toEqual(model);
    }),
  );
});
