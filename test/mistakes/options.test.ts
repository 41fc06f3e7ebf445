// SPDX-License-Identifier: MIT

// The mistakes that callers make where something is made or opened: nothing is ignored, and nothing is half open then.

import { expect, test } from "vitest";
import { Type2Tag, VirtualReader } from "../../src/entry/cards.ts";
import {
  EmbeddedManager,
  embeddedManager,
  listenVpcd,
  nodeRuntime,
  openEmbeddedManager,
  softwareCard,
  virtualReader,
} from "../../src/entry/embedded.ts";
import { openManager } from "../../src/entry/machine.ts";
import { dialPcscd, PcscdManager, pcscdManager, pcscdSockets } from "../../src/entry/pcscd.ts";
import { pcsclite, provideManager } from "../../src/entry/pcsclite-compat.ts";
import { makeIso7816Provider } from "../../src/entry/providers.ts";
import { WinSCard } from "../../src/entry/winscard.ts";
import { PcscliteServer } from "../../src/faces/pcsclite-server/index.ts";
import { openSystemManager } from "../../src/platform/node/system/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { VpcdReader } from "../../src/readers/vpcd/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";

const runtime = nodeRuntime();
const { clock } = runtime;
const reader = new VirtualReader({ clock });
const manager = (): EmbeddedManager => new EmbeddedManager({ runtime });

/** What makes or opens something, called without types. */
const makers = {
  EmbeddedManager: (options) => new EmbeddedManager(options),
  embeddedManager: (options) => embeddedManager(options),
  openEmbeddedManager: (options) => openEmbeddedManager("embedded:virtual", options),
  "openEmbeddedManager's text": (text) => openEmbeddedManager(text),
  VirtualReader: (options) => new VirtualReader(options),
  VpcdReader: (options) => new VpcdReader(options),
  virtualReader: (options) => virtualReader(options),
  softwareCard: (kind) => softwareCard(kind),
  Type2Tag: (options) => new Type2Tag(options),
  listenVpcd: (options) => listenVpcd(options),
  nodeRuntime: (options) => nodeRuntime(options),
  openManager: (options) => openManager("embedded:virtual", options),
  "openManager's spec": (spec) => openManager(spec),
  pcscdManager: (options) => pcscdManager(options),
  PcscdManager: (options) => new PcscdManager(options),
  dialPcscd: (options) => dialPcscd(options),
  pcscdSockets: (options) => pcscdSockets(options),
  openSystemManager: (options) => openSystemManager(options),
  WinSCard: (options) => new WinSCard(options),
  PcscliteServer: (options) => new PcscliteServer(options),
  SimulatedRuntime: (options) => new SimulatedRuntime(options),
  pcsclite: (options) => pcsclite(options),
  provideManager: (given) => provideManager(given),
  makeIso7816Provider: (options) => makeIso7816Provider(options),
  addReader: (given) => manager().addReader(given),
  removeReader: (name) => manager().removeReader(name),
  client: (identity) => manager().client(identity),
  insert: (card) => reader.insert(card),
  slow: (ms) => reader.slow(ms),
} satisfies Readonly<Record<string, (value: never) => unknown>>;

type Case = readonly [maker: keyof typeof makers, value: unknown, says: RegExp];

const wrong: readonly Case[] = [
  ["EmbeddedManager", undefined, /options is undefined; pass an object with runtime/],
  ["EmbeddedManager", {}, /options.runtime is undefined; pass a runtime: nodeRuntime\(\) makes one/],
  ["EmbeddedManager", { runtime: { clock } }, /options.runtime.random is undefined/],
  ["EmbeddedManager", { runtime, profile: "Windows" }, /Did you mean "windows"\?/],
  ["EmbeddedManager", { runtime, semantic: {} }, /Did you mean semantics\?/],
  ["EmbeddedManager", { runtime, semantics: { transactionIdleMS: 5 } }, /Did you mean transactionIdleMs\?/],
  ["EmbeddedManager", { runtime, semantics: { transactionIdleMs: "off" } }, /transactionIdleMs is a string/],
  ["EmbeddedManager", { runtime, semantics: { directSharing: undefined } }, /directSharing is undefined/],
  ["EmbeddedManager", { runtime, limits: { readers: -1 } }, /options.limits.readers is -1/],
  ["EmbeddedManager", { runtime, limits: { reader: 1 } }, /Did you mean readers\?/],
  ["embeddedManager", { limit: {} }, /Did you mean limits\?/],
  ["embeddedManager", "windows", /options is a string; pass an object/],
  ["embeddedManager", null, /options is null; pass an object/],
  ["openEmbeddedManager", { profil: "windows" }, /Did you mean profile\?/],
  ["openEmbeddedManager's text", 5, /./],
  ["VirtualReader", {}, /options.clock is undefined; pass a clock/],
  ["VpcdReader", { hots: "::1", port: 1 }, /hots.*host/],
  ["VpcdReader", { host: "::1", port: "1" }, /options.port is /],
  ["virtualReader", { nmae: "Desk" }, /Did you mean name\?/],
  ["virtualReader", { name: 5 }, /options.name is 5; give a string/],
  ["virtualReader", { protocols: "t1" }, /protocols is a string; pass an array/],
  ["virtualReader", { protocols: ["T1"] }, /Did you mean "t1"\?/],
  ["virtualReader", { canEject: "yes" }, /give true or false/],
  ["virtualReader", "Desk", /options is a string/],
  ["softwareCard", undefined, /kind is undefined/],
  ["softwareCard", { kind: "demo" }, /kind is an object/],
  ["softwareCard", "", /kind is an empty string/],
  ["Type2Tag", { uuid: new Uint8Array(7) }, /Did you mean uid\?/],
  ["Type2Tag", { pages: 16.5 }, /pages is 16.5/],
  ["listenVpcd", null, /options is null/],
  ["listenVpcd", { runtime: {} }, /options.runtime.clock is undefined/],
  ["listenVpcd", { runtime, prot: 0 }, /Did you mean port\?/],
  ["listenVpcd", { runtime, port: "35963" }, /port is a string/],
  ["listenVpcd", { runtime, port: 65_535, slots: 2 }, /port is 65535; give a whole number from 0 to 65534/],
  ["listenVpcd", { runtime, slots: 0 }, /slots is 0/],
  ["listenVpcd", { runtime, port: 0, host: "" }, /host is an empty string/],
  ["nodeRuntime", { tracer: () => {} }, /Did you mean trace\?/],
  ["nodeRuntime", { trace: true }, /pass a function/],
  ["openManager", { surrounding: {} }, /Did you mean surroundings\?/],
  ["openManager", { surroundings: { plattform: "linux" } }, /Did you mean platform\?/],
  ["openManager", "embedded", /options is a string/],
  ["openManager's spec", 5, /spec is 5; give a description of a manager as a string/],
  ["openManager's spec", {}, /spec is an object/],
  ["openManager's spec", null, /spec is null/],
  ["pcscdManager", { sokcet: "/tmp/comm" }, /Did you mean socket\?/],
  ["pcscdManager", { socket: 5 }, /socket is 5/],
  ["pcscdManager", { socket: "" }, /socket is an empty string/],
  ["pcscdManager", { awakeUs: -1 }, /awakeUs is -1/],
  ["pcscdManager", { limits: { answerMs: "1s" } }, /answerMs is a string/],
  ["pcscdManager", "/run/pcscd/pcscd.comm", /options is a string/],
  ["PcscdManager", { runtime }, /options.dial is undefined; pass a function that connects/],
  ["dialPcscd", { socket: "/tmp/comm" }, /Did you mean sockets\?/],
  ["dialPcscd", { sockets: "/tmp/comm" }, /pass an array of paths/],
  ["pcscdSockets", { env: {} }, /Did you mean environment\?/],
  ["openSystemManager", { runtime, lib: "libpcsclite.so.1" }, /Did you mean library\?/],
  ["openSystemManager", {}, /options.runtime is undefined/],
  ["WinSCard", null, /options is null; pass an object/],
  ["WinSCard", { defaultManager: manager() }, /defaultManager is an object; pass a function/],
  ["WinSCard", { defaultManager: manager, datbase: manager }, /Did you mean database\?/],
  ["WinSCard", { defaultManager: manager, picker: () => {} }, /picker is a function; pass a dialog/],
  ["PcscliteServer", { runtime }, /options.manager is undefined/],
  ["PcscliteServer", { runtime, manager: manager(), limit: {} }, /Did you mean limits\?/],
  ["SimulatedRuntime", {}, /options.settle is undefined; pass a function/],
  ["SimulatedRuntime", { settle: async () => {}, sed: 1 }, /Did you mean seed\?/],
  ["SimulatedRuntime", { settle: async () => {}, seed: "1" }, /seed is a string/],
  ["pcsclite", { managr: manager() }, /Did you mean manager\?/],
  ["pcsclite", { manager: {} }, /pass a resource manager/],
  ["provideManager", Promise.resolve(manager()), /is a Promise \(await it\); pass a resource manager/],
  ["makeIso7816Provider", { asksAboutFile: false }, /Did you mean asksAboutFiles\?/],
  ["makeIso7816Provider", { asksAboutFiles: 0 }, /give true or false/],
  ["addReader", undefined, /reader is undefined; pass a reader/],
  ["addReader", "Desk", /reader is a string; pass a reader/],
  ["addReader", { description: { name: "Desk" } }, /pass a reader, which has the methods/],
  ["removeReader", reader, /name is an object; pass the reader's name/],
  ["client", "my-program", /identity is a string; pass an object with name/],
  ["client", { name: "a", pdi: 5 }, /Did you mean pid\?/],
  ["insert", "demo", /card is a string; pass a software card/],
  ["insert", softwareCard("demo"), /card is a Promise \(await it\); pass a software card/],
  ["slow", "1s", /not a string/],
];

test.each(wrong.map(([maker, value, says], index) => ({ maker, value, says, index })))(
  "$maker ($index) says $says",
  async ({ maker, value, says }) => {
    const make: (value: never) => unknown = makers[maker];
    const failure = await new Promise((resolve) => resolve(make(value as never))).then(
      () => undefined,
      (error: unknown) => error,
    );
    // Providers have their own errors, as COM has.
    if (maker !== "makeIso7816Provider") {
      expect(failure).toBeInstanceOf(SmartCardError);
      expect(failure).toHaveProperty("code", expect.stringMatching(/^invalid-(?:parameter|value)$/));
    }
    expect(failure).toMatchObject({
      message: expect.stringMatching(says),
    });
  },
);
