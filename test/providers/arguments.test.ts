// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import {
  CByteBuffer,
  CLSID_Iso7816Provider,
  ClassFactory,
  ComError,
  CSCard,
  CSCardDatabase,
  CSCardLocate,
  CSCardManage,
  clsids,
  iso7816Interfaces,
  iso7816Provider,
  makeIso7816Provider,
  type WinSCardFunctions,
} from "../../src/faces/providers/index.ts";
import { badValues, judge } from "./bad-values.ts";
import { type Objects, objects } from "./interface-cases.ts";

/** A method with arguments that are right, each under its name. */
interface Row {
  readonly of: (all: Objects) => object;
  /** Arguments in order. */
  readonly args: (all: Objects) => Readonly<Record<string, unknown>>;
}

const one = Uint8Array.of(1);
const data = { data: one };
const p1p2 = { p1: 0, p2: 0 };
const file = ({ file }: Objects) => ({ file });
const path = { refType: 1, path: "4401" };
const table = [{ Tag: 0x80, Length: 0, Value: new Uint8Array(0), Valid: false }];
const newFile = [
  { Tag: 0x82, Length: 1, Value: one, Valid: true },
  { Tag: 0x80, Length: 1, Value: one, Valid: true },
];
const freshCard = ({ program }: Objects) => new CSCard(program.winscard);
const freshManage = ({ program }: Objects) => new CSCardManage(program.winscard, {});
const factory = ({ program }: Objects) => program.factory;
const link = ({ manage }: Objects) => manage.CreateInterface(null, "link");

const wait = { wait: {} };
const on = (of: Row["of"], methods: Readonly<Record<string, Record<string, unknown> | Row["args"]>>) =>
  Object.entries(methods).map(
    ([method, args]) => [method, { of, args: typeof args === "function" ? args : () => args }] as const,
  );

const rows: Readonly<Record<string, readonly (readonly [string, Row])[]>> = {
  IByteBuffer: on(({ buffer }) => buffer, {
    Commit: { commitFlags: 0 },
    CopyTo: { destination: CByteBuffer.of(one), count: 1 },
    Initialize: { size: 1, data: one },
    LockRegion: { offset: 0, count: 1, lockType: 1 },
    Read: { count: 1 },
    Seek: { move: 0, origin: 0 },
    SetSize: { size: 1 },
    Stat: { statFlag: 0 },
    UnlockRegion: { offset: 0, count: 1, lockType: 1 },
    Write: data,
    Stream: { stream: CByteBuffer.of(one).Stream },
  }),
  ISCard: [
    ...on(freshCard, {
      AttachByHandle: (all) => ({ handle: all.card.CardHandle, ...wait }),
      AttachByReader: { readerName: "Reader", shareMode: 2, protocols: 3, ...wait },
    }),
    ...on(({ card }) => card, {
      LockSCard: wait,
      UnlockSCard: { disposition: 0 },
      ReAttach: { shareMode: 2, disposition: 0, ...wait },
      Transaction: (all) => ({ cmd: all.iso.ReadBinary(0, 0, 1), ...wait }),
      Detach: { disposition: 0 },
    }),
  ],
  ISCardManage: [
    ...on(freshManage, {
      AttachByHandle: (all) => ({ handle: all.card.CardHandle, ...wait }),
      AttachByIFD: { ifdName: "Reader", ...wait },
    }),
    ...on(({ manage }) => manage, {
      CreateInterface: { guid: clsids.CSCard, name: "link", userData: null },
      Reconnect: wait,
      SCardLock: wait,
      SCardUnlock: { disposition: 0 },
      Status: wait,
    }),
  ],
  ISCardAuth: on(({ auth }) => auth, {
    APP_Auth: { algoId: 0, param: one, buffer: one },
    GetChallenge: { algoId: 0, lengthOfChallenge: 8, param: one },
    ICC_Auth: { algoId: 0, param: one, buffer: one },
    User_Auth: { algoId: 0, param: one, buffer: one },
  }),
  ISCardVerify: on(({ verify }) => verify, {
    ChangeCode: { oldCode: one, newCode: one, flags: 0x10, ref: 1 },
    Unblock: { data: one, flags: 0x10, ref: 1, newCode: one },
    Verify: { code: one, flags: 0x10, ref: 1 },
  }),
  ISCardFileAccess: on(({ files }) => files, {
    ChangeDir: { refType: 1, newDir: "3F00" },
    Create: { ...path, table: newFile, flags: 0, data: null },
    Delete: { ...path, flags: 0 },
    Directory: { fileType: 0 },
    GetFileCapabilities: { properties: table, flags: 0 },
    GetProperties: { ...path, flags: 0, table },
    Invalidate: { path: "4401", flags: 0 },
    Open: path,
    Read: (all) => ({ ...file(all), bytesToRead: 1, flags: 0 }),
    Rehabilitate: { path: "4401", flags: 0 },
    Seek: (all) => ({ ...file(all), seek: 0, offset: 0 }),
    SetProperties: { ...path, flags: 0, table },
    Write: (all) => ({ ...file(all), data: one, flags: 0 }),
    Close: file,
  }),
  ISCardCmd: on(({ cmd }) => cmd, {
    Apdu: { apdu: one },
    ApduReply: { reply: one },
    ApduReplyLength: { length: 1 },
    ClassId: { classId: 0 },
    Data: data,
    InstructionId: { insId: 0 },
    P1: { P1: 0 },
    P2: { P2: 0 },
    ReplyStatus: { status: 0x9000 },
    Nad: { nad: 0 },
    ReplyNad: { nad: 0 },
    AlternateClassId: { classId: 0 },
    BuildCmd: { classId: 0, insId: 0xb0, p1: 0, p2: 0, data: one, le: 1 },
    Encapsulate: { apdu: Uint8Array.of(0, 0xb0, 0, 0), apduType: 1 },
  }),
  ISCardISO7816: on(({ iso }) => iso, {
    AppendRecord: { p2: 0, ...data, cmd: null },
    EraseBinary: { ...p1p2, ...data, cmd: null },
    ExternalAuthenticate: { p1: 0, p2: 0, challenge: one, cmd: null },
    GetChallenge: { le: 1, cmd: null },
    GetData: { ...p1p2, le: 1, cmd: null },
    GetResponse: { ...p1p2, le: 1, cmd: null },
    InternalAuthenticate: { ...p1p2, challenge: one, le: 1, cmd: null },
    ManageChannel: { ...p1p2, cmd: null },
    PutData: { ...p1p2, ...data, cmd: null },
    ReadBinary: { ...p1p2, le: 1, cmd: null },
    ReadRecord: { ...p1p2, le: 1, cmd: null },
    SelectFile: { ...p1p2, ...data, le: 1, cmd: null },
    SetDefaultClassId: { classId: 0 },
    UpdateBinary: { ...p1p2, ...data, cmd: null },
    UpdateRecord: { ...p1p2, ...data, cmd: null },
    Verify: { p2: 0, ...data, cmd: null },
    WriteBinary: { ...p1p2, ...data, cmd: null },
    WriteRecord: { ...p1p2, ...data, cmd: null },
  }),
  ISCardDatabase: on(({ database }) => database, {
    GetProviderCardId: { cardName: "Card" },
    ListCardInterfaces: { cardName: "Card" },
    ListCards: { atr: one, interfaceGuids: [clsids.CSCard], localeId: 0 },
    ListReaderGroups: { localeId: 0 },
    ListReaders: { localeId: 0 },
  }),
  ISCardLocate: on(({ locate }) => locate, {
    ConfigureCardGuidSearch: { cardGuids: [clsids.CSCard], groupNames: null, title: "", flags: 1 },
    ConfigureCardNameSearch: { cardNames: ["Card"], groupNames: null, title: "", flags: 1 },
    FindCard: { shareMode: 2, protocols: 3, flags: 2, ...wait },
  }),
  ISCardTypeConv: on(({ conv }) => conv, {
    ConvertByteArrayToByteBuffer: { array: one, arraySize: 0 },
    ConvertByteBufferToByteArray: { buffer: one },
    ConvertByteBufferToSafeArray: { buffer: one },
    ConvertSafeArrayToByteBuffer: { array: one },
    CreateByteArray: { allocSize: 1 },
    CreateByteBuffer: { allocSize: 1 },
    CreateSafeArray: { allocSize: 1 },
    FreeIStreamMemoryPtr: { stream: CByteBuffer.of(one).Stream, memory: one },
    GetAtIStreamMemory: { stream: CByteBuffer.of(one).Stream },
    SizeOfIStream: { stream: CByteBuffer.of(one).Stream },
  }),
  ClassFactory: on(factory, {
    register: { classId: CLSID_Iso7816Provider, provider: iso7816Provider },
    createInstance: { classId: clsids.CSCard },
    createManage: { cardName: "Card" },
    manageCardIn: { reader: "Reader", ...wait },
  }),
  CardLink: on(link, {
    status: wait,
    lock: wait,
    unlock: { disposition: 0 },
    locked: { run: async () => {} },
    reconnect: { disposition: 0, ...wait, shareMode: 2 },
    transmit: {
      command: { cla: 0, ins: 0, p1: 0, p2: 0, data: one, le: 1, extended: false },
      alternateClass: 0,
      ...wait,
    },
    exchange: { command: { cla: 0, ins: 0, p1: 0, p2: 0, data: one, le: 1, extended: false }, ...wait },
    close: { disposition: 0 },
  }),
};

async function world(): Promise<Objects> {
  const all = await objects();
  const { winscard } = all.program;
  const manage = new CSCardManage(winscard, {
    ...iso7816Interfaces(),
    others: [{ name: "link", create: (card) => card }],
  });
  await manage.AttachByIFD(all.world.name);
  return { ...all, manage };
}

/** What is said to be wrong with an argument has to name it; other failures come of what was meant. */
function names(argument: string): (error: Error) => boolean {
  return (error) => {
    const { hresultName } = error as ComError;
    const isOfArgument = ["E_INVALIDARG", "E_POINTER", "STG_E_INVALIDFLAG"].includes(hresultName);
    return !isOfArgument || new RegExp(`(?:^|\\W)${argument}(?:\\W|$)`, "i").test(error.message);
  };
}

const isComError = (error: unknown): error is Error => error instanceof ComError;

describe("an argument that is not what it has to be is named by a ComError:", () => {
  for (const [interfaceName, methods] of Object.entries(rows)) {
    test.each(methods)(`${interfaceName}::%s`, { timeout: 120_000 }, async (method, { args, of }) => {
      const problems: string[] = [];
      for (const argument of Object.keys(args(await world()))) {
        for (const [what, value] of badValues) {
          const all = await world();
          const object = of(all);
          const values = Object.entries(args(all)).map(([name, good]) => (name === argument ? value : good));
          const call = () => {
            const member: unknown = Reflect.get(object, method);
            if (typeof member === "function") return Reflect.apply(member, object, values) as unknown;
            return Reflect.set(object, method, values[0]);
          };
          const problem = await judge(call, isComError, names(argument));
          if (problem !== undefined) problems.push(`${argument} is ${what}: ${problem}`);
        }
      }
      expect(problems).toEqual([]);
    });
  }

  const makers: readonly [string, string, (value: never) => unknown][] = [
    ["CSCard", "winscard", (value) => new CSCard(value)],
    ["CSCardManage", "winscard", (value) => new CSCardManage(value, {})],
    ["CSCardManage", "interfaces", (value) => new CSCardManage(stub, value)],
    ["CSCardDatabase", "winscard", (value) => new CSCardDatabase(value)],
    ["CSCardLocate", "winscard", (value) => new CSCardLocate(value)],
    ["CSCardLocate", "picker", (value) => new CSCardLocate(stub, value)],
    ["ClassFactory", "(?:options|winscard)", (value) => new ClassFactory(value)],
    ["ClassFactory", "(?:winscard)", (value) => new ClassFactory({ winscard: value })],
    ["CByteBuffer.of", "data", (value) => CByteBuffer.of(value)],
    ["iso7816Interfaces", "options", (value) => iso7816Interfaces(value)],
    ["makeIso7816Provider", "options", (value) => makeIso7816Provider(value)],
  ];
  test.each(makers)("%s, %s", async (_, argument, make) => {
    const problems: string[] = [];
    for (const [what, value] of badValues) {
      const problem = await judge(() => make(value as never), isComError, names(argument));
      if (problem !== undefined) problems.push(`${what}: ${problem}`);
    }
    expect(problems).toEqual([]);
  });

  test("every method that takes arguments has its row", async () => {
    const all = await world();
    for (const [interfaceName, methods] of Object.entries(rows)) {
      const [first] = methods;
      const prototype: object = Object.getPrototypeOf(first?.[1].of(all) ?? {});
      const members = Object.entries(Object.getOwnPropertyDescriptors(prototype)).filter(
        ([name, { get, set, value }]) => {
          if (name === "constructor" || (get !== undefined && set === undefined)) return false;
          return set !== undefined || (typeof value === "function" && /^(?:async )?\w+\(\s*[^)\s]/.test(String(value)));
        },
      );
      const known = methods.map(([method]) => method);
      expect([interfaceName, members.map(([name]) => name).filter((name) => !known.includes(name))]).toEqual([
        interfaceName,
        [],
      ]);
    }
  });
});

const stub = { SCardConnect: () => {}, SCardStatus: () => {} } as unknown as WinSCardFunctions;
