// SPDX-License-Identifier: MIT

// Transactions, step by step. Each test is named after the section of the draft and its step.

import { describe, expect, test } from "vitest";
import { another, invalidState, isPending, scriptedConnection } from "./scripted.ts";

const command = Uint8Array.of(0x00, 0xa4, 0x04, 0x00);

describe("startTransaction() method", () => {
  test("step 5: not while the connection itself is in one", async () => {
    const { connection } = await scriptedConnection();
    await connection.startTransaction(async () => {
      await expect(connection.startTransaction(async () => "leave")).rejects.toMatchObject(invalidState);
      return "leave";
    });
  });

  test("step 5: not after disconnect() in the transaction, until its callback has ended", async () => {
    const { connection } = await scriptedConnection();
    const outcome = connection.startTransaction(async () => {
      await connection.disconnect();
      await expect(connection.startTransaction(async () => "leave")).rejects.toMatchObject(invalidState);
      return "leave";
    });
    await expect(outcome).rejects.toMatchObject(invalidState);
  });

  test("step 7.1: a signal that is aborted rejects with its reason, and nothing is begun", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const controller = new AbortController();
    controller.abort("my reason");
    const options = { signal: controller.signal };
    let isCalled = false;
    const outcome = connection.startTransaction(async () => {
      isCalled = true;
      return "leave";
    }, options);
    await expect(outcome).rejects.toBe("my reason");
    expect([isCalled, pcsc.calls]).toEqual([false, []]);
    await context.listReaders();
    await connection.disconnect();
    // The states come first.
    await expect(connection.startTransaction(async () => "leave", options)).rejects.toMatchObject(invalidState);
  });

  test("step 7.3: aborted while it waits, the wait is cancelled", async () => {
    const { connection, pcsc } = await scriptedConnection();
    pcsc.hold("beginTransaction");
    const controller = new AbortController();
    const outcome = connection.startTransaction(async () => "leave", { signal: controller.signal });
    expect(await isPending(outcome)).toBe(true);
    controller.abort("my reason");
    await expect(outcome).rejects.toBe("my reason");
    expect(pcsc.names).toEqual(["beginTransaction"]);
  });
});

describe("process the result of a BeginTransaction", () => {
  test("step 1: no operation is in progress when the callback is called", async () => {
    const { connection } = await scriptedConnection();
    await connection.startTransaction(async () => {
      await connection.transmit(command);
      return "leave";
    });
  });

  test("step 3.2: a signal that is aborted after the lock was given does nothing", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const controller = new AbortController();
    pcsc.give("beginTransaction", () => controller.abort());
    await connection.startTransaction(async () => "unpower", { signal: controller.signal });
    expect(pcsc.calls.at(-1)).toEqual(["endTransaction", "unpower"]);
  });

  test("step 4.1: cancelled, with the signal aborted, is the reason of the signal", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const controller = new AbortController();
    pcsc.give("beginTransaction", () => controller.abort("my reason"));
    const held = pcsc.hold("endTransaction");
    held.succeed();
    await connection.startTransaction(async () => "leave", { signal: controller.signal });
    const other = new AbortController();
    pcsc.hold("beginTransaction");
    const outcome = connection.startTransaction(async () => "leave", { signal: other.signal });
    other.abort("other reason");
    await expect(outcome).rejects.toBe("other reason");
  });

  test("step 4.2: another failure is the corresponding exception; the callback is not called, and no entry stays", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    pcsc.fail("beginTransaction", "reset-card");
    let isCalled = false;
    const outcome = connection.startTransaction(async () => {
      isCalled = true;
      return "leave";
    });
    await expect(outcome).rejects.toMatchObject({ responseCode: "reset-card" });
    expect(isCalled).toBe(false);
    await another(context);
  });

  test("step 7: the reader has an entry before the callback is called", async () => {
    const { connection, context } = await scriptedConnection();
    let connecting: Promise<unknown> | undefined;
    const outcome = connection.startTransaction(() => {
      connecting = context.connect("Desk", "shared");
      return connecting.then(
        () => "leave",
        () => "leave",
      );
    });
    await outcome;
    await expect(connecting).rejects.toMatchObject(invalidState);
  });

  test("steps 6 and 7: nothing comes between the end of the operation and the transaction", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const held = pcsc.hold("beginTransaction");
    const first = connection.startTransaction(async () => "leave");
    held.succeed();
    const others: Promise<unknown>[] = [];
    for (let turn = 0; turn < 20; turn++) {
      others.push(connection.startTransaction(async () => "leave").catch((error: Error) => error.name));
      await Promise.resolve();
    }
    await first;
    // One may have begun after the first had ended; none came into it.
    const depth = pcsc.names.reduce(
      ([now, most], name) => {
        const next = (now ?? 0) + (name === "beginTransaction" ? 1 : -1);
        return [next, Math.max(most ?? 0, next)];
      },
      [0, 0],
    );
    await Promise.all(others);
    expect(depth[1]).toBe(1);
  });

  test.each([
    [undefined, "reset"],
    [null, "reset"],
    ["leave", "leave"],
    ["reset", "reset"],
    ["unpower", "unpower"],
    ["eject", "eject"],
  ] as const)("step 9, fulfilled with %s: the disposition is %s", async (value, disposition) => {
    const { connection, pcsc } = await scriptedConnection();
    expect(await connection.startTransaction(async () => value)).toBeUndefined();
    expect(pcsc.calls.at(-1)).toEqual(["endTransaction", disposition]);
  });

  test("step 8: a value that is no promise is one as well", async () => {
    const { connection, pcsc } = await scriptedConnection();
    await connection.startTransaction((() => "leave") as never);
    expect(pcsc.calls.at(-1)).toEqual(["endTransaction", "leave"]);
  });

  test.each(["Leave", "", 0, {}, Symbol("leave")])(
    "step 9, fulfilled with %s, which is no disposition: a TypeError, and the card is reset",
    async (value) => {
      const { connection, context, pcsc } = await scriptedConnection();
      await expect(connection.startTransaction(async () => value as never)).rejects.toThrow(TypeError);
      expect(pcsc.calls.at(-1)).toEqual(["endTransaction", "reset"]);
      await another(context);
    },
  );

  test("step 9, fulfilled while an operation is in progress: the end waits for it, an InvalidStateError", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const held = pcsc.hold("transmit");
    let transmitting: Promise<unknown> | undefined;
    const outcome = connection.startTransaction(async () => {
      transmitting = connection.transmit(command);
      return "unpower";
    });
    expect(await isPending(outcome)).toBe(true);
    expect(pcsc.names).toEqual(["beginTransaction", "transmit"]);
    held.succeed();
    await transmitting;
    await expect(outcome).rejects.toMatchObject(invalidState);
    expect(pcsc.calls.at(-1)).toEqual(["endTransaction", "unpower"]);
  });

  test.each([new Error("mine"), "text", undefined, null])(
    "step 9, rejected with %s: the card is reset, and the reason is passed on",
    async (reason) => {
      const { connection, context, pcsc } = await scriptedConnection();
      const outcome = connection.startTransaction(() => Promise.reject(reason));
      const settled = await outcome.then(
        () => "fulfilled",
        (error: unknown) => ({ error }),
      );
      expect(settled).toEqual({ error: reason });
      expect(pcsc.calls.at(-1)).toEqual(["endTransaction", "reset"]);
      await another(context);
    },
  );

  test("step 9: the transaction ends in the first reaction to the promise of the callback", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const seen: string[][] = [];
    const look = (): void => void seen.push([...pcsc.names]);
    await connection.startTransaction((() => {
      // The reaction is between the two.
      queueMicrotask(() => {
        look();
        queueMicrotask(look);
      });
      return "leave";
    }) as never);
    expect(seen).toEqual([["beginTransaction"], ["beginTransaction", "endTransaction"]]);
  });

  test("step 8: the callback is called without a this, and not by a call of its own", async () => {
    const { connection } = await scriptedConnection();
    const seen: unknown[] = [];
    function transaction(this: unknown, ...given: unknown[]): Promise<"leave"> {
      seen.push(this, given.length);
      return Promise.resolve("leave");
    }
    Object.defineProperty(transaction, "call", { value: () => "reset" });
    await connection.startTransaction(transaction);
    expect(seen).toEqual([undefined, 0]);
  });

  test("step 9: what the callback throws at once is a rejection too", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const outcome = connection.startTransaction(() => {
      throw new RangeError("mine");
    });
    await expect(outcome).rejects.toThrow(RangeError);
    expect(pcsc.calls.at(-1)).toEqual(["endTransaction", "reset"]);
  });

  test("step 9, rejected while an operation is in progress: the card is reset after it, with the reason of the callback", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const held = pcsc.hold("listReaders");
    let listing: Promise<unknown> | undefined;
    const outcome = connection.startTransaction(async () => {
      listing = context.listReaders();
      throw new RangeError("mine");
    });
    expect(await isPending(outcome)).toBe(true);
    held.succeed();
    await listing;
    await expect(outcome).rejects.toThrow(RangeError);
    expect(pcsc.calls.at(-1)).toEqual(["endTransaction", "reset"]);
  });

  test("a failure of the operation in progress ends the transaction as well", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const held = pcsc.hold("transmit");
    let transmitting: Promise<unknown> | undefined;
    const outcome = connection.startTransaction(async () => {
      transmitting = connection.transmit(command);
      return "leave";
    });
    expect(await isPending(outcome)).toBe(true);
    held.fail("removed-card");
    await expect(transmitting).rejects.toMatchObject({ responseCode: "removed-card" });
    await expect(outcome).rejects.toMatchObject(invalidState);
    await another(context);
  });
});

describe("end the transaction", () => {
  test("step 5: after disconnect() in the callback, an InvalidStateError", async () => {
    const { connection, pcsc } = await scriptedConnection();
    const outcome = connection.startTransaction(async () => {
      await connection.disconnect("reset");
      return "leave";
    });
    await expect(outcome).rejects.toMatchObject(invalidState);
    expect(pcsc.names).toEqual(["beginTransaction", "disconnect"]);
  });

  test("step 5: then the entry of the reader is removed, unlike in the draft (ADR 0046)", async () => {
    const { connection, context } = await scriptedConnection();
    const outcome = connection.startTransaction(async () => {
      await connection.disconnect("reset");
      // Until the callback has ended the reader is taken, as in the draft.
      await expect(another(context)).rejects.toMatchObject(invalidState);
      return "leave";
    });
    await expect(outcome).rejects.toMatchObject(invalidState);
    const next = await another(context);
    await next.startTransaction(async () => "leave");
    await next.transmit(command);
  });

  test("step 5, after disconnect() that is still in progress when the callback ends: the entry is removed too", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const held = pcsc.hold("disconnect");
    pcsc.fail("endTransaction", "invalid-handle");
    let disconnecting: Promise<unknown> | undefined;
    const outcome = connection.startTransaction(async () => {
      disconnecting = connection.disconnect();
      return "leave";
    });
    expect(await isPending(outcome)).toBe(true);
    held.succeed();
    await disconnecting;
    await expect(outcome).rejects.toMatchObject(invalidState);
    await another(context);
  });

  test("step 6: an operation is in progress while it ends", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const held = pcsc.hold("endTransaction");
    const outcome = connection.startTransaction(async () => "leave");
    expect(await isPending(outcome)).toBe(true);
    await expect(context.listReaders()).rejects.toMatchObject(invalidState);
    held.succeed();
    await outcome;
  });

  test("step 7.3.2: the entry of the reader is removed, also where the end fails", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    pcsc.fail("endTransaction", "removed-card");
    await expect(connection.startTransaction(async () => "leave")).rejects.toMatchObject({
      responseCode: "removed-card",
    });
    await another(context);
    await connection.startTransaction(async () => "leave");
  });

  test("step 7.3.4.2: a failure of the end is the corresponding exception", async () => {
    const { connection, pcsc } = await scriptedConnection();
    pcsc.fail("endTransaction", "not-transacted");
    const outcome = connection.startTransaction(async () => "leave");
    await expect(outcome).rejects.toMatchObject({ name: "SmartCardError", responseCode: "not-transacted" });
  });

  test("step 7.3.5: the exception of the callback comes before a failure of the end", async () => {
    const { connection, pcsc } = await scriptedConnection();
    pcsc.fail("endTransaction", "not-transacted");
    await expect(connection.startTransaction(() => Promise.reject("mine"))).rejects.toBe("mine");
  });

  test("step 7.3.6: afterwards another transaction can be started", async () => {
    const { connection, pcsc } = await scriptedConnection();
    for (let round = 0; round < 3; round++) await connection.startTransaction(async () => "leave");
    expect(pcsc.names).toEqual(Array(3).fill(["beginTransaction", "endTransaction"]).flat());
  });
});

describe("clear the operationInProgress", () => {
  test("step 3: transactions that have settled end one after the other", async () => {
    const { connection, context, pcsc } = await scriptedConnection();
    const other = await another(context, "Other");
    pcsc.calls.length = 0;
    const held = pcsc.hold("listReaders");
    let isListed: Promise<unknown> | undefined;
    const inner: Promise<unknown>[] = [];
    const outer = connection.startTransaction(async () => {
      await new Promise<void>((resolve) => {
        const begun = other.startTransaction(async () => {
          isListed = context.listReaders();
          resolve();
          return "unpower";
        });
        inner.push(begun);
      });
      return "leave";
    });
    expect(await isPending(outer)).toBe(true);
    const firstEnd = pcsc.hold("endTransaction");
    held.succeed();
    await isListed;
    expect(await isPending(outer)).toBe(true);
    // The second ends when the first has: the end of a transaction is an operation, too.
    expect(pcsc.names.filter((name) => name === "endTransaction")).toHaveLength(1);
    firstEnd.succeed();
    await expect(inner[0]).rejects.toMatchObject(invalidState);
    await expect(outer).rejects.toMatchObject(invalidState);
    expect(pcsc.calls).toEqual([
      ["beginTransaction", {}],
      ["beginTransaction", {}],
      ["listReaders"],
      ["endTransaction", "leave"],
      ["endTransaction", "unpower"],
    ]);
  });
});
