// SPDX-License-Identifier: MIT

// The bridge in memory: pages with the proxies of scard/bridge, a service, and the manager with virtual readers.

import { afterEach, describe, expect, it } from "vitest";
import { PageCalls } from "../../src/faces/bridge-server/calls.ts";
import { defaultBridgeLimits } from "../../src/faces/bridge-server/limits.ts";
import { SmartCardError } from "../../src/faces/web/index.ts";
import { SmartCardError as PcscError, type ResourceManager } from "../../src/port/index.ts";
import { closeCodes, decodeServiceMessage, encodePageMessage } from "../../src/wire/bridge/index.ts";
import { bridgeStage, ORIGIN, OTHER, type StageOptions } from "./stage.ts";

const bytes32 = new Uint8Array(32);
const greeting = () => encodePageMessage({ kind: "hello", version: 3, nonce: bytes32 });
const wrongPair = () => encodePageMessage({ kind: "pair", share: bytes32.slice().fill(9), proof: bytes32 });

let end: (() => Promise<void>) | undefined;
afterEach(async () => {
  await end?.();
  end = undefined;
});

type Stage = Awaited<ReturnType<typeof bridgeStage>>;

async function stageOf(options?: StageOptions): Promise<Stage> {
  const stage = await bridgeStage(options);
  end = () => stage.close();
  return stage;
}

async function failure(promise: Promise<unknown>): Promise<Error & { readonly responseCode?: string }> {
  return promise.then(
    () => {
      throw new Error("it succeeds");
    },
    (error) => error,
  );
}

const command = Uint8Array.of(0x00, 0xa4, 0x04, 0x00);

async function connected(stage: Stage, origin = ORIGIN) {
  const page = stage.page(origin);
  const context = await page.smartCard.establishContext();
  const [reader = ""] = await context.listReaders();
  const { connection } = await context.connect(reader, "shared", { preferredProtocols: ["t0", "t1"] });
  return { page, context, connection };
}

describe("a page uses a card through the bridge", () => {
  it("as it would with navigator.smartCard", async () => {
    const stage = await stageOf();
    const { smartCard } = stage.page();
    const context = await smartCard.establishContext();
    expect(await context.listReaders()).toEqual(["Reader A"]);
    const [state] = await context.getStatusChange([{ readerName: "Reader A", currentState: {} }]);
    expect(state).toMatchObject({ readerName: "Reader A", eventState: { present: true, changed: true } });
    expect([...new Uint8Array(state?.answerToReset ?? new ArrayBuffer())]).toEqual([...(stage.cards[0]?.atr ?? [])]);
    const { activeProtocol, connection } = await context.connect("Reader A", "shared", { preferredProtocols: ["t1"] });
    expect(activeProtocol).toBe("t1");
    const answer = await connection.transmit(command);
    expect(answer).toBeInstanceOf(ArrayBuffer);
    expect([...new Uint8Array(answer)]).toEqual([...command, 0x90, 0]);
    expect(await connection.transmit(command.buffer, { protocol: "t1" })).toEqual(answer);
    expect(await connection.status()).toMatchObject({ readerName: "Reader A", state: "t1" });
    expect((await connection.getAttribute(0x0009_0303)).byteLength).toBeGreaterThan(0);
    expect(await connection.disconnect("reset")).toBeUndefined();
    const error = await failure(connection.status());
    expect([error.name, error instanceof DOMException]).toEqual(["InvalidStateError", true]);
  });

  it("with the errors of the draft, and those of Web IDL", async () => {
    const stage = await stageOf();
    const { connection, context } = await connected(stage);
    const unknown = await failure(context.connect("no such reader", "shared", { preferredProtocols: ["t1"] }));
    expect(unknown).toBeInstanceOf(SmartCardError);
    expect(unknown.responseCode).toBe("unknown-reader");
    const pending = context.getStatusChange([{ readerName: "\\\\?PnP?\\Notification", currentState: {} }], {
      timeout: 50,
    });
    expect((await failure(connection.transmit(command))).name).toBe("InvalidStateError");
    const late = failure(pending);
    await stage.runtime.advance(60);
    expect((await late).name).toBe("UnknownError");
    for (const wrong of [
      () => context.connect("Reader A", "alone" as "shared"),
      () => connection.transmit("00A4" as unknown as ArrayBuffer),
      () => connection.transmit(command, { protocol: "t2" as "t1" }),
      () => connection.control(2 ** 32, command),
      () => connection.getAttribute(Symbol() as unknown as number),
      () => context.getStatusChange([{}] as never),
      () => context.getStatusChange([], { timeout: Number.NaN }),
      () => connection.startTransaction(undefined as never),
      () => connection.disconnect("burn" as "leave"),
    ]) {
      expect(await failure(wrong()), String(wrong)).toBeInstanceOf(TypeError);
    }
    await connection.transmit(command);
  });

  it("waits until its signal is aborted, and gets the signal's own reason", async () => {
    const stage = await stageOf();
    const { context } = await connected(stage);
    const reason = { why: "the user left" };
    const controller = new AbortController();
    const query = [{ readerName: "\\\\?PnP?\\Notification", currentState: {} }];
    const outcome = failure(context.getStatusChange(query, { signal: controller.signal }));
    await stage.runtime.settle();
    controller.abort(reason);
    expect(await outcome).toBe(reason);
    expect(await failure(context.getStatusChange(query, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await context.listReaders()).toEqual(["Reader A"]);
  });

  it("runs transactions: the disposition of its function, and what it is rejected with", async () => {
    const stage = await stageOf();
    const [card] = stage.cards;
    const { connection } = await connected(stage);
    const before = card?.resets ?? 0;
    await connection.startTransaction(async () => {
      await connection.transmit(command);
      return "leave";
    });
    expect(card?.resets).toBe(before);
    await connection.startTransaction(async () => "reset");
    expect(card?.resets).toBe(before + 1);
    const reason = new Error("the page's own");
    expect(await failure(connection.startTransaction(() => Promise.reject(reason)))).toBe(reason);
    expect(card?.resets).toBe(before + 2);
    expect(await failure(connection.startTransaction(async () => "burn" as "leave"))).toBeInstanceOf(TypeError);
    await connection.startTransaction(async () => undefined);
  });

  it("whose tab is closed in the middle of a transaction: the card is reset, and the lock is free", async () => {
    const stage = await stageOf({ origins: [ORIGIN, OTHER].map((origin) => ({ origin, pairings: [] })) });
    const [card] = stage.cards;
    const { connection, page } = await connected(stage);
    const { connection: other } = await connected(stage, OTHER);
    const begun = new Promise<void>((resolve) => {
      void connection
        .startTransaction(() => {
          resolve();
          return new Promise(() => undefined);
        })
        .catch(() => undefined);
    });
    await begun;
    const waiting = other.startTransaction(async () => "leave");
    const before = card?.resets ?? 0;
    await page.closeTab();
    expect((await failure(waiting)).responseCode).toBe("reset-card");
    expect(card?.resets).toBe(before + 1);
    expect(stage.service.size).toBe(1);
  });

  it("whose tab is closed without a transaction: the card is left as it is", async () => {
    const stage = await stageOf();
    const { page } = await connected(stage);
    const before = stage.cards[0]?.resets;
    await page.closeTab();
    expect([stage.cards[0]?.resets, stage.service.size]).toEqual([before, 0]);
  });

  it("connects and disconnects as often as it likes", async () => {
    const stage = await stageOf({ limits: { maxConnections: 2 } });
    const { connection, context } = await connected(stage);
    for (let round = 0; round < 5; round++) {
      const { connection: next } = await context.connect("Reader A", "shared", { preferredProtocols: ["t1"] });
      await next.disconnect();
    }
    await connection.transmit(command);
  });

  it("whose tab is closed while a command is under way, that never ends: its context is released all the same", async () => {
    const stage = await stageOf();
    const { connection, page } = await connected(stage);
    const lost = connection.transmit(Uint8Array.of(0, 0xee, 0, 0)).catch(() => undefined);
    await stage.runtime.settle();
    const closing = page.closeTab();
    await stage.runtime.advance(60_000);
    await closing;
    expect(stage.service.size).toBe(0);
    void lost;
  });

  it("and has no more contexts, connections and calls than it may", async () => {
    const stage = await stageOf({ limits: { maxContexts: 2, maxConnections: 1, maxCalls: 3 } });
    const { context, page } = await connected(stage);
    await page.smartCard.establishContext();
    expect((await failure(page.smartCard.establishContext())).responseCode).toBe("server-too-busy");
    expect((await failure(context.connect("Reader A", "shared", { preferredProtocols: ["t1"] }))).responseCode).toBe(
      "server-too-busy",
    );
    const calls = await Promise.allSettled(Array.from({ length: 6 }, () => context.listReaders()));
    const codes = calls.map((call) =>
      call.status === "rejected" ? (call.reason.responseCode ?? call.reason.name) : "ok",
    );
    expect(codes[0]).toBe("ok");
    expect(
      codes.filter((code) => code === "ok" || code === "InvalidStateError" || code === "server-too-busy"),
    ).toHaveLength(6);
  });
});

describe("pairing", () => {
  it("is done once for each browser: the secret is kept, and the service knows what it can be checked with", async () => {
    const stage = await stageOf();
    const page = stage.page();
    await page.smartCard.establishContext();
    expect(stage.notices.map(({ kind }) => kind)).toEqual(["pairing-code", "paired"]);
    const token = page.token();
    expect(token).toHaveLength(32);
    const [kept] = stage.origins.list;
    expect(kept?.pairings).toEqual([
      {
        id: expect.stringMatching(/^[0-9A-F]{32}$/),
        stored: expect.stringMatching(/^[0-9A-F]{64}$/),
        service: expect.stringMatching(/^[0-9A-F]{64}$/),
      },
    ]);
    const again = stage.page(ORIGIN, { token: token ?? new Uint8Array(), code: () => "no code is asked for" });
    await again.smartCard.establishContext();
    stage.restart();
    await stage.page(ORIGIN, { token: token ?? new Uint8Array() }).smartCard.establishContext();
    expect(stage.notices).toHaveLength(2);
  });

  it("fails for a wrong code, and every code ends after three tries", async () => {
    const stage = await stageOf();
    let asked = 0;
    const page = stage.page(ORIGIN, {
      code: () => {
        asked++;
        return "0000 0000";
      },
    });
    expect((await failure(page.smartCard.establishContext())).name).toBe("NotAllowedError");
    expect(asked).toBe(3);
    // The right code is used up, too.
    const late = stage.page();
    const error = await failure(late.smartCard.establishContext());
    expect([error.name, error.message]).toEqual(["NotAllowedError", expect.stringContaining("no other one for 30 s")]);
    expect(stage.notices.filter(({ kind }) => kind === "pairing-code")).toHaveLength(1);
    await stage.runtime.advance(30_000);
    await stage.page().smartCard.establishContext();
  });

  it("takes a code once: one that is sent again is refused", async () => {
    const stage = await stageOf();
    await stage.page().smartCard.establishContext();
    const used = stage.code();
    const replay = stage.page(ORIGIN, { code: () => used });
    expect((await failure(replay.smartCard.establishContext())).name).toBe("NotAllowedError");
  });

  it("lets a page try some dozens of codes a day, whatever it does", async () => {
    const stage = await stageOf();
    const dayMs = 86_400_000;
    let tried = 0;
    while (stage.runtime.clock.now() < dayMs) {
      const before = tried;
      const page = stage.page(ORIGIN, {
        code: () => {
          tried++;
          return "99999999";
        },
      });
      await failure(page.smartCard.establishContext());
      if (tried === before) await stage.runtime.advance(10_000);
    }
    expect(tried).toBeGreaterThan(30);
    expect(tried).toBeLessThan(120);
  });

  it.each([1, 2, 3])("and as few where it tries %i times and lets the code expire", async (triesOfCode) => {
    const stage = await stageOf();
    const dayMs = 86_400_000;
    let tried = 0;
    while (stage.runtime.clock.now() < dayMs) {
      const { link, session } = stage.raw();
      session.received(greeting());
      if (link.end === undefined) {
        for (let n = 0; n < triesOfCode && link.end === undefined; n++) {
          tried++;
          session.received(wrongPair());
        }
      }
      await stage.runtime.advance(300_001);
      await session.closed();
    }
    expect(tried).toBeGreaterThan(30);
    expect(tried).toBeLessThan(120);
  });

  it("a code ends after five minutes, and a page that sends none is sent away", async () => {
    const stage = await stageOf();
    const { link, session } = stage.raw();
    session.received(greeting());
    const code = stage.code();
    await stage.runtime.advance(300_000);
    expect(link.end?.code).toBe(closeCodes.notPaired);
    const page = stage.page(ORIGIN, { code: () => code });
    expect((await failure(page.smartCard.establishContext())).name).toBe("NotAllowedError");
    const { link: silent } = stage.raw();
    await stage.runtime.advance(10_000);
    expect(silent.end?.code).toBe(closeCodes.malformed);
  });

  it("is revoked: the page is sent away at once, and has to be paired anew", async () => {
    const stage = await stageOf();
    const { context, page } = await connected(stage);
    stage.origins.list = [{ origin: ORIGIN, pairings: [] }];
    const waiting = failure(context.getStatusChange([{ readerName: "\\\\?PnP?\\Notification", currentState: {} }]));
    await stage.runtime.settle();
    stage.service.originsChanged();
    expect((await waiting).responseCode).toBe("no-service");
    expect((await failure(context.listReaders())).message).toContain("revoked");
    await page.smartCard.establishContext();
    expect(stage.notices.filter(({ kind }) => kind === "pairing-code")).toHaveLength(2);
  });
});

describe("origins", () => {
  it("that are not listed are refused, and told to the user once", async () => {
    const stage = await stageOf();
    const error = await failure(stage.page("https://evil.example").smartCard.establishContext());
    expect([error instanceof SmartCardError, error.responseCode]).toEqual([true, "no-service"]);
    stage.service.refusal("https://evil.example");
    expect(stage.service.refusal(undefined)?.status).toBe(403);
    expect(stage.service.refusal("null")?.status).toBe(403);
    expect(stage.notices.filter(({ kind, origin }) => kind === "refused" && origin.includes("evil"))).toHaveLength(1);
  });

  it("see the readers that they were given, and no others", async () => {
    const stage = await stageOf({
      readers: ["Reader A", "Reader B", "Other 1", "Other 2"],
      origins: [
        { origin: ORIGIN, readers: ["Reader A"], pairings: [] },
        { origin: OTHER, readers: ["Other*"], pairings: [] },
        { origin: "https://rest.example", pairings: [] },
      ],
    });
    const [own, other, rest] = await Promise.all(
      [ORIGIN, OTHER, "https://rest.example"].map((origin) =>
        stage.page(origin, { code: () => codeFor(stage, origin) }).smartCard.establishContext(),
      ),
    );
    expect(await own?.listReaders()).toEqual(["Reader A"]);
    expect(await other?.listReaders()).toEqual(["Other 1", "Other 2"]);
    expect(await rest?.listReaders()).toEqual(["Reader B"]);
    // As for a reader that is not there, in every call, and in every word of the answer.
    const hidden = await failure(
      own?.connect("Other 1", "shared", { preferredProtocols: ["t1"] }) ?? Promise.resolve(),
    );
    const absent = await failure(
      own?.connect("Nothing", "shared", { preferredProtocols: ["t1"] }) ?? Promise.resolve(),
    );
    expect([hidden.responseCode, hidden.message]).toEqual(["unknown-reader", absent.message]);
    const asked = await failure(
      own?.getStatusChange([{ readerName: "Other 1", currentState: {} }]) ?? Promise.resolve(),
    );
    expect(asked.responseCode).toBe("unknown-reader");
  });

  it.each([
    ["VIRTUAL READER", "Virtual Reader", "Virtual Reader"],
    ["v\u0131rtual reader", "Virtual Reader", "Virtual Reader"],
    ["Virtual Reader", "v\u0131rtual reader", "VIRTUAL READER"],
    ["VIRTUAL READER", "virt*", "Virtual Reader"],
    ["Virtual Reader\0x", "Virtual Reader", "Virtual Reader"],
  ])("cannot reach a reader of others as %j, which was granted as %j", async (asked, granted, name) => {
    const stage = await stageOf({
      readers: [name, "Free"],
      origins: [
        { origin: ORIGIN, readers: [granted], pairings: [] },
        { origin: OTHER, pairings: [] },
      ],
    });
    const code = (origin: string) => ({ code: () => codeFor(stage, origin) });
    const own = await stage.page(ORIGIN, code(ORIGIN)).smartCard.establishContext();
    expect(await own.listReaders()).toEqual([name]);
    const other = await stage.page(OTHER, code(OTHER)).smartCard.establishContext();
    expect(await other.listReaders()).toEqual(["Free"]);
    const absent = await failure(other.connect("Nothing", "shared", { preferredProtocols: ["t1"] }));
    const hidden = await failure(other.connect(asked, "shared", { preferredProtocols: ["t1"] }));
    expect([hidden.name, hidden.message]).toEqual([absent.name, absent.message]);
    await failure(other.getStatusChange([{ readerName: asked, currentState: {} }]));
  });

  it("do not get the readers of an origin that was revoked, or that has others now", async () => {
    const stage = await stageOf({ readers: ["Desk", "Free"], origins: [{ origin: OTHER, pairings: [] }] });
    stage.origins.withheldNames = ["DESK"];
    const page = stage.page(OTHER);
    expect(await (await page.smartCard.establishContext()).listReaders()).toEqual(["Free"]);
    stage.origins.withheldNames = [];
    stage.service.originsChanged();
    await stage.runtime.settle();
    expect(await (await page.smartCard.establishContext()).listReaders()).toEqual(["Desk", "Free"]);
  });

  it("let no page in while their list is in doubt, and pages that are in go on", async () => {
    const stage = await stageOf();
    const page = stage.page();
    const context = await page.smartCard.establishContext();
    stage.origins.sure = false;
    expect(stage.service.refusal(ORIGIN)).toMatchObject({ status: 503 });
    const { link } = stage.rawPaired(page.token());
    expect(link.end?.code).toBe(closeCodes.tooMany);
    expect(await context.listReaders()).toEqual(["Reader A"]);
  });

  it("wait for as long as it takes, as the service says that it is there", async () => {
    const stage = await stageOf();
    const { context } = await connected(stage);
    const [now] = await context.getStatusChange([{ readerName: "Reader A", currentState: {} }], { timeout: 0 });
    const currentState = { ...now?.eventState, changed: undefined };
    const known = { readerName: "Reader A", currentState, currentCount: now?.eventCount ?? 0 };
    const waiting = context.getStatusChange([known]);
    await stage.runtime.advance(600_000);
    stage.readers[0]?.remove();
    await stage.runtime.settle();
    expect(await waiting).toMatchObject([{ eventState: { empty: true } }]);
  });

  it("are not woken by readers of others", async () => {
    const stage = await stageOf({
      origins: [
        { origin: ORIGIN, readers: ["Reader*"], pairings: [] },
        { origin: OTHER, pairings: [] },
      ],
    });
    const { context } = await connected(stage);
    let woken = false;
    const query = [{ readerName: "\\\\?PnP?\\Notification", currentState: {} }];
    const waiting = context.getStatusChange(query).then((states) => {
      woken = true;
      return states;
    });
    await stage.runtime.settle();
    await stage.addReader("Other", stage.cards[0] as never);
    await stage.runtime.advance(100);
    expect(woken).toBe(false);
    await stage.addReader("Reader Z", stage.cards[0] as never);
    const [state] = await waiting;
    expect(state?.eventState.changed).toBe(true);
    expect(await context.listReaders()).toEqual(["Reader A", "Reader Z"]);
    const count = state?.eventCount ?? 0;
    const limited = failure(
      context.getStatusChange([{ ...(query[0] as (typeof query)[0]), currentCount: count }], { timeout: 100 }),
    );
    await stage.addReader("Other 2", stage.cards[0] as never);
    await stage.runtime.advance(200);
    expect((await limited).name).toBe("UnknownError");
    const stale = await context.getStatusChange([{ ...(query[0] as (typeof query)[0]), currentCount: count + 7 }]);
    expect(stale[0]).toMatchObject({ eventState: { changed: true }, eventCount: count });
  });

  it("learn nothing of who has a card", async () => {
    const stage = await stageOf({ origins: [ORIGIN, OTHER].map((origin) => ({ origin, pairings: [] })) });
    const { connection } = await connected(stage);
    await connection.disconnect();
    const alone = await stage.manager.client({ name: "secret program", pid: 4711 }).establishContext();
    await alone.connect("Reader A", { shareMode: "exclusive", preferredProtocols: ["t1"] });
    const page = stage.page(OTHER);
    const context = await page.smartCard.establishContext();
    const error = await failure(context.connect("Reader A", "shared", { preferredProtocols: ["t1"] }));
    expect([error.responseCode, error.message]).toEqual([
      "sharing-violation",
      expect.stringContaining("SCARD_E_SHARING_VIOLATION"),
    ]);
    expect(JSON.stringify([error.message, { ...error }])).not.toMatch(/secret program|4711/);
  });
});

function codeFor(stage: Stage, origin: string): string {
  const shown = stage.notices.findLast((notice) => notice.kind === "pairing-code" && notice.origin === origin);
  return shown?.kind === "pairing-code" ? shown.code : "";
}

describe("the messages of a page", () => {
  const hello = greeting();

  it.each([
    ["malformed bytes", [Uint8Array.of(0xff)]],
    ["a question whether it is there before the page is let in", [encodePageMessage({ kind: "ping" })]],
    ["a call before the pairing", [encodePageMessage({ kind: "establishContext", id: 1 })]],
    ["a call during the pairing", [hello, encodePageMessage({ kind: "establishContext", id: 1 })]],
    ["two greetings", [hello, hello]],
    ["a code that was not asked for", [wrongPair()]],
  ])("end the connection: %s", async (_, messages) => {
    const stage = await stageOf();
    const { link, session } = stage.raw();
    for (const message of messages) session.received(message.slice());
    await stage.runtime.settle();
    expect(link.end?.code).toBe(closeCodes.malformed);
    await session.closed();
    expect(stage.service.size).toBe(0);
  });

  it("of another version are refused with both versions", async () => {
    const stage = await stageOf();
    const { link, session } = stage.raw();
    session.received(Uint8Array.of(1, 9, 0));
    expect(link.end).toEqual({ code: closeCodes.version, reason: expect.stringMatching(/9.*3/) });
  });

  it("that misuse the numbers of calls, contexts and transactions end the connection, or fail", async () => {
    const stage = await stageOf();
    const page = stage.page();
    await page.smartCard.establishContext();
    const { link, session } = stage.rawPaired(page.token());
    session.received(encodePageMessage({ kind: "listReaders", id: 1, context: 99 }));
    session.received(encodePageMessage({ kind: "abort", id: 77 }));
    session.received(encodePageMessage({ kind: "releaseContext", context: 77 }));
    await stage.runtime.settle();
    const answers = link.sent.map((sent) => decodeServiceMessage(sent));
    expect(answers.at(-1)).toMatchObject({
      ok: true,
      value: { kind: "failed", id: 1, error: "DOMException", name: "InvalidStateError" },
    });
    expect(link.end).toBeUndefined();
    session.received(encodePageMessage({ kind: "endTransaction", id: 5, outcome: "null" }));
    expect(link.end?.code).toBe(closeCodes.malformed);
  });

  it("are not read while a page does not read its answers", async () => {
    const stage = await stageOf({ limits: { maxWaitingBytes: 100 } });
    const { link, session } = stage.raw();
    link.waitingBytes = 101;
    session.received(hello.slice());
    expect(link.isPaused).toBe(true);
    link.waitingBytes = 0;
    session.drained();
    expect(link.isPaused).toBe(false);
  });
});

describe("the bridge", () => {
  it("is started anew: calls end with no-service, and the next context works without a code", async () => {
    const stage = await stageOf();
    const { connection, context, page } = await connected(stage);
    const lost = failure(context.getStatusChange([{ readerName: "\\\\?PnP?\\Notification", currentState: {} }]));
    await stage.runtime.settle();
    await stage.service.close();
    expect((await lost).responseCode).toBe("no-service");
    expect((await failure(connection.transmit(command))).responseCode).toBe("no-service");
    expect((await failure(page.smartCard.establishContext())).responseCode).toBe("no-service");
    stage.restart();
    const again = await page.smartCard.establishContext();
    expect(await again.listReaders()).toEqual(["Reader A"]);
    expect(stage.notices.filter(({ kind }) => kind === "pairing-code")).toHaveLength(1);
  });

  it("takes no more connections than it may", async () => {
    const stage = await stageOf({ limits: { maxSockets: 3, maxSocketsOfOrigin: 2 } });
    const page = stage.page();
    await page.smartCard.establishContext();
    const second = stage.rawPaired(page.token());
    expect(stage.service.refusal(ORIGIN)).toMatchObject({ status: 503 });
    const third = stage.rawPaired(page.token());
    expect(third.link.end?.code).toBe(closeCodes.tooMany);
    await second.session.closed();
    expect(stage.service.refusal(ORIGIN)).toBeUndefined();
  });

  it("has places for paired pages, whatever connections that are not paired do", async () => {
    const stage = await stageOf();
    const page = stage.page();
    await page.smartCard.establishContext();
    const unpaired = Array.from({ length: 40 }, () => {
      const raw = stage.raw();
      raw.session.received(greeting());
      return raw;
    });
    // The newest wait: a page that comes now is not kept out by those that came before.
    expect(unpaired.map(({ link }) => link.end?.code)).toEqual([
      ...Array.from({ length: 36 }, () => closeCodes.tooMany),
      ...Array.from({ length: 4 }, () => undefined),
    ]);
    const silent = Array.from({ length: 40 }, () => stage.raw());
    expect(silent.map(({ link }) => link.end?.code)).toEqual([
      ...Array.from({ length: 24 }, () => closeCodes.tooMany),
      ...Array.from({ length: 16 }, () => undefined),
    ]);
    await stage.runtime.settle();
    expect(stage.service.size).toBe(21);
    await stage.page(ORIGIN, { token: page.token() ?? new Uint8Array() }).smartCard.establishContext();
  });

  it("sends a page away whose pairing is forgotten for a new one", async () => {
    const stage = await stageOf();
    const { context } = await connected(stage);
    stage.origins.mostPairings = 1;
    await stage.page().smartCard.establishContext();
    expect((await failure(context.listReaders())).message).toContain("revoked");
  });

  it("tells that a pairing cannot be kept", async () => {
    const stage = await stageOf();
    stage.origins.remember = () => Promise.reject(new Error("the disk is full"));
    expect(await failure(stage.page().smartCard.establishContext())).toBeInstanceOf(SmartCardError);
    expect(stage.notices).toContainEqual({ kind: "not-kept", origin: ORIGIN, reason: "the disk is full" });
  });
});

describe("what managers throw", () => {
  const secret = "card 4711 of another program";
  const manager = (failure: () => unknown): ResourceManager => ({ establishContext: () => Promise.reject(failure()) });

  it.each<readonly [string, () => unknown, string, string]>([
    ["an error of the system", () => new Error(secret), "UnknownError", "the call has failed"],
    ["a TypeError", () => new TypeError(secret), "TypeError", "the call has failed"],
    ["a DOMException", () => new DOMException(secret, "AbortError"), "AbortError", "the call has failed"],
    ["no error", () => secret, "UnknownError", "the call has failed"],
    [
      "an error of PC/SC",
      () => new PcscError("no-service", secret),
      "SmartCardError",
      "the call has failed with SCARD_E_NO_SERVICE",
    ],
    [
      "an error of PC/SC that is a TypeError here",
      () => new PcscError("invalid-parameter", secret),
      "TypeError",
      "the call has failed with SCARD_E_INVALID_PARAMETER",
    ],
  ])("reaches a page without its words: %s", async (_, thrown, name, message) => {
    const stage = await stageOf({ manager: manager(thrown) });
    const error = await failure(stage.page().smartCard.establishContext());
    expect([error.name, error.message]).toEqual([name, message]);
  });
});

it("clears what a page sends for a card or a reader, also where it is refused", async () => {
  const seen: Uint8Array[] = [];
  const calls = new PageCalls({
    manager: { establishContext: () => Promise.reject(new Error("none")) },
    limits: { ...defaultBridgeLimits, maxCalls: 3 },
    send: () => undefined,
  });
  const pin = (): Uint8Array => {
    const bytes = Uint8Array.of(0x31, 0x32, 0x33);
    seen.push(bytes);
    return bytes;
  };
  calls.take({ kind: "transmit", id: 1, connection: 1, sendBuffer: pin() });
  calls.take({ kind: "control", id: 2, connection: 1, controlCode: 1, data: pin() });
  calls.take({ kind: "setAttribute", id: 3, connection: 1, tag: 1, value: pin() });
  calls.take({ kind: "transmit", id: 4, connection: 1, sendBuffer: pin() });
  expect(seen.map((bytes) => [...bytes])).toEqual(seen.map(() => [0, 0, 0]));
  await calls.end();
});
