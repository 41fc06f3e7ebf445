// SPDX-License-Identifier: MIT

import { constants } from "node:os";
import { expect, test } from "vitest";
import { type Koffi, loadKoffi } from "../koffi/index.ts";
import { loopSource, signalSource } from "./completions.ts";

test("without a way to wait for a file, and off the main thread, signals are taken", () => {
  const poll = (): never => {
    throw new Error("not called");
  };
  for (const node of [undefined, {}]) expect(loopSource({ ...(node && { node }) }, true)).toBe(signalSource);
  expect(loopSource({ node: { poll } }, false)).toBe(signalSource);
  expect(loopSource({ node: { poll } }, true).watch?.(5, () => {})).toBeUndefined();
});

test("the loop waits for a file that can be written, without being kept alive by it", () => {
  const calls: unknown[] = [];
  const poll = (fd: number, events: unknown): { close(): void; unref(): void } => {
    calls.push(fd, events);
    return { close: () => void calls.push("close"), unref: () => void calls.push("unref") };
  };
  loopSource({ node: { poll } }, true).watch?.(7, () => {})?.();
  expect(calls).toEqual([7, { writable: true }, "unref", "close"]);
});

test("the loop tells of a file whose device has gone, a last time", () => {
  let listener: (status: number) => void = () => {};
  const poll = (_fd: number, _events: unknown, given: (status: number) => void): { close(): void; unref(): void } => {
    listener = given;
    return { close: () => {}, unref: () => {} };
  };
  const told: boolean[] = [];
  loopSource({ node: { poll } }, true).watch?.(7, (isLast) => told.push(isLast));
  listener(0);
  listener(-constants.errno.EBADF);
  expect(told).toEqual([false, true]);
});

test.skipIf(process.platform !== "linux")(
  "koffi tells of a file that is of no use any more once, as an error",
  async () => {
    const koffi = loadKoffi();
    const { full } = fullPipe(koffi);
    const [input, output] = full;
    const close = koffi.load(null).func("int close(int fd)");
    const told = await new Promise<boolean>((resolve) => {
      // With no reader left the kernel reports an error, as usbfs does where the device has gone.
      const stop = loopSource(koffi, true).watch?.(output, (isLast) => {
        stop?.();
        resolve(isLast);
      });
      close(input);
    });
    expect(told).toBe(true);
    close(output);
  },
);

interface Pipes {
  readonly full: readonly [number, number];
  drain(): void;
}

/** A pipe that takes nothing more until it is read: a file that becomes ready, as one of usbfs does. */
function fullPipe(koffi: Koffi): Pipes {
  const library = koffi.load(null);
  const pipe2 = library.func("int pipe2(void *fds, int flags)");
  const [read, write] = ["read", "write"].map((name) =>
    library.func(`long ${name}(int fd, void *bytes, size_t length)`),
  );
  const O_NONBLOCK = 0o4000;
  const fds = new Int32Array(2);
  expect(pipe2(new Uint8Array(fds.buffer), O_NONBLOCK)).toBe(0);
  const [input = -1, output = -1] = fds;
  const bytes = new Uint8Array(65_536);
  while (Number(write?.(output, bytes, bytes.length)) > 0);
  return { full: [input, output], drain: () => void read?.(input, bytes, bytes.length) };
}

test.skipIf(process.platform !== "linux")("tells in the same turn in which a file is ready", async () => {
  const koffi = loadKoffi();
  const { full, drain } = fullPipe(koffi);
  const [input, output] = full;
  const { watch } = loopSource(koffi, true);
  const told: string[] = [];
  await new Promise<void>((resolve) => {
    const stop = watch?.(output, () => {
      told.push("ready");
      stop?.();
      // What waits for it goes on at once, though nothing else happens.
      void Promise.resolve().then(() => {
        told.push("went on");
        resolve();
      });
    });
    expect(stop).toBeTypeOf("function");
    setTimeout(() => {
      told.push("drained");
      drain();
    }, 5);
  });
  expect(told).toEqual(["drained", "ready", "went on"]);
  const close = koffi.load(null).func("int close(int fd)");
  expect([close(input), close(output)]).toEqual([0, 0]);
});
