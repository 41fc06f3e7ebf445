// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DriverPipe } from "../../../readers/ifd/index.ts";
import { driverStarter } from "./start-driver.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-start-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Starts a program in the place of the driver's. */
function start(code: string): {
  readonly pipe: DriverPipe;
  readonly chunks: readonly Uint8Array[];
  readonly received: () => string;
  readonly ended: Promise<string>;
} {
  const path = join(folder, "program.mjs");
  writeFileSync(path, `import { Socket } from "node:net"; const socket = new Socket({ fd: 3 });\n${code}`);
  const chunks: Uint8Array[] = [];
  let text = "";
  let resolve: (how: string) => void = () => undefined;
  const ended = new Promise<string>((done) => {
    resolve = done;
  });
  const pipe = driverStarter(path)({
    received: (bytes) => {
      chunks.push(bytes);
      text += new TextDecoder().decode(bytes);
    },
    ended: resolve,
  });
  return { pipe, chunks, received: () => text, ended };
}

test("messages go both ways, and are cleared on this side", async () => {
  const { chunks, ended, pipe, received } = start('socket.on("data", (bytes) => socket.write(bytes));');
  const message = new TextEncoder().encode("VERIFY 1234");
  pipe.write(message);
  await expect.poll(received).toBe("VERIFY 1234");
  expect(message.every((byte) => byte === 0)).toBe(true);
  await expect.poll(() => chunks.flatMap((chunk) => [...chunk]).every((byte) => byte === 0)).toBe(true);
  pipe.kill();
  expect(await ended).toBe("was ended by SIGKILL");
});

test("the end of the stream and the end of the process are told apart", async () => {
  const { ended, pipe } = start('socket.on("data", () => {}); socket.on("end", () => process.exit(7));');
  pipe.end();
  expect(await ended).toBe("ended with status 7");
});

test("a driver has its own threads, and no variables of Node", async () => {
  process.env.NODE_OPTIONS_OF_A_TEST = "x";
  try {
    const { ended, pipe, received } = start("socket.write(JSON.stringify(process.env));");
    await expect.poll(received).toContain("}");
    const environment = JSON.parse(received());
    expect(Object.keys(environment).filter((name) => name.startsWith("NODE_"))).toEqual([]);
    expect(Number(environment.UV_THREADPOOL_SIZE)).toBeGreaterThan(64);
    pipe.kill();
    await ended;
  } finally {
    delete process.env.NODE_OPTIONS_OF_A_TEST;
  }
});

test("what a driver prints goes nowhere", async () => {
  const { ended, received } = start('console.log("PIN"); console.error("PIN"); process.exit(0);');
  expect(await ended).toBe("ended with status 0");
  expect(received()).toBe("");
});

test("what is sent to a process that has ended does no harm", async () => {
  const { ended, pipe } = start("process.exit(3);");
  expect(await ended).toBe("ended with status 3");
  pipe.write(Uint8Array.of(1, 2, 3));
  pipe.end();
  pipe.kill();
});
