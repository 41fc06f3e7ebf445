// SPDX-License-Identifier: MIT

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { parseRecording, type Recording, recordedText } from "../../src/observe/recordings/index.ts";
import type { Connection } from "../../src/port/index.ts";
import { scardProgram, startScard } from "../peers/daemon.ts";
import { Program, run } from "../peers/program.ts";

const select = hexBytes("00A4040005A000000308");
const verify = hexBytes("0020008008C0FFEE5EC0FFEE5E");
const PIN = /C0 ?FF ?EE/;

/** A daemon with a card, a program that uses it, and a folder for recordings. */
async function stage() {
  const folder = mkdtempSync(join(tmpdir(), "scard-record-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const service = await startScard(["--reader", "virtual:Desk", "--card", "piv"]);
  onTestFinished(() => service.stop());
  const { PCSCLITE_CSOCK_NAME: socket = "" } = service.environment;
  const control = socket.replace(/comm$/, "control");
  const context = await pcscdManager({ socket }).establishContext();
  onTestFinished(() => context.release().catch(() => {}));
  const file = join(folder, "session");
  const command = (args: readonly string[]): readonly string[] => [
    scardProgram,
    "record",
    "--control",
    control,
    ...args,
  ];
  return {
    service,
    context,
    control,
    file,
    connect: (): Promise<Connection> => context.connect("Desk", { shareMode: "shared", preferredProtocols: ["t1"] }),
    /** Starts `scard record`, and waits until it records. */
    async record(...args: readonly string[]): Promise<Program> {
      // What it says to the user goes to the standard error, which is read here too.
      const program = new Program("sh", ["-c", 'exec "$@" 2>&1', "sh", process.execPath, ...command(args)]);
      onTestFinished(async () => {
        await program.end("SIGKILL");
      });
      await program.line((line) => line.includes("scard: recording Desk"));
      return program;
    },
    /** Runs it to its end. */
    run: (...args: readonly string[]) => run(process.execPath, command(args)),
  };
}

function recordingIn(file: string): Recording {
  const parsed = parseRecording(readFileSync(file, "utf8"));
  if (!parsed.ok) throw new Error(`line ${parsed.error.line} ${parsed.error.message}`);
  return parsed.value;
}

/** Commands and answers as text, and other events by their names. */
function eventsOf({ events }: Recording): string[] {
  return events.map((event) => {
    if (event.event !== "exchange") return event.event;
    return `${recordedText(event.command)} / ${event.response ? recordedText(event.response) : event.failed}`;
  });
}

describe.skipIf(process.platform === "win32")("scard record", () => {
  test("writes what is said to a card without its secrets, and the file is whole when it is interrupted", async () => {
    const { connect, file, record } = await stage();
    const program = await record(file);
    const connection = await connect();
    await connection.transmit(select);
    await connection.transmit(verify);
    await connection.disconnect("reset");
    const { status, stdout } = await program.end("SIGINT");
    expect([status, stdout]).toEqual([0, expect.stringContaining(`${file}: 2 exchanges, redacted`)]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).not.toMatch(PIN);
    const recording = recordingIn(file);
    expect(recording.header).toMatchObject({
      data: "redacted",
      reader: "Desk",
      protocol: "t1",
      source: "scard record",
    });
    expect(recording.header.atr?.length).toBeGreaterThan(2);
    expect(eventsOf(recording).filter((event) => event.includes("/"))).toEqual([
      expect.stringMatching(/^00 A4 04 00 05 A0 00 00 03 08 \/ .*90 00$/),
      "00 20 00 80 08 [8 bytes withheld] / 63 C2",
    ]);
    // The call and the reader tell of the same reset.
    expect(eventsOf(recording).slice(-2)).toEqual(["00 20 00 80 08 [8 bytes withheld] / 63 C2", "reset"]);
    expect(recording.events[1]).toMatchObject({ client: expect.stringContaining(`(${process.pid})`) });
  });

  test("keeps all bytes for the owner who asks for them, marks the file, and writes over none unasked", async () => {
    const { connect, file, record, run } = await stage();
    const program = await record("--raw", file);
    const connection = await connect();
    await connection.transmit(verify);
    await connection.disconnect();
    await program.end("SIGINT");
    expect(recordingIn(file).header.data).toBe("raw");
    expect(readFileSync(file, "utf8")).toMatch(PIN);
    const refused = await run(file);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining("there is a file already")]);
    const again = await run("--force", "--for", "1s", "--json", file);
    expect(JSON.parse(again.stdout)).toEqual({
      ...{ file, form: "recording", reader: "Desk", data: "redacted" },
      ...{ exchanges: 0, dropped: 0, full: false },
    });
    expect(recordingIn(file)).toMatchObject({ header: { data: "redacted", protocol: "t1" }, events: [] });
  });

  test("records while a program runs, all that it has said, and ends with its exit code", async () => {
    const { file, run } = await stage();
    const apdu = [
      process.execPath,
      scardProgram,
      "apdu",
      "--reader",
      "Desk",
      "00A4040005A000000308",
      "00CB3FFF035C017E",
    ];
    const { status, stderr, stdout } = await run(file, "--", ...apdu);
    expect([status, stdout]).toEqual([0, expect.stringContaining("9000")]);
    expect(stderr).toContain(`${file}: 2 exchanges, redacted`);
    expect(eventsOf(recordingIn(file)).filter((event) => event.includes("/"))).toHaveLength(2);
    const replayed = await scard(["apdu", "--manager", `embedded:virtual:Desk+${file}`, ...apdu.slice(-2)]);
    const untimed = (text: string): string => text.replace(/[\d.]+ ms/g, "");
    expect([replayed.status, untimed(replayed.stdout)]).toEqual([0, untimed(stdout)]);
    const failing = await run("--force", "--json", file, "--", "sh", "-c", "echo hello; exit 7");
    expect(failing).toMatchObject({ status: 7, stderr: "hello\n" });
    expect(JSON.parse(failing.stdout)).toMatchObject({ exchanges: 0, exitCode: 7 });
    const missing = await run("--force", file, "--", "/no/such/program");
    expect([missing.status, missing.stderr]).toEqual([2, expect.stringContaining("cannot be started (ENOENT)")]);
    expect(existsSync(file)).toBe(false);
  });

  test("records the programs that are asked for, and captures for Wireshark", async () => {
    const { connect, file, record } = await stage();
    const stranger = await record("--client", "no-such-program", file);
    const own = await record(
      "--client",
      String(process.pid),
      "--aid",
      "A000000308",
      "--format",
      "pcap:usb",
      `${file}.pcapng`,
    );
    const connection = await connect();
    await connection.transmit(hexBytes("00A4000C023F00"));
    await connection.transmit(select);
    await connection.transmit(verify);
    await connection.disconnect();
    for (const program of [stranger, own]) await program.end("SIGINT");
    expect(eventsOf(recordingIn(file)).filter((event) => event.includes("/"))).toEqual([]);
    const capture = readFileSync(`${file}.pcapng`).toString("hex").toUpperCase();
    expect(capture).toMatch(/^0A0D0D0A/);
    expect(capture).toContain("00A4040005A000000308");
    expect(capture).not.toContain("00A4000C023F00");
    expect(capture).toContain("00200080080000000000000000");
  });

  test("says that no more can be written, and keeps what was", async () => {
    const { connect, control, file } = await stage();
    // A file may have 4,096 bytes: Node ignores the signal that tells of more, so that the write fails as on a full disk.
    const limited = 'ulimit -f 8; exec "$@" 2>&1';
    const args = ["-c", limited, "sh", process.execPath, scardProgram, "record", "--control", control, file];
    const program = new Program("sh", args);
    await program.line((line) => line.includes("scard: recording Desk"));
    const connection = await connect();
    for (let sent = 0; sent < 60; sent++) await connection.transmit(select);
    await connection.disconnect();
    const { status, stdout } = await program.ended;
    expect([status, stdout]).toEqual([1, expect.stringContaining("it is as large as a file may be here (EFBIG)")]);
    expect(readFileSync(file, "utf8")).toMatch(/\n$/);
    expect(recordingIn(file).events.length).toBeGreaterThan(5);
  });

  test("ends with 1 when the daemon ends, and the file is whole", async () => {
    const { connect, context, file, record, service } = await stage();
    const program = await record(file);
    const connection = await connect();
    await connection.transmit(select);
    await context.release().catch(() => {});
    await service.program.end("SIGTERM");
    const { status, stdout } = await program.ended;
    expect([status, stdout]).toEqual([1, expect.stringMatching(/1 exchange until then[\s\S]*the daemon has ended/)]);
    expect(eventsOf(recordingIn(file)).filter((event) => event.includes("/"))).toHaveLength(1);
  });

  test("needs one reader, a daemon and a file", async () => {
    const { run } = await stage();
    expect((await run()).stderr).toContain("the file to write is missing");
    expect((await run("one", "two")).stderr).toContain("a command stands behind --: FILE -- COMMAND …");
    expect((await run("one", "--")).stderr).toContain("the command behind -- is missing");
    expect((await run("--", "gpg")).stderr).toContain("the file to write is missing");
    expect((await run("one", "gpg", "--card-status")).stderr).toContain("scard record FILE -- COMMAND …");
    expect((await run("--for", "5m", "one", "--", "gpg")).stderr).toContain("leave --for out");
    expect((await run("--for", "25h", "one")).stderr).toContain("--for is a time as 30s or 5m, 24h at most");
    expect((await run("--reader", "Virtual", "one")).stderr).toContain("--reader fits 2 of the readers");
    expect((await run("--control", "/tmp/scard-no-daemon/control", "one")).stderr).toContain("no scard daemon answers");
    expect((await run("/no/such/folder/one")).stderr).toContain("its folder does not exist");
  });
});

const scard = (args: readonly string[]) => run(process.execPath, [scardProgram, ...args]);
