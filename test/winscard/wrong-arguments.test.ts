// SPDX-License-Identifier: MIT

// Every function of winscard.h with null, nothing, and values of other kinds in the place of each argument. What C's compiler
// would refuse is refused here by a SmartCardError, and nothing is left behind.

import { describe, expect, it } from "vitest";
import { demoCard, VirtualReader } from "../../src/entry/cards.ts";
import * as winscard from "../../src/faces/winscard/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";

const UUID = "{00112233-4455-6677-8899-AABBCCDDEEFF}";
const atr = Uint8Array.of(0x3b, 0x00);
const select = Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00);
const states = [{ reader: "Desk", currentState: 0 }];
const criteria = { shareMode: 2, preferredProtocols: 3 };

type Kind =
  | "handle"
  | "maybe-handle"
  | "number"
  | "text"
  | "maybe-text"
  | "bytes"
  | "maybe-bytes"
  | "other"
  | "options";

/** A call that succeeds, or fails for a reason of its own, and what each of its arguments is. */
type Row = readonly (readonly [value: unknown, kind: Kind])[];

const context = ["context", "handle"] as const;
const maybeContext = ["context", "maybe-handle"] as const;
const card = ["card", "handle"] as const;
const options = [undefined, "options"] as const;
const desk = ["Desk", "text"] as const;
const name = ["Name", "text"] as const;

const rows: Readonly<Record<string, Row>> = {
  SCardEstablishContext: [[0, "number"], options],
  SCardReleaseContext: [context],
  SCardIsValidContext: [context],
  SCardListReaders: [maybeContext, [null, "maybe-text"]],
  SCardListReaderGroups: [maybeContext],
  SCardGetStatusChange: [context, [0, "number"], [states, "other"], options],
  SCardCancel: [context],
  SCardConnect: [context, desk, [2, "number"], [3, "number"], options],
  SCardReconnect: [card, [2, "number"], [3, "number"], [0, "number"], options],
  SCardDisconnect: [card, [0, "number"]],
  SCardBeginTransaction: [card, options],
  SCardCancelTransaction: [card],
  SCardEndTransaction: [card, [0, "number"]],
  SCardStatus: [card, options],
  SCardState: [card, options],
  SCardTransmit: [card, [winscard.SCARD_PCI_T1, "other"], [select, "bytes"], options],
  SCardControl: [card, [winscard.CM_IOCTL_GET_FEATURE_REQUEST, "number"], [null, "maybe-bytes"], options],
  SCardGetAttrib: [card, [winscard.SCARD_ATTR_ATR_STRING, "number"], options],
  SCardSetAttrib: [card, [winscard.SCARD_ATTR_SUPRESS_T1_IFS_REQUEST, "number"], [atr, "bytes"], options],
  SCardGetTransmitCount: [card],
  SCardIntroduceCardType: [
    context,
    name,
    [UUID, "maybe-text"],
    [[UUID], "other"],
    [atr, "maybe-bytes"],
    [atr, "maybe-bytes"],
  ],
  SCardForgetCardType: [context, name],
  SCardSetCardTypeProviderName: [maybeContext, name, [2, "number"], name],
  SCardGetCardTypeProviderName: [maybeContext, name, [2, "number"]],
  SCardGetProviderId: [context, name],
  SCardListInterfaces: [maybeContext, name],
  SCardListCards: [maybeContext, [atr, "maybe-bytes"], [[UUID], "other"]],
  SCardIntroduceReader: [context, name, desk],
  SCardForgetReader: [context, desk],
  SCardIntroduceReaderGroup: [maybeContext, name],
  SCardForgetReaderGroup: [context, name],
  SCardAddReaderToGroup: [context, desk, name],
  SCardRemoveReaderFromGroup: [context, desk, name],
  SCardLocateCards: [context, name, [states, "other"]],
  SCardLocateCardsByATR: [context, [[{ atr }], "other"], [states, "other"]],
  SCardReadCache: [context, [UUID, "text"], [1, "number"], name],
  SCardWriteCache: [context, [UUID, "text"], [1, "number"], name, [atr, "bytes"]],
  SCardGetDeviceTypeId: [context, desk],
  SCardGetReaderDeviceInstanceId: [context, desk],
  SCardListReadersWithDeviceInstanceId: [context, name],
  SCardGetReaderIcon: [context, desk],
  SCardAccessStartedEvent: [],
  SCardReleaseStartedEvent: [],
  SCardAudit: [context, [0, "number"], options],
  SCardFreeMemory: [],
  SCardUIDlgSelectCard: [[{ context: "context", flags: winscard.SC_DLG_NO_UI }, "other"], options],
  GetOpenCardName: [[{ context: "context", flags: winscard.SC_DLG_NO_UI }, "other"], options],
};

/** A list that cannot even be asked whether it is one. */
function revokedList(): unknown {
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  return proxy;
}
const revoked = revokedList();

/** Invalid values for a type, without undefined for optional arguments. */
const wrong: Readonly<Record<Kind, readonly unknown[]>> = {
  handle: [null, undefined, "1", {}, [], true, 1.5, -1, Number.NaN, 7, 2 ** 40, Symbol("s"), 3n],
  "maybe-handle": [undefined, "1", {}, [], true, 1.5, -1, Number.NaN, 7, 3n],
  number: [null, undefined, "2", {}, [], true, 3n, Symbol("s"), () => 2],
  text: [null, undefined, 5, {}, [], true, 3n, Symbol("s"), () => "Desk", revoked],
  "maybe-text": [5, {}, true, 3n, Symbol("s"), [5], [null], revoked],
  bytes: [
    null,
    undefined,
    "00A4",
    5,
    {},
    [0, 0xa4],
    true,
    { length: 5 },
    new Uint16Array(4),
    new DataView(new ArrayBuffer(5)),
    revoked,
  ],
  "maybe-bytes": ["00A4", 5, {}, [0, 0xa4], true, { length: 5 }, new Uint16Array(4), new ArrayBuffer(4)],
  other: [
    undefined,
    5,
    "text",
    true,
    {},
    [null],
    [undefined],
    [5],
    [{}],
    [{ reader: null, currentState: 0 }],
    3n,
    revoked,
  ],
  options: [
    null,
    5,
    "text",
    true,
    [],
    revoked,
    { timeout: 10 },
    { signal: 5 },
    { signal: null },
    { sginal: undefined, timeoutMs: "1" },
  ],
};

const codes = ["invalid-parameter", "invalid-handle", "invalid-context", "invalid-value", "invalid-atr"];

interface World {
  readonly api: winscard.WinSCard;
  readonly manager: EmbeddedManager;
  readonly runtime: SimulatedRuntime;
  readonly context: winscard.SCARDCONTEXT;
  readonly card: winscard.SCARDHANDLE;
}

async function world(): Promise<World> {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const manager = new EmbeddedManager({ runtime });
  const reader = new VirtualReader({ name: "Desk", clock: runtime.clock });
  await manager.addReader(reader);
  reader.insert(demoCard(runtime.random));
  await runtime.settle();
  const api = new winscard.WinSCard({ defaultManager: () => manager, clock: runtime.clock, random: runtime.random });
  const opened = await api.SCardEstablishContext(0);
  const connected = await api.SCardConnect(opened.context, "Desk", 2, 3);
  return { api, manager, runtime, context: opened.context, card: connected.card };
}

/** What a call comes to, without waiting for it: what it throws, resolves to, or that it waits. */
async function outcomeOf({ api, runtime }: World, name: string, given: readonly unknown[]): Promise<unknown> {
  const run = (api as unknown as Readonly<Record<string, (...given: readonly unknown[]) => Promise<unknown>>>)[name];
  if (run === undefined) throw new Error(`there is no ${name}`);
  let outcome: unknown = "waits";
  run(...given).then(
    (value) => {
      outcome = { value };
    },
    (error: unknown) => {
      outcome = error;
    },
  );
  await runtime.settle();
  await runtime.settle();
  return outcome;
}

function shown(value: unknown): string {
  if (value === revoked) return "a revoked list";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

describe("wrong arguments", () => {
  it("are tried with every function that there is", async () => {
    const { api } = await world();
    const functions = Object.entries(api).filter(([, value]) => typeof value === "function");
    expect(Object.keys(rows).sort()).toEqual(functions.map(([key]) => key).sort());
  });

  it.each(Object.entries(rows).filter(([, row]) => row.length > 0))(
    "%s refuses each of them by a SmartCardError, and leaves nothing behind",
    async (name, row) => {
      const scene = await world();
      const real = (value: unknown): unknown => {
        if (value === "context") return scene.context;
        if (value === "card") return scene.card;
        const dialog = typeof value === "object" && value !== null && "context" in value;
        return dialog ? { ...value, context: scene.context } : value;
      };
      const open = scene.api.openHandles;
      for (const [index, [, kind]] of row.entries()) {
        for (const bad of wrong[kind]) {
          const given = row.map(([value], at) => (at === index ? bad : real(value)));
          const outcome = await outcomeOf(scene, name, given);
          const at = `${name}, argument ${index + 1}: ${shown(bad)}`;
          const mayBeLeftOut = bad === undefined && kind === "other" && name === "SCardListCards";
          if (mayBeLeftOut) continue;
          expect([at, outcome instanceof SmartCardError ? outcome.code : outcome]).toEqual([at, expect.any(String)]);
          const { code, message } = outcome as SmartCardError;
          expect([at, codes.includes(code)]).toEqual([at, true]);
          if (kind !== "handle" && kind !== "maybe-handle" && typeof bad === "string" && bad.length > 1) {
            expect(message).not.toContain("00A4");
          }
        }
        // With an argument too few it is as with undefined.
        const short = row.slice(0, index).map(([value]) => real(value));
        if (kind === "options" || kind.startsWith("maybe") || name === "SCardListCards") continue;
        expect([name, index, await outcomeOf(scene, name, short)]).toEqual([name, index, expect.any(SmartCardError)]);
      }
      expect(scene.api.openHandles).toEqual(open);
      expect((await scene.manager.inspect()).clients).toMatchObject([{ contexts: 1, statusWaits: 0 }]);
      expect((await scene.manager.inspect()).readers[0]?.lock).toBeUndefined();
      // Card and context are what they were.
      expect((await scene.api.SCardStatus(scene.card)).readerNames).toEqual(["Desk"]);
      expect((await scene.api.SCardListReaders(scene.context)).readers).toEqual(["Desk"]);
    },
  );

  it("come after a service that has stopped: every function that needs it says so", async () => {
    const outcomes: Record<string, unknown> = {};
    for (const [name, row] of Object.entries(rows)) {
      const isOfService = row.some(([value]) => value === "context" || value === "card");
      if (!isOfService) continue;
      const scene = await world();
      await scene.manager.close();
      const given = row.map(([value]) => (value === "context" ? scene.context : value === "card" ? scene.card : value));
      const outcome = await outcomeOf(scene, name, given);
      outcomes[name] = outcome instanceof SmartCardError ? outcome.code : outcome;
    }
    // These ask the database alone, which is not the service's; this one answers the question itself.
    const withoutService = new Set([
      "SCardIntroduceCardType",
      "SCardForgetCardType",
      "SCardSetCardTypeProviderName",
      "SCardGetCardTypeProviderName",
      "SCardGetProviderId",
      "SCardListInterfaces",
      "SCardListCards",
      "SCardIntroduceReaderGroup",
      "SCardLocateCards",
      "SCardAudit",
      "SCardIsValidContext",
    ]);
    const needing = Object.entries(outcomes).filter(([name]) => !withoutService.has(name));
    expect(needing.length).toBeGreaterThan(28);
    expect(needing).toEqual(needing.map(([name]) => [name, "service-stopped"]));
  });

  it.each([
    [{ context: "context", title: 5 }],
    [{ context: "context", searchDesc: {} }],
    [{ context: "context", flags: "2" }],
    [{ context: "context", falgs: 2 }],
    [{ context: "context", connect: 5 }],
    [{ context: "context", shareMode: "shared" }],
    [{ context: "context", searchCriteria: 5 }],
    [{ context: "context", searchCriteria: { cardNames: 5 } }],
    [{ context: "context", searchCriteria: { cardNames: [null] } }],
    [{ context: "context", searchCriteria: { interfaces: UUID } }],
    [{ context: "context", searchCriteria: { atrMasks: [{ atr: "3B00" }] } }],
    [{ context: "context", searchCriteria: { ...criteria, check: true } }],
    [{ context: null }],
    [{}],
  ])("SCardUIDlgSelectCard refuses %j", async (dialog) => {
    const scene = await world();
    const given = "context" in dialog && dialog.context === "context" ? { ...dialog, context: scene.context } : dialog;
    const outcome = await outcomeOf(scene, "SCardUIDlgSelectCard", [given]);
    expect(outcome).toBeInstanceOf(SmartCardError);
    expect(["invalid-parameter", "invalid-context"]).toContain((outcome as SmartCardError).code);
  });

  it("say what came and what should be there", async () => {
    const { api, context, card } = await world();
    const message = (promise: Promise<unknown>): Promise<string> => promise.then(String, (error) => error.message);
    expect(await message(api.SCardConnect(context, undefined as never, 2, 3))).toBe(
      "SCARD_E_INVALID_PARAMETER: SCardConnect: reader is undefined; give a string",
    );
    expect(await message(api.SCardTransmit(card, null, "00A40000" as never))).toMatch(
      /^SCARD_E_INVALID_PARAMETER: SCardTransmit: command is a string; give a Uint8Array: decodeHex\(\)/,
    );
    expect(await message(api.SCardStatus(card, { timeout: 5 } as never))).toMatch(/Did you mean timeoutMs\?/);
  });

  it("a handle of another kind is not repeated, nor asked for a text of itself", async () => {
    const scene = await world();
    const verify = Uint8Array.of(0x00, 0x20, 0x00, 0x80, 0x04, 0x31, 0x32, 0x33, 0x34);
    const fails = (): never => {
      throw new Error("own");
    };
    for (const given of [
      verify,
      "002000800431323334",
      Object.create(null),
      { toString: fails },
      new Proxy({}, { get: fails }),
    ]) {
      for (const name of ["SCardStatus", "SCardBeginTransaction", "SCardIsValidContext", "SCardReleaseContext"]) {
        const outcome = await outcomeOf(scene, name, [given]);
        expect(outcome).toBeInstanceOf(SmartCardError);
        expect((outcome as SmartCardError).message).not.toMatch(/3132|49,50/);
        expect(["invalid-handle", "invalid-context"]).toContain((outcome as SmartCardError).code);
      }
    }
  });

  it("a reader state may be an object of a class, and no member is read but those that count", async () => {
    class Belief {
      get reader(): string {
        return "Desk";
      }
      get currentState(): number {
        return 0;
      }
      get atr(): never {
        throw new Error("own");
      }
    }
    const scene = await world();
    for (const state of [
      new Belief(),
      Object.create({ reader: "Desk", currentState: 0 }),
      Object.freeze(new Belief()),
    ]) {
      const outcome = await outcomeOf(scene, "SCardGetStatusChange", [scene.context, 0, [state]]);
      expect(outcome).toMatchObject({ value: { readerStates: [{ reader: "Desk", currentState: 0 }] } });
    }
    const unreadable = {
      reader: "Desk",
      currentState: 0,
      get userData(): never {
        throw new Error("own");
      },
    };
    expect(await outcomeOf(scene, "SCardGetStatusChange", [scene.context, 0, [unreadable]])).toMatchObject({
      code: "invalid-parameter",
    });
  });

  it("a current state that is not a DWORD is refused", async () => {
    const scene = await world();
    for (const currentState of [Number.NaN, 1.5, 2 ** 32, -(2 ** 31) - 1, Number.POSITIVE_INFINITY]) {
      for (const name of ["SCardGetStatusChange", "SCardLocateCardsByATR"]) {
        const second = name === "SCardGetStatusChange" ? 0 : [{ atr: Uint8Array.of(0x3b, 0x00) }];
        const outcome = await outcomeOf(scene, name, [scene.context, second, [{ reader: "Desk", currentState }]]);
        expect(outcome).toMatchObject({ code: "invalid-value" });
      }
    }
  });

  it("a timeout of any DWORD is a time", async () => {
    const { api, context, runtime } = await world();
    const wait = api.SCardGetStatusChange(context, 0xffff_fffe, [
      { reader: "\\\\?PnP?\\Notification", currentState: 1 << 16 },
    ]);
    const ended = wait.catch((error: SmartCardError) => error.code);
    await runtime.settle();
    await api.SCardCancel(context);
    expect(await ended).toBe("cancelled");
  });
});
