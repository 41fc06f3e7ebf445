// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../base/binary/index.ts";
import { buildAtr } from "../base/iso7816/index.ts";
import type { ErrorCode } from "./codes.ts";
import { ConnectionBase } from "./connection-base.ts";
import { SmartCardError } from "./error.ts";
import type {
  ConnectionStatus,
  ReconnectOptions,
  SendOptions,
  TransmitOptions,
  WaitOptions,
} from "./resource-manager.ts";
import type { Disposition, Protocol, ShareMode } from "./vocabulary.ts";

/** A scripted connection: records its calls, and fails as told. */
class ScriptedConnection extends ConnectionBase {
  readonly reader = "Desk";
  readonly shareMode: ShareMode = "shared";
  readonly asked: string[] = [];
  readonly waits: WaitOptions[] = [];
  /** The arrays that were handed to transmit. */
  readonly sent: Uint8Array[] = [];
  protocol: Protocol | undefined;
  /** For each call its failures in order; an empty string for success. */
  failures: { [call in "begin" | "end" | "reconnect"]?: (ErrorCode | "")[] } = {};
  answers: string[] = [];
  atr = "3B00";
  statusCalls = 0;
  time = 0;

  constructor(protocol: Protocol = "t1") {
    super({ now: () => this.time, preferredProtocols: ["t0", "t1"] });
    this.protocol = protocol;
  }

  async reconnect({ initialization, preferredProtocols, shareMode, ...wait }: ReconnectOptions): Promise<Protocol> {
    this.asked.push(`reconnect ${shareMode} ${preferredProtocols.join("+")} ${initialization}`);
    this.waits.push(wait);
    this.#fail("reconnect");
    return "t1";
  }

  async beginTransaction(wait: WaitOptions = {}): Promise<void> {
    this.asked.push("begin");
    this.waits.push(wait);
    this.#fail("begin");
  }

  async endTransaction(disposition: Disposition = "leave"): Promise<void> {
    this.asked.push(`end ${disposition}`);
    this.#fail("end");
  }

  async transmit(command: Uint8Array, options: TransmitOptions = {}): Promise<Uint8Array> {
    this.asked.push(encodeHex(command));
    this.waits.push(options);
    this.sent.push(command);
    this.time += 10;
    const answer = this.answers.shift() ?? "9000";
    return hexBytes(answer);
  }

  async disconnect(): Promise<void> {}
  async status(): Promise<ConnectionStatus> {
    this.statusCalls++;
    return { state: "specific", protocol: this.protocol, atr: hexBytes(this.atr) } as ConnectionStatus;
  }
  async control(): Promise<Uint8Array> {
    return new Uint8Array();
  }
  async getAttribute(): Promise<Uint8Array> {
    return new Uint8Array();
  }
  async setAttribute(): Promise<void> {}
  async transmitCount(): Promise<number> {
    return 0;
  }
  async [Symbol.asyncDispose](): Promise<void> {}

  #fail(call: "begin" | "end" | "reconnect"): void {
    const code = this.failures[call]?.shift();
    if (code) throw new SmartCardError(code, `${call} failed`, { reader: this.reader });
  }
}

/** ATRs whose capabilities say nothing of long data; command chaining; command chaining and extended length fields. */
const PLAIN_ATR = "3B00";
const chainingAtr = encodeHex(buildAtr({ historicalBytes: hexBytes("8073000080") }));
const bothAtr = encodeHex(buildAtr({ historicalBytes: hexBytes("80730000C0") }));

const reset = (reader = "Desk"): SmartCardError => new SmartCardError("reset-card", "another did it", { reader });

describe("send", () => {
  test("takes bytes or parts, and returns data and status word", async () => {
    const connection = new ScriptedConnection();
    connection.answers = ["01029000", "6A82"];
    expect(await connection.send(hexBytes("00B0000002"))).toEqual({
      data: Uint8Array.of(1, 2),
      sw: 0x9000,
      sw1: 0x90,
      sw2: 0,
    });
    const parts = { cla: 0, ins: 0xa4, p1: 4, p2: 0, data: Uint8Array.of(0xa0, 0), le: 256 };
    expect((await connection.send(parts)).sw).toBe(0x6a82);
    expect(connection.asked).toEqual(["00B0000002", "00A4040002A00000"]);
  });

  test("follows 61xx and 6Cxx, on the command's channel", async () => {
    const connection = new ScriptedConnection();
    connection.answers = ["6C04", "0A0B6102", "0C0D9000"];
    expect(await connection.send(hexBytes("01B0000000"))).toMatchObject({ data: hexBytes("0A0B0C0D"), sw: 0x9000 });
    expect(connection.asked).toEqual(["01B0000000", "01B0000004", "01C0000002"]);
  });

  test("takes 6Cxx for the answer of a card that asks again for the Le that it was given", async () => {
    const connection = new ScriptedConnection();
    connection.answers = ["6C04", "6C04", "9000"];
    expect((await connection.send(hexBytes("00B0000000"))).sw).toBe(0x6c04);
    expect(connection.asked).toHaveLength(2);
  });

  test.each([
    ["case 1", "00200001", "00200001"],
    ["case 2", "00B0000010", "00B0000010"],
    ["case 3", "00D6000001AA", "00D6000001AA"],
    ["case 4, without Le", "00A4040001AA10", "00A4040001AA"],
    ["case 2 extended, as far as it goes", "00B00000000100", "00B0000000"],
    ["case 2 extended, the most", "00B00000001000", "00B0000000"],
    ["case 4 extended that fits", "00A40400000001AA0000", "00A4040001AA"],
  ])("writes a command as T=0 carries it: %s", async (_, command, carried) => {
    const connection = new ScriptedConnection("t0");
    await connection.send(hexBytes(command));
    expect(connection.asked).toEqual([carried]);
  });

  const long = { cla: 0, ins: 0xd6, p1: 0, p2: 0, data: new Uint8Array(256) };

  test.each<[string, Protocol, string, SendOptions, string[]]>([
    ["T=1: in one command", "t1", PLAIN_ATR, {}, ["00D60000000100"]],
    ["T=0: in envelopes", "t0", PLAIN_ATR, {}, ["00C20000FF00D60000000100", "00C2000008"]],
    ["a card with chaining and extended lengths, T=0", "t0", bothAtr, {}, ["00C20000FF00D60000000100", "00C2000008"]],
    ["a card with chaining and no extended lengths, T=0", "t0", chainingAtr, {}, ["10D60000FF", "00D6000001"]],
    ["a card with chaining and no extended lengths, T=1", "t1", chainingAtr, {}, ["10D60000FF", "00D6000001"]],
    ["as the caller says", "t1", PLAIN_ATR, { longData: "chaining" }, ["10D60000FF", "00D6000001"]],
    ["as the caller says, whatever the card", "t1", chainingAtr, { longData: "extended" }, ["00D60000000100"]],
  ])("sends more than 255 bytes of data to %s", async (_, protocol, atr, options, beginnings) => {
    const connection = new ScriptedConnection(protocol);
    connection.atr = atr;
    expect((await connection.send(long, options)).sw).toBe(0x9000);
    expect(connection.asked.map((sent, index) => sent.slice(0, beginnings[index]?.length))).toEqual(beginnings);
  });

  test("asks for the ATR only where it can make a difference", async () => {
    const connection = new ScriptedConnection("t0");
    await connection.send({ ...long, data: new Uint8Array(255) });
    await connection.send({ ...long, cla: 0x80 });
    await connection.send(long, { longData: "envelope" });
    expect(connection.statusCalls).toBe(0);
  });

  test("tells what to do where the card does not know ENVELOPE", async () => {
    const connection = new ScriptedConnection("t0");
    connection.atr = PLAIN_ATR;
    connection.answers = ["6D00"];
    await expect(connection.send(long)).rejects.toMatchObject({
      code: "unsupported-feature",
      message: expect.stringMatching(/ENVELOPE.*T=1.*chaining/),
    });
    expect(connection.asked).toHaveLength(1);
  });

  test("refuses a way to send long data that there is not", async () => {
    const connection = new ScriptedConnection();
    const options = { longData: "chain" } as unknown as SendOptions;
    await expect(connection.send(long, options)).rejects.toMatchObject({ code: "invalid-value" });
    await expect(connection.send(long, { longDate: "chaining" } as SendOptions)).rejects.toMatchObject({
      code: "invalid-parameter",
    });
    expect(connection.asked).toEqual([]);
  });

  test("shares one deadline among all commands of an exchange", async () => {
    const connection = new ScriptedConnection();
    connection.answers = ["6101", "016101", "029000"];
    const { signal } = new AbortController();
    await connection.send(hexBytes("00B0000000"), { timeoutMs: 25, signal });
    expect(connection.waits).toEqual([
      { timeoutMs: 25, signal },
      { timeoutMs: 15, signal },
      { timeoutMs: 5, signal },
    ]);
  });

  test("overwrites what it has sent, and leaves the caller's bytes alone", async () => {
    const connection = new ScriptedConnection();
    const verify = hexBytes("002000010431323334");
    await connection.send(verify);
    expect(encodeHex(verify)).toBe("002000010431323334");
    expect(connection.sent[0]?.every((byte) => byte === 0)).toBe(true);
  });

  test.each<[string, unknown, string]>([
    ["text", "00B0000000", "decodeHex"],
    ["an array", [0, 0xb0, 0, 0], "decodeHex"],
    ["a DataView", new DataView(new ArrayBuffer(5)), "decodeHex"],
    ["nothing", undefined, "decodeHex"],
    ["a misspelt part", { cla: 0, ins: 0xb0, p1: 0, p2: 0, lc: 1 }, "no member"],
    ["a missing part", { cla: 0, ins: 0xb0, p1: 0 }, "p2"],
    ["a part out of range", { cla: 0, ins: 256, p1: 0, p2: 0 }, "ins"],
    ["data as text", { cla: 0, ins: 0xb0, p1: 0, p2: 0, data: "AA" }, "decodeHex"],
    ["short lengths that do not do", { cla: 0, ins: 1, p1: 0, p2: 0, le: 300, extended: false }, "Le 300"],
    ["three bytes", Uint8Array.of(1, 2, 3), "command APDU"],
    ["a wrong Lc", hexBytes("0020000108313233"), "command APDU"],
  ])("refuses %s", async (_, command, message) => {
    const connection = new ScriptedConnection();
    await expect(connection.send(command as Uint8Array)).rejects.toThrow(message);
    expect(connection.asked).toEqual([]);
  });

  test("never repeats the bytes in a refusal", async () => {
    const failure = await new ScriptedConnection().send(hexBytes("0020000108313233")).catch(String);
    expect(failure).not.toMatch(/31|49/);
  });
});

describe("transaction", () => {
  test("runs a function between begin and end, and resolves to what it returns", async () => {
    const connection = new ScriptedConnection();
    const run = (given: unknown): string => {
      connection.asked.push(given === connection ? "work" : "another");
      return "result";
    };
    expect(await connection.transaction(run)).toBe("result");
    await connection.transaction(async () => {}, { disposition: "reset" });
    expect(connection.asked).toEqual(["begin", "work", "end leave", "begin", "end reset"]);
  });

  test("ends when the function throws, and no failure of the end hides that of the function", async () => {
    const connection = new ScriptedConnection();
    connection.failures = { end: ["", "reset-card"] };
    for (const cause of ["first", "second"]) {
      const failing = connection.transaction(() => Promise.reject(new Error(cause)), { disposition: "unpower" });
      await expect(failing).rejects.toThrow(cause);
    }
    expect(connection.asked).toEqual(["begin", "end unpower", "begin", "end unpower"]);
  });

  test("tells of an end that fails after a function that did not", async () => {
    const connection = new ScriptedConnection();
    connection.failures = { end: ["cant-dispose"] };
    await expect(connection.transaction(() => 1, { disposition: "eject" })).rejects.toMatchObject({
      code: "cant-dispose",
    });
  });

  test("takes a disconnect in the function for the end", async () => {
    const connection = new ScriptedConnection();
    connection.failures = { end: ["invalid-handle"] };
    expect(await connection.transaction(() => "done")).toBe("done");
  });

  test("does not run the function where it cannot begin", async () => {
    const connection = new ScriptedConnection();
    connection.failures = { begin: ["timeout"] };
    let runs = 0;
    await expect(connection.transaction(() => runs++, { timeoutMs: 5 })).rejects.toMatchObject({ code: "timeout" });
    expect([runs, connection.asked, connection.waits]).toEqual([0, ["begin"], [{ timeoutMs: 5 }]]);
  });

  test("reports a reset where it is not told what to do about it", async () => {
    const connection = new ScriptedConnection();
    connection.failures = { begin: ["reset-card"] };
    await expect(connection.transaction(() => 1)).rejects.toMatchObject({ code: "reset-card" });
    expect(connection.asked).toEqual(["begin"]);
  });

  test("onReset reconnect: connects anew with the connection's own terms, and begins again", async () => {
    const connection = new ScriptedConnection();
    connection.failures = { begin: ["reset-card", "reset-card"] };
    expect(await connection.transaction(() => "done", { onReset: "reconnect" })).toBe("done");
    const anew = "reconnect shared t0+t1 leave";
    expect(connection.asked).toEqual(["begin", anew, "begin", anew, "begin", "end leave"]);
  });

  test("onReset reconnect: a function that has begun never runs again", async () => {
    const connection = new ScriptedConnection();
    let runs = 0;
    const work = (): void => {
      runs++;
      throw reset();
    };
    await expect(connection.transaction(work, { onReset: "reconnect" })).rejects.toMatchObject({ code: "reset-card" });
    expect([runs, connection.asked]).toEqual([1, ["begin", "end leave", "reconnect shared t0+t1 leave"]]);
  });

  test("onReset repeat: the function runs again, and its second result counts", async () => {
    const connection = new ScriptedConnection();
    let runs = 0;
    const work = (): number => {
      if (++runs < 3) throw reset();
      return runs;
    };
    expect(await connection.transaction(work, { onReset: "repeat" })).toBe(3);
    // A reset that shows at the end alone is one in the middle too.
    connection.failures = { end: ["reset-card"] };
    expect(await connection.transaction(() => ++runs, { onReset: "repeat" })).toBe(5);
  });

  test("gives up on a card that is reset again and again", async () => {
    const connection = new ScriptedConnection();
    let runs = 0;
    const work = (): void => {
      runs++;
      throw reset();
    };
    await expect(connection.transaction(work, { onReset: "repeat" })).rejects.toMatchObject({ code: "reset-card" });
    expect(runs).toBe(8);
  });

  test("a reset of another reader's card, and other failures, are the function's own", async () => {
    const connection = new ScriptedConnection();
    for (const error of [reset("Shelf"), new SmartCardError("removed-card", "pulled"), new Error("own")]) {
      const work = (): never => {
        throw error;
      };
      await expect(connection.transaction(work, { onReset: "repeat" })).rejects.toBe(error);
    }
    expect(connection.asked).toEqual(["begin", "end leave", "begin", "end leave", "begin", "end leave"]);
  });

  test("a failure to connect anew does not hide the function's", async () => {
    const connection = new ScriptedConnection();
    connection.failures = { reconnect: ["removed-card", "removed-card"], begin: ["", "reset-card"] };
    const error = reset();
    const work = (): never => {
      throw error;
    };
    await expect(connection.transaction(work, { onReset: "repeat" })).rejects.toBe(error);
    // Before the function has begun, this is the failure.
    await expect(connection.transaction(work, { onReset: "repeat" })).rejects.toMatchObject({ code: "removed-card" });
  });

  test("inside another one it begins and ends, and leaves resets to the outermost", async () => {
    const connection = new ScriptedConnection();
    let runs = 0;
    const inner = (): void => {
      if (++runs === 1) throw reset();
    };
    await connection.transaction(() => connection.transaction(inner, { onReset: "repeat" }), { onReset: "repeat" });
    const anew = "reconnect shared t0+t1 leave";
    const nested = ["begin", "begin", "end leave", "end leave"];
    expect(connection.asked).toEqual([...nested, anew, ...nested]);
  });

  test("shares one deadline among all that it waits for", async () => {
    const connection = new ScriptedConnection();
    connection.failures = { begin: ["reset-card"] };
    const begin = connection.beginTransaction.bind(connection);
    connection.beginTransaction = (wait) => {
      connection.time += 30;
      return begin(wait);
    };
    await connection.transaction(() => {}, { onReset: "reconnect", timeoutMs: 100 });
    expect(connection.waits).toEqual([{ timeoutMs: 100 }, { timeoutMs: 70 }, { timeoutMs: 70 }]);
  });

  test.each<[unknown, unknown]>([
    [undefined, {}],
    [() => {}, { onreset: "repeat" }],
    [() => {}, { onReset: "retry" }],
    [() => {}, { disposition: "burn" }],
    [() => {}, { timeoutMs: -1 }],
    [() => {}, "leave"],
    [() => {}, { signal: AbortSignal.abort() }],
  ])("refuses bad arguments before anything is asked: %s, %j", async (work, options) => {
    const connection = new ScriptedConnection();
    await expect(connection.transaction(work as () => void, options as object)).rejects.toThrow(SmartCardError);
    expect(connection.asked).toEqual([]);
  });
});
