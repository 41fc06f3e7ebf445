// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { LogSink, type LogTarget } from "./log-sink.ts";

type Done = Parameters<LogTarget["write"]>[1];

/** A target controlled by the test. */
function held() {
  const writes: { text: string; done: Done }[] = [];
  let written = "";
  return {
    writes,
    written: () => written,
    target: {
      write: (bytes, done) => {
        writes.push({ text: new TextDecoder().decode(bytes), done });
      },
    } satisfies LogTarget,
    /** Takes so many bytes of the write under way, or all. */
    take: (count?: number) => {
      const { done, text } = writes.shift() ?? expect.fail("nothing is being written");
      const taken = count ?? text.length;
      written += text.slice(0, taken);
      done(null, taken);
    },
    fail: (code: string) => {
      const { done } = writes.shift() ?? expect.fail("nothing is being written");
      done({ code, message: code }, 0);
    },
  };
}

function sinkOver(target: LogTarget, limits: ConstructorParameters<typeof LogSink>[1]["limits"] = {}) {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const lostLine = (count: number, reason: string): string => `lost ${count} (${reason})\n`;
  return { runtime, sink: new LogSink(target, { clock: runtime.clock, lostLine, limits }) };
}

describe("LogSink", () => {
  it("writes lines in order, whatever pieces the target takes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{0,9}$/)),
        fc.array(fc.integer({ min: 1, max: 7 })),
        (words, cuts) => {
          const { target, take, writes, written } = held();
          const { sink } = sinkOver(target, { batchBytes: 16 });
          const lines = words.map((word) => `${word}\n`);
          for (const line of lines) sink.write(line);
          for (let step = 0; writes.length > 0; step++) take(Math.min(cuts[step] ?? 99, writes[0]?.text.length ?? 0));
          expect(written()).toBe(lines.join(""));
          expect(sink.lost).toBe(0);
        },
      ),
    );
  });

  it("goes on when a write fails, and tells how many lines were lost when it can", async () => {
    const { fail, take, target, writes, written } = held();
    const { runtime, sink } = sinkOver(target);
    sink.write("one\n");
    fail("ENOSPC");
    sink.write("two\n");
    sink.write("three\n");
    expect(writes).toEqual([]);
    await runtime.advance(1000);
    fail("ENOSPC");
    sink.write("four\n");
    expect(sink.lost).toBe(3);
    await runtime.advance(1000);
    take();
    expect(written()).toBe("lost 3 (ENOSPC)\nfour\n");
    expect(sink.lost).toBe(0);
  });

  it("keeps what a full pipe does not take, up to a limit", async () => {
    const { fail, take, target, writes, written } = held();
    const { runtime, sink } = sinkOver(target, { unwrittenBytes: 12 });
    sink.write("one\n");
    fail("EAGAIN");
    for (const line of ["two\n", "three\n", "four\n", "5\n"]) sink.write(line);
    expect(writes).toEqual([]);
    await runtime.advance(100);
    take();
    take();
    expect(written()).toBe("one\nlost 1 (too much is unwritten)\ntwo\nthree\n5\n");
  });

  it("does not write on behind half a line", async () => {
    const { fail, take, target, written } = held();
    const { runtime, sink } = sinkOver(target);
    sink.write("one\n");
    take(2);
    fail("EIO");
    sink.write("two\n");
    await runtime.advance(1000);
    take();
    expect(written()).toBe("on\nlost 1 (EIO)\ntwo\n");
  });

  it("ends when everything is written, when it fails, and when its time is over", async () => {
    const first = held();
    const { sink } = sinkOver(first.target);
    await sink.end(1000);
    sink.write("one\n");
    const ending = sink.end(1000);
    first.take();
    await ending;

    const second = held();
    const failing = sinkOver(second.target);
    failing.sink.write("one\n");
    const failed = failing.sink.end(1000);
    second.fail("ENOSPC");
    await failed;

    const third = held();
    const stuck = sinkOver(third.target);
    stuck.sink.write("one\n");
    const late = stuck.sink.end(1000);
    await stuck.runtime.advance(1000);
    await late;
    expect(stuck.sink.writing).toBe(true);
    expect(new TextDecoder().decode(stuck.sink.unwritten())).toBe("one\n");
  });

  it("leaves nothing to wait for behind its end, where a pipe stays full", async () => {
    const { fail, target, writes } = held();
    const { runtime, sink } = sinkOver(target);
    sink.write("one\n");
    fail("EAGAIN");
    const ending = sink.end(1000);
    for (let tries = 0; tries < 9; tries++) {
      fail("EAGAIN");
      await runtime.advance(100);
    }
    await runtime.advance(100);
    await ending;
    if (writes.length > 0) fail("EAGAIN");
    expect(runtime.pendingTimers).toEqual([]);
  });

  it("at its end tries once more what has failed before", async () => {
    const { fail, take, target, written } = held();
    const { sink } = sinkOver(target);
    sink.write("one\n");
    fail("ENOSPC");
    sink.write("two\n");
    const ending = sink.end(1000);
    take();
    await ending;
    expect(written()).toBe("lost 1 (ENOSPC)\ntwo\n");
  });
});
