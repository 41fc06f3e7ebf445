// SPDX-License-Identifier: MIT

// The functions that Windows' class driver has for every reader, by SCardControl: winsmcrd.h.

import { describe, expect, test } from "vitest";
import { type Connection, type Ioctl, ioctls } from "../../src/port/index.ts";
import { apdu, bytesOf, failureOf, stateOf, watched, world } from "./world.ts";

const direct = { shareMode: "direct", preferredProtocols: [] } as const;
const none = new Uint8Array();
const [down, cold, warm] = ["00000000", "01000000", "02000000"].map(bytesOf) as [Uint8Array, Uint8Array, Uint8Array];

function control(connection: Connection, name: Ioctl, input: Uint8Array = none): Promise<Uint8Array> {
  return connection.control(ioctls[name].windows, input);
}

async function hex(answer: Promise<Uint8Array>): Promise<string> {
  return Buffer.from(await answer)
    .toString("hex")
    .toUpperCase();
}

describe("IOCTL_SMARTCARD_SET_PROTOCOL", () => {
  test("negotiates on a direct connection, which can exchange from then on", async () => {
    const { context, name } = await world({ atr: "3B80800102" });
    const a = await (await context("a")).connect(name, direct);
    expect(await a.status()).toMatchObject({ state: "negotiable", protocol: undefined });
    expect(await hex(control(a, "set-protocol", bytesOf("02000000")))).toBe("02000000");
    expect(a.protocol).toBe("t1");
    expect(await a.status()).toMatchObject({ state: "specific", protocol: "t1" });
    expect(await a.transmit(apdu)).toHaveLength(6);
    expect((await failureOf(control(a, "set-protocol", bytesOf("01000000")))).code).toBe("proto-mismatch");
    await control(a, "power", warm);
    expect(await hex(control(a, "set-protocol", bytesOf("01000000")))).toBe("01000000");
    expect(a.protocol).toBe("t0");
  });

  test("takes several protocols, and SCARD_PROTOCOL_DEFAULT for either", async () => {
    const { context, name } = await world({ atr: "3B80800102" });
    const a = await (await context("a")).connect(name, direct);
    expect(await hex(control(a, "set-protocol", bytesOf("03000000")))).toBe("02000000");
    const only = await world({ atr: "3B00" });
    const b = await (await only.context("b")).connect(only.name, direct);
    expect(await hex(control(b, "set-protocol", bytesOf("00000080")))).toBe("01000000");
    expect((await failureOf(control(b, "set-protocol", bytesOf("02000000")))).code).toBe("proto-mismatch");
  });

  test("is refused without a card, without a protocol, and with other input", async () => {
    const { context, name } = await world({ empty: true });
    const a = await (await context("a")).connect(name, direct);
    expect((await failureOf(control(a, "set-protocol", bytesOf("02000000")))).code).toBe("no-smartcard");
    for (const input of ["00000000", "02", "0200000000"]) {
      expect((await failureOf(control(a, "set-protocol", bytesOf(input)))).code).toBe("invalid-parameter");
    }
  });
});

describe("IOCTL_SMARTCARD_POWER", () => {
  test("resets the card and answers its ATR, and tells all other connections", async () => {
    const { card, connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    expect(await hex(control(a, "power", warm))).toBe("3B8180018080");
    expect(await hex(control(a, "power", cold))).toBe("3B8180018080");
    expect(card.resets).toEqual(["cold", "warm", "cold"]);
    expect(await a.transmit(apdu)).toHaveLength(6);
    expect((await failureOf(b.transmit(apdu))).code).toBe("reset-card");
    await b.reconnect({ shareMode: "shared", preferredProtocols: ["t1"], initialization: "leave" });
    expect(await b.transmit(apdu)).toHaveLength(6);
  });

  test("takes the card's power, and gives it again", async () => {
    const { card, connect } = await world();
    const a = await connect("a");
    expect(await control(a, "power", down)).toHaveLength(0);
    expect(card.powered).toBe(false);
    expect(await hex(control(a, "get-state"))).toBe("03000000");
    expect((await failureOf(a.transmit(apdu))).code).toBe("unpowered-card");
    await control(a, "power", warm);
    expect(card.resets).toEqual(["cold", "cold"]);
    expect(await a.transmit(apdu)).toHaveLength(6);
  });

  test("waits for another's transaction", async () => {
    const { card, connect } = await world();
    const [a, b] = [await connect("a"), await connect("b")];
    await a.beginTransaction();
    const reset = watched(control(b, "power", warm));
    expect(await stateOf(reset)).toBe("pending");
    expect(card.resets).toEqual(["cold"]);
    await a.endTransaction("leave");
    await reset;
    expect(card.resets).toEqual(["cold", "warm"]);
  });

  test("is refused for an unknown operation, without a card, and says that a card does not answer", async () => {
    const { connect, reader } = await world();
    const a = await connect("a");
    for (const input of ["03000000", "", "01"]) {
      expect((await failureOf(control(a, "power", bytesOf(input)))).code).toBe("invalid-parameter");
    }
    reader.mute(true);
    expect((await failureOf(control(a, "power", cold))).code).toBe("unresponsive-card");
    expect(await hex(control(a, "get-state"))).toBe("03000000");
    reader.remove();
    expect((await failureOf(control(a, "power", cold))).code).toBe("no-smartcard");
    expect(await hex(control(a, "get-state"))).toBe("01000000");
  });
});

describe("IOCTL_SMARTCARD_GET_STATE", () => {
  test("returns the state of the reader to every connection", async () => {
    const { connect, context, name } = await world({ profile: "pcsclite" });
    const a = await (await context("a")).connect(name, direct);
    expect(await hex(control(a, "get-state"))).toBe("05000000");
    await connect("b");
    expect(await hex(control(a, "get-state"))).toBe("06000000");
  });
});

describe("IOCTL_SMARTCARD_TRANSMIT", () => {
  test("exchanges behind an SCARD_IO_REQUEST", async () => {
    const { connect } = await world();
    const a = await connect("a");
    expect(await hex(control(a, "transmit", bytesOf("0200000008000000 00A40000".replace(" ", ""))))).toBe(
      "020000000800000000A400009000",
    );
    expect(await hex(control(a, "transmit", bytesOf("020000000C000000FFFFFFFF00A40000")))).toBe(
      "020000000800000000A400009000",
    );
    expect(await a.transmitCount()).toBe(2);
  });

  test.each([
    ["01000000080000000000A400", "proto-mismatch"],
    ["07000000080000000000A400", "proto-mismatch"],
    ["0200000007000000", "invalid-parameter"],
    ["02000000FF00000000A40000", "invalid-parameter"],
    ["020000000800000000A4", "invalid-parameter"],
    ["0200", "invalid-parameter"],
  ])("%s is refused: %s", async (input, code) => {
    const { card, connect } = await world();
    const a = await connect("a");
    expect((await failureOf(control(a, "transmit", bytesOf(input)))).code).toBe(code);
    expect(card.commands).toHaveLength(0);
  });

  test("needs a protocol and a card that was not reset by another", async () => {
    const { connect, context, name } = await world({ profile: "pcsclite" });
    const a = await (await context("a")).connect(name, direct);
    const exchange = bytesOf("020000000800000000A40000");
    expect((await failureOf(control(a, "transmit", exchange))).code).toBe("proto-mismatch");
    const [b, c] = [await connect("b"), await connect("c")];
    await c.disconnect("reset");
    expect((await failureOf(control(b, "transmit", exchange))).code).toBe("reset-card");
  });
});

describe("IOCTL_SMARTCARD_IS_PRESENT and IOCTL_SMARTCARD_IS_ABSENT", () => {
  test("return at once, or when the card has come or gone", async () => {
    const { card, context, name, reader } = await world();
    const a = await (await context("a")).connect(name, direct);
    await control(a, "is-present");
    const absent = watched(control(a, "is-absent"));
    expect(await stateOf(absent)).toBe("pending");
    reader.remove();
    expect(await stateOf(absent)).toBe("fulfilled");
    await control(a, "is-absent");
    const present = watched(control(a, "is-present"));
    expect(await stateOf(present)).toBe("pending");
    reader.insert(card);
    expect(await stateOf(present)).toBe("fulfilled");
  });

  test("are waits like others: deadline, signal, cancel, disconnect, end of the reader; and they take no turn", async () => {
    const { connect, context, name, reader, runtime } = await world({ profile: "pcsclite" });
    const own = await context("a");
    const a = await own.connect(name, direct);
    const code = ioctls["is-absent"].windows;
    expect((await failureOf(a.control(code, none, { timeoutMs: 0 }))).code).toBe("timeout");
    const late = watched(a.control(code, none, { timeoutMs: 100 }));
    await runtime.advance(100);
    expect(await stateOf(late)).toBe("timeout");
    const abort = new AbortController();
    const aborted = watched(a.control(code, none, { signal: abort.signal }));
    abort.abort();
    expect(await stateOf(aborted)).toBe("cancelled");
    const cancelled = watched(a.control(code, none));
    const b = await connect("b");
    expect(await b.transmit(apdu)).toHaveLength(6);
    await own.cancel();
    expect(await stateOf(cancelled)).toBe("cancelled");
    const left = watched(a.control(code, none));
    await a.disconnect("leave");
    expect(await stateOf(left)).toBe("invalid-handle");
    const gone = watched(b.control(code, none));
    reader.unplug();
    expect(await stateOf(gone)).toBe("reader-unavailable");
    await runtime.settle();
    expect(runtime.pendingTimers.filter((timer) => timer.startsWith("control"))).toEqual([]);
  });
});

describe("the other functions of the class driver", () => {
  test("IOCTL_SMARTCARD_GET_ATTRIBUTE and _SET_ATTRIBUTE are the attributes", async () => {
    const { connect } = await world();
    const a = await connect("a");
    expect(await hex(control(a, "get-attribute", bytesOf("03030900")))).toBe("3B8180018080");
    expect((await failureOf(control(a, "get-attribute", bytesOf("EFBEFA7F")))).code).toBe("not-supported");
    expect((await failureOf(control(a, "get-attribute"))).code).toBe("invalid-parameter");
    expect(await control(a, "set-attribute", bytesOf("0700FF7F01000000"))).toHaveLength(0);
    expect((await failureOf(control(a, "set-attribute", bytesOf("0303090001")))).code).toBe("not-supported");
    expect((await failureOf(control(a, "set-attribute", bytesOf("0303")))).code).toBe("invalid-parameter");
  });

  test("IOCTL_SMARTCARD_EJECT ejects, where the reader can and a card is there", async () => {
    const { addReader, card, connect, context, manager, runtime } = await world();
    const a = await connect("a");
    await control(a, "eject");
    expect(manager.readers()[0]?.card).toBeUndefined();
    expect((await failureOf(control(a, "eject"))).code).toBe("no-smartcard");
    const fixed = await addReader({ name: "Fixed", canEject: false });
    fixed.reader.insert(card);
    await runtime.settle();
    const b = await (await context("b")).connect(fixed.name, direct);
    expect(await failureOf(control(b, "eject"))).toMatchObject({
      code: "unsupported-feature",
      message: expect.stringContaining("cannot eject"),
    });
  });

  test("IOCTL_SMARTCARD_GET_LAST_ERROR tells what the last operation failed with", async () => {
    const { connect } = await world();
    const a = await connect("a");
    expect(await hex(control(a, "get-last-error"))).toBe("00000000");
    await failureOf(a.transmit(apdu, { protocol: "t0" }));
    expect(await hex(control(a, "get-last-error"))).toBe("0F001080");
    await a.transmit(apdu);
    expect(await hex(control(a, "get-last-error"))).toBe("00000000");
  });

  test.each(["confiscate", "swallow", "read", "write", "get-perf-cntr"] as const)(
    "IOCTL_SMARTCARD %s is refused, with the reason",
    async (name) => {
      const { connect } = await world();
      const a = await connect("a");
      const { code, message } = await failureOf(control(a, name, bytesOf("00000000")));
      expect(code).toBe("unsupported-feature");
      expect(message).toMatch(/IOCTL_SMARTCARD_[A-Z_]+: .{20,}/);
      expect(await a.transmit(apdu)).toHaveLength(6);
    },
  );

  test("every one of them answers or is refused by name, and a driver is never asked", async () => {
    const asked: number[] = [];
    const { connect, reader } = await world();
    const driver = reader.control.bind(reader);
    reader.control = (code, input, signal) => {
      asked.push(code);
      return driver(code, input, signal);
    };
    const names = (Object.keys(ioctls) as Ioctl[]).filter((name) => !["eject", "get-feature-request"].includes(name));
    // The ejection comes last: nothing can be connected to after it.
    for (const name of [...names, "eject" as const]) {
      const a = await connect("a");
      const outcome = await a.control(ioctls[name].windows, none, { timeoutMs: 0 }).then(
        () => "ok",
        ({ code }: { code: string }) => code,
      );
      expect([name, ["ok", "timeout", "invalid-parameter", "unsupported-feature"].includes(outcome)]).toEqual([
        name,
        true,
      ]);
      await a.disconnect("leave").catch(() => {});
    }
    expect(asked).toEqual([]);
  });

  test("pcsc-lite's codes with the same numbers are the driver's", async () => {
    const asked: number[] = [];
    const { connect, reader } = await world();
    reader.control = async (code) => {
      asked.push(code);
      return none;
    };
    const a = await connect("a");
    for (const number of [1, 6, 12, 14, 3400]) await a.control(0x4200_0000 + number, none);
    await a.control(ioctls["get-feature-request"].windows, none);
    expect(asked).toEqual([0x4200_0001, 0x4200_0006, 0x4200_000c, 0x4200_000e, 0x4200_0d48, 0x4200_0d48]);
  });
});
