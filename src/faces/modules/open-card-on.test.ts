// SPDX-License-Identifier: MIT

// A card and a connection of the test's own: what happens between two commands is in its hand.

import { createHash, randomBytes } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import type { CardType } from "../../database/index.ts";
import {
  ConnectionBase,
  type ConnectionStatus,
  type ErrorCode,
  type HostCrypto,
  type Protocol,
  SmartCardError,
} from "../../port/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import type {
  CardModule,
  KeyContainer,
  ModuleCard,
  ModuleHost,
  PinCachePolicy,
  PinDescription,
} from "./card-module.ts";
import type { OpenCard } from "./open-card.ts";
import { checkOpenOptions, type OpenCardOptions, openCardOn } from "./open-card-on.ts";
import { PinCaches } from "./pin-cache.ts";
import type { PinAnswer, PinRequest } from "./pin-entry.ts";

const crypto: HostCrypto = {
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  hash: (name, data) => new Uint8Array(createHash(name).update(data).digest()),
  blockCipher: () => {
    throw new TypeError("no cipher is needed here");
  },
  unpack: () => undefined,
};

/** A connection that answers 9000 to everything, and does what the test says before a command. */
class TestConnection extends ConnectionBase {
  readonly reader = "Desk";
  readonly shareMode = "shared";
  readonly protocol: Protocol = "t1";
  readonly commands: number[] = [];
  /** By the number of the command, from 1: what happens instead. */
  readonly failures = new Map<number, ErrorCode>();
  reconnects = 0;
  transactions = 0;
  eventCount = 1;
  /** What the reader answers to control codes; those that are not here it does not know. */
  readonly controls = new Map<number, (input: Uint8Array) => Uint8Array>();
  statusFailure: ErrorCode | undefined;

  constructor(now: () => number) {
    super({ now, preferredProtocols: ["t1"] });
  }

  async transmit(command: Uint8Array): Promise<Uint8Array> {
    this.commands.push(command[1] ?? 0);
    const failure = this.failures.get(this.commands.length);
    if (failure !== undefined) throw new SmartCardError(failure, "as planned", { reader: this.reader });
    return Uint8Array.of(0x90, 0x00);
  }

  async reconnect(): Promise<Protocol> {
    this.reconnects++;
    return this.protocol;
  }

  async status(): Promise<ConnectionStatus> {
    if (this.statusFailure !== undefined) throw new SmartCardError(this.statusFailure, "as planned", {});
    const atr = Uint8Array.of(0x3b, 0x00);
    const { eventCount, protocol, reader } = this;
    return { reader, state: "specific", protocol, atr, eventCount };
  }

  async beginTransaction(): Promise<void> {
    this.transactions++;
  }

  async endTransaction(): Promise<void> {}
  async disconnect(): Promise<void> {}
  async control(code: number, input: Uint8Array): Promise<Uint8Array> {
    const answer = this.controls.get(code)?.(input);
    if (answer === undefined) throw new SmartCardError("unsupported-feature", "as planned", {});
    return answer;
  }
  async getAttribute(): Promise<Uint8Array> {
    return new Uint8Array(0);
  }
  async setAttribute(): Promise<void> {}
  async transmitCount(): Promise<number> {
    return this.commands.length;
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

const pinOfCard: PinDescription = {
  role: "user",
  name: "PIN",
  kind: "pin",
  leastBytes: 4,
  mostBytes: 8,
  unblockedBy: [],
};
const container: KeyContainer = {
  name: "1",
  label: "Key",
  key: { kind: "ec", curve: "P-256" },
  publicKey: undefined,
  uses: ["sign"],
  pin: "user",
  pinPolicy: "once",
};

/** INS of the commands of the card of this test. */
const ins = { select: 0xa4, verify: 0x20, sign: 0x2a, change: 0x24 } as const;

let runtime: SimulatedRuntime;
let connection: TestConnection;
let identity: string;
let serialNumber: string | undefined;
let policyOfCard: PinCachePolicy | undefined;
let hasPadCommand: boolean;
let tries: number | undefined;
let shown: number[][];
let isWrong: boolean;

/** A card whose module needs no command to know it. */
const pretend = async (host: ModuleHost): Promise<ModuleCard> => {
  const silent: ModuleHost = Object.create(host, {
    send: { value: async () => ({ data: new Uint8Array(0), sw: 0x9000 }) },
  });
  const card = await module.open(silent);
  if (card === undefined) throw new Error("the module of this test opens everything");
  return card;
};

const module: CardModule = {
  name: "test",
  otherNames: ["Test.dll"],
  async open(host) {
    await host.send({ cla: 0, ins: ins.select, p1: 0, p2: 0 });
    const card: ModuleCard = {
      identity,
      label: "test card",
      serialNumber,
      pins: [{ ...pinOfCard, cache: policyOfCard }],
      async select() {
        await host.send({ cla: 0, ins: ins.select, p1: 0, p2: 0 });
      },
      deauthenticate: async () => undefined,
      containers: async () => [container, { ...container, name: "2", pinPolicy: "always" }],
      certificate: async () => undefined,
      triesLeft: async () => tries,
      async verify(_role, pin) {
        shown.push([...pin]);
        await host.send({ cla: 0, ins: ins.verify, p1: 0, p2: 0, data: pin });
        if (isWrong) throw host.pinFailure(0x63c2, pinOfCard);
      },
      pinPad(operation) {
        if (!hasPadCommand) return undefined;
        const code = operation === "verify" ? ins.verify : ins.change;
        return { cla: 0, ins: code, p1: 0, p2: 1, blockBytes: 8, padding: 0xff };
      },
      async changePin(_role, old, next) {
        await host.send({ cla: 0, ins: ins.change, p1: 0, p2: 0, data: Uint8Array.of(...old, ...next) });
      },
      async sign() {
        await host.send({ cla: 0, ins: ins.sign, p1: 0, p2: 0 });
        return new Uint8Array(64).fill(1);
      },
    };
    return card;
  },
};

beforeEach(() => {
  runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  connection = new TestConnection(() => runtime.clock.now());
  identity = "one";
  serialNumber = undefined;
  policyOfCard = undefined;
  hasPadCommand = true;
  tries = 3;
  shown = [];
  isWrong = false;
});

const open = async (options: OpenCardOptions = {}): Promise<OpenCard> =>
  openCardOn(connection, { modules: [module], module: "test", ...options }, { crypto, clock: runtime.clock });
const data = new Uint8Array(5);
const one = { pin: () => "1234" };
/** The code of a failure. */
const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "none",
    (error) => error.code,
  );

describe("another program's reset", () => {
  test.each([
    ["before the selection", 2],
    ["before the PIN", 3],
    ["before the signature", 4],
  ])("%s: all is done again, and the PIN is not asked for again", async (_, at) => {
    const asked: PinRequest[] = [];
    const card = await open({
      pinCache: "none",
      pin: (request) => {
        asked.push(request);
        return "1234";
      },
    });
    await card.containers();
    const before = connection.commands.length;
    // The tries are read before the user is asked: one selection.
    connection.failures.set(before + at, "reset-card");
    expect((await card.sign("1", data)).length).toBeGreaterThan(60);
    expect(connection.reconnects).toBe(1);
    expect(asked.length).toBe(1);
    expect(connection.commands.at(-1)).toBe(ins.sign);
  });

  test("a card that is reset for ever ends in the error", async () => {
    const card = await open(one);
    for (let at = 2; at < 100; at++) connection.failures.set(at, "reset-card");
    expect(await failure(card.containers())).toBe("reset-card");
    expect(connection.reconnects).toBeLessThan(20);
  });

  test("in the middle of a change of the PIN: it is not done twice", async () => {
    const card = await open(one);
    connection.failures.set(3, "reset-card");
    expect(await failure(card.changePin({ oldPin: "1234", newPin: "5678" }))).toBe("reset-card");
    expect(connection.commands.filter((one) => one === ins.change).length).toBe(1);
    await card.changePin({ oldPin: "1234", newPin: "5678" });
  });

  test("with another card in its place: the cached PIN is not shown to it", async () => {
    const card = await open(one);
    await card.sign("1", data);
    expect(shown.length).toBe(1);
    identity = "two";
    connection.failures.set(connection.commands.length + 1, "reset-card");
    await expect(card.sign("1", data)).rejects.toMatchObject({
      code: "removed-card",
      message: expect.stringContaining('another card is in "Desk" now; open it with openCard()'),
    });
    expect(shown.length).toBe(1);
    expect(await failure(card.containers())).toBe("removed-card");
  });
});

test("an answer of the function pin that throws when it is read ends the operation, and no more", async () => {
  const unhandled: unknown[] = [];
  const listen = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", listen);
  try {
    const answer = {
      get pin(): string {
        throw new RangeError("no PIN here");
      },
    };
    const card = await open({ pin: () => answer });
    await expect(card.sign("1", data)).rejects.toThrow("no PIN here");
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
    expect(shown).toEqual([]);
  } finally {
    process.off("unhandledRejection", listen);
  }
});

describe("a card that is pulled", () => {
  test.each(["removed-card", "no-smartcard", "reader-unavailable", "unknown-reader"] as const)("%s", async (code) => {
    const card = await open(one);
    connection.failures.set(3, code);
    expect(await failure(card.sign("1", data))).toBe("removed-card");
    expect(await failure(card.pins())).toBe("removed-card");
  });

  test("an exchange that fails before the manager notices", async () => {
    const card = await open(one);
    connection.failures.set(2, "comm-error");
    const signing = failure(card.containers());
    await runtime.advance(300);
    connection.statusFailure = "removed-card";
    await runtime.advance(2000);
    expect(await signing).toBe("removed-card");
  });

  test("an exchange that fails with the card still there is what it is", async () => {
    const card = await open(one);
    connection.failures.set(2, "comm-error");
    const reading = failure(card.containers());
    await runtime.advance(2000);
    expect(await reading).toBe("comm-error");
    expect((await card.containers()).length).toBe(2);
  });
});

describe("PINs", () => {
  test("no function and none cached; a time that is over", async () => {
    const card = await open({ pinCache: { timedMs: 1000 } });
    expect(await failure(card.sign("1", data))).toBe("no-pin-cache");
    await card.verifyPin("1234");
    await card.sign("1", data);
    await runtime.advance(1000);
    expect(await failure(card.sign("1", data))).toBe("pin-cache-expired");
    await card.verifyPin(Uint8Array.of(0x31, 0x32, 0x33, 0x34));
    await runtime.advance(600);
    // A use does not make its time longer.
    await card.sign("1", data);
    await runtime.advance(500);
    expect(await failure(card.sign("1", data))).toBe("pin-cache-expired");
    await card.verifyPin("1234");
    card.forgetPins();
    expect(await failure(card.sign("1", data))).toBe("no-pin-cache");
  });

  test("bytes that the function gives are cleared, those of verifyPin() stay", async () => {
    const given = Uint8Array.of(0x31, 0x32, 0x33, 0x34);
    const card = await open({ pin: () => given });
    await card.sign("1", data);
    expect([...given]).toEqual([0, 0, 0, 0]);
    const own = Uint8Array.of(0x31, 0x32, 0x33, 0x34);
    await card.verifyPin(own);
    expect([...own]).toEqual([0x31, 0x32, 0x33, 0x34]);
  });

  test("one that is too short or too long, or is no PIN, is not sent", async () => {
    const card = await open();
    await expect(card.verifyPin("123")).rejects.toMatchObject({
      code: "invalid-chv",
      message: expect.stringContaining("3 bytes, and it has 4 to 8; nothing was sent"),
    });
    expect(await failure(card.verifyPin("123456789"))).toBe("invalid-chv");
    expect(await failure(card.verifyPin(1234 as never))).toBe("invalid-parameter");
    expect(await failure(card.verifyPin("1234", { role: "admin" }))).toBe("unsupported-feature");
    expect(connection.commands).toEqual([ins.select]);
  });

  test("no answer, an answer of another kind, a function that throws", async () => {
    expect(await failure((await open({ pin: () => undefined })).sign("1", data))).toBe("cancelled-by-user");
    expect(await failure((await open({ pin: () => 5 as never })).sign("1", data))).toBe("invalid-parameter");
    const broken = await open({
      pin: () => {
        throw new RangeError("no dialog");
      },
    });
    await expect(broken.sign("1", data)).rejects.toThrow("no dialog");
  });

  test("the last try: the cached PIN is not sent, the user is asked, and says so", async () => {
    const answers: unknown[] = ["1234", undefined, { pin: "1234", lastTry: true }];
    const asked: PinRequest[] = [];
    const card = await open({
      pin: (request) => {
        asked.push(request);
        return answers.shift() as never;
      },
    });
    await card.sign("1", data);
    tries = 1;
    expect(await failure(card.sign("1", data))).toBe("cancelled-by-user");
    expect(shown.length).toBe(1);
    await card.sign("1", data);
    expect(asked.map(({ isLastTry }) => isLastTry)).toEqual([false, true, true]);
    tries = 0;
    expect(await failure(card.sign("1", data))).toBe("chv-blocked");
    expect(shown.length).toBe(2);
  });

  test("a cached PIN that another program has changed is sent once, and not again", async () => {
    let asked = 0;
    const card = await open({
      pin: () => {
        asked++;
        return "1234";
      },
    });
    await card.sign("1", data);
    isWrong = true;
    await expect(card.sign("1", data)).rejects.toMatchObject({ code: "wrong-chv", details: { triesLeft: 2 } });
    expect([shown.length, asked]).toEqual([2, 1]);
    isWrong = false;
    await card.sign("1", data);
    expect([shown.length, asked]).toEqual([3, 2]);
  });

  test("an operation that is aborted while the user is asked clears a late answer", async () => {
    const late = Uint8Array.of(0x31, 0x32, 0x33, 0x34);
    let answer = (_: Uint8Array): void => undefined;
    const card = await open({
      pin: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    const controller = new AbortController();
    const signing = failure(card.sign("1", data, { signal: controller.signal }));
    await runtime.advance(10);
    controller.abort();
    expect(await signing).toBe("cancelled");
    answer(late);
    await runtime.advance(10);
    expect([...late]).toEqual([0, 0, 0, 0]);
    expect(shown).toEqual([]);
    expect((await card.containers()).length).toBe(2);
  });
});

describe("policies of the cache", () => {
  const two = async (first: OpenCardOptions, second: OpenCardOptions): Promise<readonly [OpenCard, OpenCard]> => {
    const pinCaches = new PinCaches();
    const terms = { crypto, clock: runtime.clock, pinCaches };
    const usual = { modules: [module], module: "test" };
    return [
      await openCardOn(connection, { ...usual, ...first }, terms),
      await openCardOn(connection, { ...usual, ...second }, terms),
    ];
  };

  test("a card with a serial number: what one has verified, the other one signs with", async () => {
    serialNumber = "4711";
    const [card, other] = await two({}, {});
    await card.verifyPin("1234");
    await other.sign("1", data);
    await card.changePin({ oldPin: "1234", newPin: "5678" });
    await other.sign("1", data);
    expect(shown.at(-1)).toEqual([0x35, 0x36, 0x37, 0x38]);
    await card.close();
    await other.sign("1", data);
    other.forgetPins();
    expect(await failure(other.sign("1", data))).toBe("no-pin-cache");
  });

  test("a card without one, or under another policy: each has its own", async () => {
    const [card, other] = await two({}, {});
    await card.verifyPin("1234");
    expect(await failure(other.sign("1", data))).toBe("no-pin-cache");
    serialNumber = "4711";
    const [one, timed] = await two({}, { pinCache: { timedMs: 1000 } });
    await one.verifyPin("1234");
    expect(await failure(timed.sign("1", data))).toBe("no-pin-cache");
    await one.sign("1", data);
  });

  test("a wrong PIN of one is cached for none", async () => {
    serialNumber = "4711";
    const [card, other] = await two({}, {});
    await card.verifyPin("1234");
    isWrong = true;
    expect(await failure(other.sign("1", data))).toBe("wrong-chv");
    isWrong = false;
    expect(await failure(card.sign("1", data))).toBe("no-pin-cache");
  });

  test("a card that was pulled and put back", async () => {
    serialNumber = "4711";
    const pinCaches = new PinCaches();
    const terms = { crypto, clock: runtime.clock, pinCaches };
    const card = await openCardOn(connection, { modules: [module], module: "test" }, terms);
    await card.verifyPin("1234");
    connection.eventCount += 2;
    const again = await openCardOn(connection, { modules: [module], module: "test" }, terms);
    expect(await failure(again.sign("1", data))).toBe("no-pin-cache");
  });

  test("a card that is pulled while nothing is done: its PIN is cleared at once", async () => {
    serialNumber = "4711";
    const pinCaches = new PinCaches();
    const terms = { crypto, clock: runtime.clock, pinCaches };
    const card = await openCardOn(connection, { modules: [module], module: "test" }, terms);
    await card.verifyPin("1234");
    await runtime.advance(5000);
    await card.sign("1", data);
    connection.statusFailure = "removed-card";
    await runtime.advance(3000);
    connection.statusFailure = undefined;
    expect(await failure(card.sign("1", data))).toBe("no-pin-cache");
    await card.close();
  });

  test("always-prompt: asked each time, also in one transaction, and never from what verifyPin() was given", async () => {
    let asked = 0;
    const pin = (): string => {
      asked++;
      return "1234";
    };
    const card = await open({ pinCache: "always-prompt", pin });
    await card.transaction(async () => {
      await card.verifyPin("1234");
      await card.sign("1", data);
      await card.sign("1", data);
    });
    expect(asked).toBe(2);
    const silent = await open({ pinCache: "always-prompt" });
    await silent.verifyPin("1234");
    await expect(silent.sign("1", data)).rejects.toMatchObject({
      code: "no-pin-cache",
      message: expect.stringContaining("the policy of its cache is always-prompt"),
    });
  });

  test("none: what verifyPin() was given is good for the transaction", async () => {
    const card = await open({ pinCache: { user: "none" } });
    await card.transaction(async () => {
      await card.verifyPin("1234");
      await card.sign("1", data);
    });
    expect(await failure(card.sign("1", data))).toBe("no-pin-cache");
  });

  test("what the card says is the limit, also when it says something else after a reset", async () => {
    policyOfCard = { timedMs: 1000 };
    const card = await open({ pinCache: "process" });
    await card.verifyPin("1234");
    await card.sign("1", data);
    await runtime.advance(1000);
    expect(await failure(card.sign("1", data))).toBe("pin-cache-expired");
    await card.verifyPin("1234");
    policyOfCard = "none";
    connection.failures.set(connection.commands.length + 1, "reset-card");
    await card.containers();
    await expect(card.sign("1", data)).rejects.toMatchObject({
      code: "no-pin-cache",
      message: expect.stringContaining("the policy of its cache is none"),
    });
  });

  test.each([
    ["sometimes", "invalid-value"],
    [{ timedMs: 0 }, "invalid-parameter"],
    [{ user: "sometimes" }, "invalid-value"],
    [{ owner: "none" }, "invalid-parameter"],
    [7, "invalid-value"],
  ])("%j is no policy", async (pinCache, code) => {
    expect(await failure(Promise.resolve().then(() => checkOpenOptions({ pinCache })))).toBe(code);
  });
});

describe("the PIN pad of the reader", () => {
  const GET_FEATURES = 0x4200_0d48;
  const [verifyCode, changeCode] = [0x4200_0db0, 0x4200_0db1];
  let entered: Uint8Array[];
  let answer: number;

  beforeEach(() => {
    entered = [];
    answer = 0x9000;
    const list = [0x06, 4, 0x42, 0x00, 0x0d, 0xb0, 0x07, 4, 0x42, 0x00, 0x0d, 0xb1];
    connection.controls.set(GET_FEATURES, () => Uint8Array.from(list));
    for (const code of [verifyCode, changeCode])
      connection.controls.set(code, (input) => {
        entered.push(input);
        return Uint8Array.of(answer >> 8, answer & 0xff);
      });
  });

  test("the command and its structure, for a signature and for a change", async () => {
    const card = await open({ pin: "pad" });
    await card.sign("1", data);
    const command = [0x00, ins.verify, 0x00, 0x01, 0x08, ...new Array(8).fill(0xff)];
    const head = [30, 30, 0x82, 0x08, 0x00, 0x08, 0x04, 0x02, 0xff, 0x09, 0x04, 0x00, 0, 0, 0];
    expect(entered.map((input) => [...input])).toEqual([[...head, command.length, 0, 0, 0, ...command]]);
    expect(shown).toEqual([]);
    await card.changePin({ pad: true });
    const change = [0x00, ins.change, 0x00, 0x01, 0x10, ...new Array(16).fill(0xff)];
    const changeHead = [30, 30, 0x82, 0x08, 0x00, 0, 8, 0x08, 0x04, 0x03, 0x02, 0x03, 0x09, 0x04, 0, 1, 2, 0, 0, 0];
    expect([...(entered[1] ?? [])]).toEqual([...changeHead, change.length, 0, 0, 0, ...change]);
    // Nothing is cached: the pad asks again.
    await card.sign("1", data);
    expect(entered.length).toBe(3);
  });

  test("a function chooses it", async () => {
    const asked: PinRequest[] = [];
    const answers: PinAnswer[] = [{ pad: true }, "1234"];
    const pin = (request: PinRequest): PinAnswer => {
      asked.push(request);
      return answers.shift();
    };
    const card = await open({ pin });
    await card.sign("1", data);
    await card.sign("1", data);
    expect(asked.map(({ hasPad }) => hasPad)).toEqual([true, true]);
    expect([entered.length, shown.length]).toEqual([1, 1]);
  });

  test.each([
    [0x6401, "cancelled-by-user"],
    [0x6400, "timeout"],
    [0x6403, "invalid-chv"],
    [0x63c2, "wrong-chv"],
    [0x6983, "chv-blocked"],
  ])("%i is %s", async (statusWord, code) => {
    answer = statusWord;
    const card = await open({ pin: "pad" });
    expect(await failure(card.verifyPin())).toBe(code);
    expect(await failure(card.changePin({ pad: true }))).toBe(code);
  });

  test("the last try is refused unless it is confirmed", async () => {
    tries = 1;
    const card = await open({ pin: "pad" });
    expect(await failure(card.sign("1", data))).toBe("security-violation");
    expect(entered).toEqual([]);
    await card.verifyPin(undefined, { lastTry: true });
    const chosen = await open({ pin: () => ({ pad: true, lastTry: true }) });
    await chosen.sign("1", data);
    expect(entered.length).toBe(2);
  });

  test("a reader without one, a card whose PIN cannot be entered so, a change with half of its PINs", async () => {
    connection.controls.clear();
    const without = await open({ pin: "pad" });
    await expect(without.sign("1", data)).rejects.toMatchObject({
      code: "unsupported-feature",
      message: expect.stringContaining('the reader "Desk" has no PIN pad'),
    });
    expect(await failure(without.changePin({ pad: true }))).toBe("unsupported-feature");
    hasPadCommand = false;
    await expect((await open({ pin: "pad" })).sign("1", data)).rejects.toMatchObject({
      code: "unsupported-feature",
      message: expect.stringContaining("the PIN of test card cannot be entered at a PIN pad"),
    });
    expect(await failure(without.changePin({ oldPin: "1234" }))).toBe("invalid-parameter");
    expect(await failure(without.changePin({ pad: true, oldPin: "1234", newPin: "1234" }))).toBe("invalid-parameter");
  });
});

describe("transactions", () => {
  test("several calls in one: a PIN once for a key that wants it once, each time for one that wants it each time", async () => {
    const card = await open(one);
    await card.containers();
    const { transactions } = connection;
    await card.transaction(async () => {
      await card.sign("1", data);
      await card.sign("1", data);
      await Promise.all([card.sign("1", data), card.sign("1", data)]);
      expect(shown.length).toBe(1);
      await card.sign("2", data);
      await card.sign("2", data);
      await card.transaction(() => card.sign("1", data));
    });
    expect(shown.length).toBe(3);
    // One for the tries, before the user was asked, is in it too.
    expect(connection.transactions).toBe(transactions + 1);
  });

  test("a call that is still under way when the function ends is done in the same transaction", async () => {
    const card = await open(one);
    await card.containers();
    const { transactions } = connection;
    let pending: Promise<unknown> = Promise.resolve();
    await card.transaction(() => {
      pending = card.pins().then(() => card.pins());
    });
    await pending;
    expect(connection.transactions).toBe(transactions + 2);
  });

  test("calls at the same time come one after the other, and one that waits can give up", async () => {
    const card = await open(one);
    const order: string[] = [];
    let release = (): void => undefined;
    const held = card.transaction(
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    await runtime.advance(1);
    const other = await open(one);
    const done = other.containers().then(() => order.push("other card"));
    await done;
    const joined = card.containers().then(() => order.push("joined"));
    await joined;
    release();
    await held;
    expect(order).toEqual(["other card", "joined"]);
  });
});

describe("which module", () => {
  const types = (name: string): ((atr: Uint8Array) => Promise<readonly CardType[]>) => {
    return async () => [
      {
        name: "Test",
        atrs: [],
        interfaces: [],
        primaryProvider: undefined,
        providers: { "card-module": name },
        description: "",
      },
    ];
  };
  const never: CardModule = { name: "never", open: async () => undefined };
  const other: CardModule = { ...module, name: "other", otherNames: [] };
  const opened = async (options: OpenCardOptions, name?: string): Promise<string> => {
    const cardTypes = name === undefined ? {} : { cardTypes: types(name) };
    return (await openCardOn(connection, options, { crypto, clock: runtime.clock, ...cardTypes })).module;
  };

  test("the caller's come first, in their order", async () => {
    expect(await opened({ modules: [never, other, module] })).toBe("other");
  });

  test("the one that the database names, by either name, in any case", async () => {
    expect(await opened({ modules: [other, module] }, "TEST")).toBe("test");
    expect(await opened({ modules: [other, module] }, "test.DLL")).toBe("test");
    expect(await opened({ modules: [other, module] }, "unknown.dll")).toBe("other");
  });

  describe("a card that tells its identifier", () => {
    const GUID = "00112233445566778899AABBCCDDEEFF";
    const foreign = "FF".repeat(16);
    const cardId = (...guids: readonly string[]): string => {
      const list = guids.map((guid) => `0410${guid}`).join("");
      const listed = (list.length / 2).toString(16).padStart(2, "0");
      const body = `02010016044D534654${`30${listed}`}${list}`;
      return `30${(body.length / 2).toString(16).padStart(2, "0")}${body}`;
    };
    const mine: CardModule = { ...module, name: "mine", identifiers: ["{00112233-4455-6677-8899-aabbccddeeff}"] };
    const answers = (told: Readonly<Record<string, string>>): void => {
      const plain = connection.transmit.bind(connection);
      connection.transmit = async (command) => {
        await plain(command);
        const answer = Object.entries(told).find(([start]) => encodeHex(command).startsWith(start))?.[1];
        return answer === undefined ? Uint8Array.of(0x6a, 0x82) : hexBytes(`${answer}9000`);
      };
    };

    test.each([
      [
        "of its Plug and Play application",
        { "00A404000AA0000003974349445F0100": "", "00CA7F68": cardId(GUID, foreign) },
      ],
      ["in its tag", { "00CA7F68": `7F68${(cardId(GUID).length / 2).toString(16)}${cardId(GUID)}` }],
      [
        "in EF.ATR",
        { "00A4000C": "", "00B00000": `4301007F68${(cardId(GUID).length / 2).toString(16)}${cardId(GUID)}` },
      ],
    ])("%s", async (_, told) => {
      const wanted: CardModule = { ...mine, open: async (host) => ({ ...(await pretend(host)) }) };
      answers(told as Record<string, string>);
      expect(await opened({ modules: [never, wanted] })).toBe("mine");
    });

    test("another one, a second one, or none: no module is opened for it, and the error tells it", async () => {
      const wanted: CardModule = { ...mine, open: async (host) => ({ ...(await pretend(host)) }) };
      answers({ "00CA7F68": cardId(foreign, GUID) });
      await expect(
        openCardOn(connection, { modules: [wanted] }, { crypto, clock: runtime.clock }),
      ).rejects.toMatchObject({
        code: "card-unsupported",
        message: expect.stringContaining(`tells the identifier ${foreign}, in "Desk"`),
      });
      answers({ "00CA7F68": "3004020100FF" });
      expect(await failure(opened({ modules: [wanted] }))).toBe("card-unsupported");
    });

    test("the database and the option name such a module all the same", async () => {
      const wanted: CardModule = { ...mine, open: async (host) => ({ ...(await pretend(host)) }) };
      answers({});
      expect(await opened({ modules: [wanted] }, "mine")).toBe("mine");
      expect(await opened({ modules: [wanted], module: "mine" })).toBe("mine");
    });
  });

  test("the one that the option names, and no other", async () => {
    expect(await opened({ modules: [other, module], module: "Test" })).toBe("test");
    expect(await failure(opened({ modules: [never, module], module: "never" }))).toBe("card-unsupported");
    expect(await failure(opened({ module: "unheard-of" }))).toBe("provider-not-found");
  });
});

describe("what does not fit", () => {
  test.each([
    ["a scheme of RSA", { scheme: "pss" }],
    ["a salt", { saltBytes: 20 }],
    ["a digest of another length", { isDigest: true }],
  ] as const)("%s", async (_, options) => {
    const card = await open(one);
    expect(await failure(card.sign("1", data, options))).toBe("invalid-value");
    expect(shown).toEqual([]);
  });

  test("no such key, another use, a closed card", async () => {
    const card = await open(one);
    await expect(card.sign("9", data)).rejects.toMatchObject({
      code: "no-key-container",
      message: expect.stringContaining('no key "9"; its keys: 1, 2'),
    });
    expect(await failure(card.decrypt("1", data))).toBe("unsupported-feature");
    expect(await failure(card.sign(5 as never, data))).toBe("invalid-parameter");
    expect(await failure(card.certificate("1"))).toBe("no-such-certificate");
    expect(await failure(card.unblock({ newPin: "1234", secret: "1234" }))).toBe("unsupported-feature");
    await card.close();
    await card.close();
    expect(await failure(card.sign("1", data))).toBe("invalid-handle");
    expect(await failure(card.verifyPin("1234"))).toBe("invalid-handle");
  });
});
