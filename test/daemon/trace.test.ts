// SPDX-License-Identifier: MIT

import { describe, expect, onTestFinished, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import type { Connection } from "../../src/port/index.ts";
import { scardProgram, startScard } from "../peers/daemon.ts";
import { Program, run } from "../peers/program.ts";

type Line = Readonly<Record<string, unknown>> & {
  readonly exchange?: { readonly name: string; readonly raw?: object };
};

/** A daemon with a demo card, and a program that uses it. */
async function stage() {
  const service = await startScard(["--reader", "virtual:Desk", "--card", "piv"]);
  onTestFinished(() => service.stop());
  const { PCSCLITE_CSOCK_NAME: socket = "" } = service.environment;
  const control = socket.replace(/comm$/, "control");
  const manager = pcscdManager({ socket });
  const context = await manager.establishContext();
  onTestFinished(() => context.release().catch(() => {}));
  const connect = (): Promise<Connection> =>
    context.connect("Desk", { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
  return { service, socket, control, context, connect };
}

/** Starts `scard trace`, and waits until it traces. */
async function traced(control: string, args: readonly string[]): Promise<Program> {
  const program = new Program(process.execPath, [scardProgram, "trace", "--json", "--control", control, ...args]);
  onTestFinished(async () => {
    await program.end("SIGKILL");
  });
  await program.line((line) => line.includes('"kind":"begun"'));
  return program;
}

const select = hexBytes("00A4040005A000000308");
const verify = hexBytes("0020008008C0FFEE5EC0FFEE5E");

describe.skipIf(process.platform === "win32")("scard trace", () => {
  test("tells each command without its secrets, and ends with 0 when it is interrupted", async () => {
    const { connect, control } = await stage();
    const connection = await connect();
    const trace = await traced(control, ["--operation", "transmit"]);
    await connection.transmit(verify);
    const text = await trace.line((line) => line.includes("VERIFY"));
    expect(text).not.toMatch(/C0FFEE|C0 FF/i);
    const line = JSON.parse(text) as Line;
    expect(line).toMatchObject({
      kind: "call",
      operation: "transmit",
      outcome: "success",
      reader: "Desk",
      client: { pid: process.pid },
      exchange: { name: "VERIFY", statusWord: "63C2", command: { bytes: "00 20 00 80 [8 bytes withheld]" } },
    });
    await connection.disconnect();
    const { status } = await trace.end("SIGINT");
    expect(status).toBe(0);
  });

  test("passes what its filters want", async () => {
    const { connect, control } = await stage();
    const connection = await connect();
    const filters = ["--sw", "63cX", "--reader", "desk", "--client", String(process.pid), "--slower-than", "0.000001"];
    const trace = await traced(control, filters);
    await connection.transmit(select);
    await connection.transmit(verify);
    expect((JSON.parse(await trace.line()) as Line).exchange?.name).toBe("VERIFY");
    await connection.disconnect();
  });

  test("shows the bytes as they are to the daemon's own user, who asks for them, and marks each line", async () => {
    const { connect, control, service } = await stage();
    const connection = await connect();
    const trace = await traced(control, ["--raw", "--operation", "transmit"]);
    await connection.transmit(verify);
    const line = JSON.parse(await trace.line((text) => text.includes("VERIFY"))) as Line;
    expect(line).toMatchObject({ raw: true, exchange: { raw: { command: "0020008008C0FFEE5EC0FFEE5E" } } });
    await connection.disconnect();
    const { stderr } = await service.program.end("SIGTERM");
    expect(stderr).toContain("a trace with raw bytes was begun");
  });

  test("says what is wrong with a filter, and that there is no daemon", async () => {
    const trace = (...args: string[]) => run(process.execPath, [scardProgram, "trace", ...args]);
    expect((await trace("--sw", "63")).stderr).toContain("--sw is four hexadecimal digits, an x for any: 63Cx");
    expect((await trace("--aid", "A")).status).toBe(2);
    expect((await trace("--operation", "transmitt")).stderr).toContain("transmit");
    const { status, stderr } = await trace("--control", "/tmp/scard-no-daemon/control");
    expect(status).toBe(1);
    expect(stderr).toContain("no scard daemon answers at /tmp/scard-no-daemon/control");
  });

  test("ends with 1 when the daemon ends", async () => {
    const { context, control, service } = await stage();
    const trace = await traced(control, []);
    await context.release().catch(() => {});
    await service.program.end("SIGTERM");
    const { status, stdout } = await trace.ended;
    expect(status).toBe(1);
    expect(stdout).toContain("the daemon has ended");
  });
});
