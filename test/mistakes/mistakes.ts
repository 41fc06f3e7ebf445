// SPDX-License-Identifier: MIT

import type { Connection, Context, ErrorCode, ResourceManager } from "../../src/port/index.ts";

/** Where a mistake is made: a manager with one reader and a card in it, and a connection in use. */
export interface Scene {
  readonly manager: ResourceManager;
  readonly context: Context;
  readonly connection: Connection;
  readonly reader: string;
}

/** A wrong call, and its expected result. */
export interface Mistake {
  readonly what: string;
  readonly make: (scene: Scene) => Promise<unknown>;
  /** The code of a `SmartCardError`, or a TypeError of ours. */
  readonly error: ErrorCode | "TypeError";
  /** What the message has to say: what is wrong, and where. */
  readonly says: RegExp;
}

/** JavaScript has no types: the functions of the port, as they are called there. */
type Loose = Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>;

function loose(object: unknown): Loose {
  return object as Loose;
}

function call(object: "connection" | "context" | "manager", name: string, ...args: unknown[]): Mistake["make"] {
  return async (scene) => {
    const given = args.map((arg) => (arg === theReader ? scene.reader : arg));
    return loose(scene[object])[name]?.call(scene[object], ...given);
  };
}

/** Stands for the name of the reader, which the scene knows. */
const theReader = Symbol("the reader");

function thrower(): never {
  throw new Error("a getter of the caller's");
}

/** What a caller may have instead of bytes; the digits are a PIN, which no message may repeat. */
const noBytes: Readonly<Record<string, unknown>> = {
  "a string": "0020000104313233",
  "an array": [0x00, 0x20, 0x00, 0x01, 0x31, 0x32, 0x33],
  "a DataView": new DataView(new ArrayBuffer(5)),
  "a Uint16Array": new Uint16Array(5),
  "an ArrayBuffer": new ArrayBuffer(5),
  "a likeness of an array": { length: 5 },
  "a Buffer in JSON": { type: "Buffer", data: [0x31] },
  "a promise of bytes": Promise.resolve(new Uint8Array(5)),
  null: null,
  nothing: undefined,
  "a number": 5,
};

const bytesMistakes: readonly Mistake[] = Object.entries(noBytes).flatMap(([kind, value]) => {
  const says = /^(?:transmit|control|set attribute): (?:command|input|value) is .*Uint8Array.*decodeHex/;
  return [
    { what: `transmit ${kind}`, make: call("connection", "transmit", value), error: "TypeError", says },
    { what: `control with ${kind}`, make: call("connection", "control", 0x42000d48, value), error: "TypeError", says },
    { what: `an attribute of ${kind}`, make: call("connection", "setAttribute", 1, value), error: "TypeError", says },
  ] satisfies Mistake[];
});

/** Options that bound a wait, each with one thing wrong. */
const noWaits: readonly (readonly [string, unknown, RegExp])[] = [
  ["timeout for timeoutMs", { timeout: 10 }, /no member "timeout"\. Did you mean timeoutMs\?/],
  ["signal misspelt", { sginal: AbortSignal.abort() }, /no member "sginal"\. Did you mean signal\?/],
  ["a member of another function", { groups: [] }, /no member "groups"/],
  ["NaN", { timeoutMs: Number.NaN }, /timeoutMs is NaN; give whole milliseconds/],
  ["a negative time", { timeoutMs: -1 }, /timeoutMs is -1;/],
  ["a fraction", { timeoutMs: 0.5 }, /timeoutMs is 0.5;/],
  ["Infinity", { timeoutMs: Number.POSITIVE_INFINITY }, /timeoutMs is Infinity;.*leave it out/],
  ["a time longer than a timer's", { timeoutMs: 2 ** 31 }, /timeoutMs is 2147483648;/],
  ["a time in words", { timeoutMs: "10" }, /timeoutMs is a string;/],
  ["null for a time", { timeoutMs: null }, /timeoutMs is null;/],
  ["a controller for its signal", { signal: new AbortController() }, /AbortController; pass its signal/],
  ["a likeness of a signal", { signal: { aborted: false } }, /signal is an object;/],
  ["the signal itself", new AbortController().signal, /is an AbortSignal; .*\{ signal \}/],
  ["a number for the options", 10, /options is a number; pass an object with/],
  ["null for the options", null, /options is null;/],
  ["a list of options", [{ timeoutMs: 5 }], /options is an array;/],
  ["a promise of options", Promise.resolve({}), /options is a Promise \(await it\);/],
  [
    "a getter that throws",
    Object.defineProperty({}, "timeoutMs", { get: thrower, enumerable: true }),
    /cannot be read/,
  ],
  ["a proxy that throws", new Proxy({}, { ownKeys: thrower }), /whose members can be read/],
  ["a member inherited", Object.create({ timeout: 10 }), /no member "timeout"/],
];

const command = Uint8Array.of(0, 0xa4, 4, 0);
const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1"] };

const waitMistakes: readonly Mistake[] = noWaits.flatMap(([what, options, says]) => {
  const calls: Readonly<Record<string, Mistake["make"]>> = {
    status: call("connection", "status", options),
    "begin transaction": call("connection", "beginTransaction", options),
    transmit: call("connection", "transmit", command, options),
    control: call("connection", "control", 0x42000d48, new Uint8Array(0), options),
    "get attribute": call("connection", "getAttribute", 0x00090303, options),
    "set attribute": call("connection", "setAttribute", 0x00090303, new Uint8Array(1), options),
    "status change": call("context", "getStatusChange", [], options),
  };
  return Object.entries(calls).map(([name, make]) => ({
    what: `${name}: ${what}`,
    make,
    error: "invalid-parameter",
    says,
  }));
});

const connectMistakes: readonly Mistake[] = (
  [
    ["no options", undefined, "invalid-parameter", /options is undefined; pass an object with/],
    ["no share mode", { preferredProtocols: ["t0"] }, "invalid-value", /shareMode is undefined\. The share mode is/],
    [
      "a share mode misspelt",
      { ...shared, shareMode: "sharde" },
      "invalid-value",
      /"sharde"\. Did you mean "shared"\?/,
    ],
    ["a number of C's for it", { ...shared, shareMode: 2 }, "invalid-value", /shareMode is 2\. The share mode is/],
    ["no protocols", { shareMode: "shared" }, "invalid-parameter", /preferredProtocols is undefined; pass an array/],
    [
      "a protocol for a list",
      { ...shared, preferredProtocols: "t1" },
      "invalid-parameter",
      /is a string; pass an array/,
    ],
    ["a mask of C's", { ...shared, preferredProtocols: 3 }, "invalid-parameter", /is a number; pass an array/],
    ["a protocol misspelt", { ...shared, preferredProtocols: ["T=1"] }, "invalid-value", /\[0\] is "T=1"/],
    ["an empty list", { ...shared, preferredProtocols: [] }, "proto-mismatch", /names no protocol/],
    ["a list with a hole", { ...shared, preferredProtocols: new Array(1) }, "invalid-value", /\[0\] is undefined/],
    [
      "a list that never ends",
      { ...shared, preferredProtocols: new Array(2 ** 31) },
      "invalid-parameter",
      /2147483648/,
    ],
    [
      "a list that throws",
      { ...shared, preferredProtocols: new Proxy([], { get: thrower }) },
      "invalid-parameter",
      /cannot be read/,
    ],
    [
      "a getter for the list that throws",
      Object.defineProperty({ shareMode: "shared" }, "preferredProtocols", { get: thrower }),
      "invalid-parameter",
      /cannot be read/,
    ],
    ["the list misspelt", { ...shared, preferedProtocols: [] }, "invalid-parameter", /mean preferredProtocols\?/],
    ["protocols", { shareMode: "shared", protocols: ["t1"] }, "invalid-parameter", /no member "protocols"/],
    ["a time", { ...shared, timeout: 10 }, "invalid-parameter", /mean timeoutMs\?/],
    ["a time in words", { ...shared, timeoutMs: "1s" }, "invalid-parameter", /timeoutMs is a string/],
    ["a signal", { ...shared, signal: true }, "invalid-parameter", /signal is a boolean/],
    [
      "__proto__",
      JSON.parse('{"shareMode":"shared","preferredProtocols":["t1"],"__proto__":1}'),
      "invalid-parameter",
      /__proto__/,
    ],
  ] as const
).flatMap(([what, options, error, says]): Mistake[] => [
  { what: `connect: ${what}`, make: call("context", "connect", theReader, options), error, says },
  {
    what: `reconnect: ${what}`,
    // An object that inherits them: its getters are not called here.
    make: call(
      "connection",
      "reconnect",
      options && Object.assign(Object.create(options), { initialization: "leave" }),
    ),
    error,
    says,
  },
]);

/** What no reader is named. The PIN in the place of a name is not repeated. */
const noReaders: readonly (readonly [string, unknown, ErrorCode, RegExp])[] = [
  ["a number", 0, "invalid-parameter", /is 0; pass the reader's name as a string/],
  ["nothing", undefined, "invalid-parameter", /is undefined; pass the reader's name/],
  ["null", null, "invalid-parameter", /is null;/],
  ["a list", ["Reader"], "invalid-parameter", /is an array;/],
  ["an object", { name: "Reader" }, "invalid-parameter", /is an object;/],
  ["the empty string", "", "unknown-reader", /is an empty string/],
  ["a NUL inside", "Reader\0 1", "unknown-reader", /a NUL in it/],
  ["a long one", "R".repeat(5000), "unknown-reader", /a string of 5000 characters/],
  ["one longer than any of pcsc-lite", "R".repeat(200), "unknown-reader", /no reader/],
  ["one that is not there", "No such reader", "unknown-reader", /No such reader/],
];

const readerMistakes: readonly Mistake[] = noReaders.flatMap(([what, name, error, says]): Mistake[] => [
  { what: `connect to ${what}`, make: call("context", "connect", name, shared), error, says },
  { what: `describe ${what}`, make: call("context", "describeReader", name), error, says },
  {
    what: `watch ${what}`,
    make: call("context", "getStatusChange", [{ reader: name }], { timeoutMs: 0 }),
    error,
    says,
  },
]);

const otherMistakes: readonly Mistake[] = (
  [
    ["connection", "disconnect", ["leaf"], "invalid-value", /disposition is "leaf"\. Did you mean "leave"\?/],
    ["connection", "disconnect", [0], "invalid-value", /disposition is 0\. The disposition is/],
    ["connection", "disconnect", [null], "invalid-value", /disposition is null/],
    ["connection", "disconnect", [{ disposition: "leave" }], "invalid-value", /disposition is an object/],
    ["connection", "endTransaction", ["rest"], "invalid-value", /Did you mean "reset"\?/],
    ["connection", "endTransaction", ["toString"], "invalid-value", /disposition is "toString"/],
    ["connection", "reconnect", [shared], "invalid-value", /initialization is undefined/],
    ["connection", "reconnect", [{ ...shared, initialization: "eject" }], "invalid-value", /initialization is "eject"/],
    ["connection", "transmit", [new Uint8Array(3)], "invalid-parameter", /has 4 to 65544 bytes, not 3/],
    ["connection", "transmit", [new Uint8Array(70_000)], "invalid-parameter", /not 70000/],
    ["connection", "transmit", [command, "t1"], "invalid-parameter", /options is a string/],
    ["connection", "transmit", [command, { protocol: "T1" }], "invalid-value", /Did you mean "t1"\?/],
    ["connection", "transmit", [command, { protocol: "raw" }], "proto-mismatch", /raw/],
    ["connection", "control", ["0x42000d48", new Uint8Array(0)], "invalid-parameter", /code is a string/],
    ["connection", "control", [1.5, new Uint8Array(0)], "invalid-parameter", /code is 1.5/],
    ["connection", "control", [2 ** 40, new Uint8Array(0)], "invalid-parameter", /code is 1099511627776/],
    ["connection", "getAttribute", ["ATR"], "invalid-parameter", /attribute is a string/],
    ["connection", "getAttribute", [Number.NaN], "invalid-parameter", /attribute is NaN/],
    ["connection", "setAttribute", [undefined, new Uint8Array(1)], "invalid-parameter", /attribute is undefined/],
    ["context", "listReaders", ["SCard$AllReaders"], "invalid-parameter", /groups is a string; pass an array/],
    ["context", "listReaders", [null], "invalid-parameter", /groups is null/],
    ["context", "listReaders", [[5]], "invalid-parameter", /groups\[0\] is 5/],
    ["context", "listReaders", [[""]], "invalid-parameter", /groups\[0\] is an empty string/],
    ["context", "getStatusChange", ["Reader"], "invalid-parameter", /queries is a string; pass an array/],
    ["context", "getStatusChange", [{ reader: "Reader" }], "invalid-parameter", /queries is an object/],
    ["context", "getStatusChange", [["Reader"]], "invalid-parameter", /queries\[0\] is a string; pass an object/],
    ["context", "getStatusChange", [[{ raeder: "Reader" }]], "invalid-parameter", /Did you mean reader\?/],
    ["context", "getStatusChange", [[{ reader: theReader, flags: 16 }]], "invalid-parameter", /.*/],
    [
      "context",
      "getStatusChange",
      [[{ reader: "Reader", flags: { emtpy: true } }]],
      "invalid-parameter",
      /mean empty\?/,
    ],
    ["context", "getStatusChange", [[{ reader: "Reader", flags: { empty: 1 } }]], "invalid-parameter", /empty is 1/],
    ["context", "getStatusChange", [[{ reader: "Reader", eventCount: -1 }]], "invalid-parameter", /eventCount is -1/],
    ["context", "getStatusChange", [new Array(2 ** 31)], "invalid-parameter", /an array of 2147483648/],
    ["manager", "establishContext", [{ scoop: "user" }], "invalid-parameter", /Did you mean scope\?/],
    ["manager", "establishContext", [{ scope: "users" }], "invalid-value", /Did you mean "user"\?/],
    ["manager", "establishContext", [{ scope: 0 }], "invalid-value", /scope is 0/],
    ["manager", "establishContext", ["user"], "invalid-parameter", /options is a string/],
    ["manager", "establishContext", [null], "invalid-parameter", /options is null/],
    ["manager", "establishContext", [{ oneAtATime: 1 }], "invalid-parameter", /oneAtATime is 1; give true or false/],
  ] as const
).map(([object, name, args, error, says], index) => ({
  what: `${name} (${index})`,
  make: call(object, name, ...args),
  error,
  says,
}));

/** Some three hundred mistakes. What each comes to is the same on every manager. */
export const mistakes: readonly Mistake[] = [
  ...bytesMistakes,
  ...waitMistakes,
  ...connectMistakes,
  ...readerMistakes,
  ...otherMistakes,
];
