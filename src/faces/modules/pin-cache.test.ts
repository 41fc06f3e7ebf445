// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import type { PinCachePolicy } from "./card-module.ts";
import { type CardPins, PinCache, PinCaches, stricterPolicy } from "./pin-cache.ts";

const pin = Uint8Array.of(0x31, 0x32);
const place = { reader: "Desk", operation: "sign" };
const runtime = (): SimulatedRuntime => new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
/** The masks that were made, which are cleared with the PINs under them. */
const masks: Uint8Array[] = [];
const randomBytes = (length: number): Uint8Array => {
  const mask = new Uint8Array(length).fill(0xa5);
  masks.push(mask);
  return mask;
};

async function kept(cache: PinCache): Promise<readonly number[] | undefined> {
  const secret = cache.take("user");
  const bytes = await secret?.use((one) => [...one]);
  secret?.release();
  return bytes;
}

function cacheOf(pins: CardPins, policy: PinCachePolicy | (() => PinCachePolicy), { clock } = runtime()): PinCache {
  const policyOf = typeof policy === "function" ? policy : () => policy;
  return new PinCache({ pins, clock, randomBytes, policyOf, kept: () => undefined }, ["user"]);
}

function makeCache(policy: PinCachePolicy): { readonly cache: PinCache; readonly runtime: SimulatedRuntime } {
  const simulated = runtime();
  return { cache: cacheOf(new PinCaches().of(undefined, 1), policy, simulated), runtime: simulated };
}

test("process: kept until it is cleared, each role apart", async () => {
  const { cache, runtime: simulated } = makeCache("process");
  cache.keep("user", pin);
  cache.keep("admin", Uint8Array.of(1));
  await simulated.advance(2 ** 31);
  expect(await kept(cache)).toEqual([0x31, 0x32]);
  cache.forget("admin");
  expect(await kept(cache)).toEqual([0x31, 0x32]);
  cache.clear();
  expect(await kept(cache)).toBeUndefined();
  expect(cache.missing("user", "PIN", place)).toMatchObject({ code: "no-pin-cache", details: place });
});

test.each(["none", "always-prompt"] as const)("%s: nothing is kept, and the error says why", async (policy) => {
  const { cache } = makeCache(policy);
  cache.keep("user", pin);
  expect(await kept(cache)).toBeUndefined();
  expect(cache.isEmpty).toBe(true);
  expect(cache.alwaysPrompts("user")).toBe(policy === "always-prompt");
  expect(cache.missing("user", "PIN", place)).toMatchObject({
    code: "no-pin-cache",
    message: expect.stringContaining(`the policy of its cache is ${policy}`),
  });
});

test("timed: kept so long since it was entered, and then it has expired", async () => {
  const { cache, runtime: simulated } = makeCache({ timedMs: 1000 });
  cache.keep("user", pin);
  await simulated.advance(999);
  expect(await kept(cache)).toEqual([0x31, 0x32]);
  await simulated.advance(1);
  expect(await kept(cache)).toBeUndefined();
  expect(cache.missing("user", "PIN", place)).toMatchObject({
    code: "pin-cache-expired",
    message: expect.stringContaining("call verifyPin() again"),
  });
  cache.keep("user", pin);
  expect(await kept(cache)).toEqual([0x31, 0x32]);
  cache.clear();
  expect(cache.missing("user", "PIN", place).code).toBe("no-pin-cache");
});

test("timed: a timer that comes late does not make it longer", async () => {
  let now = 0;
  const clock = { now: () => now, wallTime: () => 0, schedule: () => () => undefined };
  const options = { pins: new PinCaches().of(undefined, 1), clock, randomBytes, kept: () => undefined };
  const cache = new PinCache({ ...options, policyOf: () => ({ timedMs: 1000 }) }, ["user"]);
  cache.keep("user", pin);
  now = 1000;
  expect(await kept(cache)).toBeUndefined();
  expect(cache.missing("user", "PIN", place).code).toBe("pin-cache-expired");
});

test("what is kept has none of the digits, and its mask is cleared with it", async () => {
  const { cache } = makeCache("process");
  masks.length = 0;
  cache.keep("user", pin);
  expect(masks.map((mask) => [...mask])).toEqual([[0xa5, 0xa5]]);
  cache.clear();
  expect(masks.map((mask) => [...mask])).toEqual([[0, 0]]);
});

test("all that have a card open share its PINs, and the last one that closes it clears them", async () => {
  const caches = new PinCaches();
  const one = cacheOf(caches.of("card", 7), "process");
  const other = cacheOf(caches.of("card", 7), "process");
  const unlike = cacheOf(caches.of("another card", 7), "process");
  one.keep("user", pin);
  expect(await kept(other)).toEqual([0x31, 0x32]);
  expect(await kept(unlike)).toBeUndefined();
  one.leave();
  one.leave();
  expect(await kept(other)).toEqual([0x31, 0x32]);
  other.leave();
  expect(await kept(other)).toBeUndefined();
  expect(await kept(cacheOf(caches.of("card", 7), "process"))).toBeUndefined();
});

test("a card that was pulled meanwhile, and one that nothing tells apart, share nothing", async () => {
  const caches = new PinCaches();
  const before = cacheOf(caches.of("card", 7), "process");
  before.keep("user", pin);
  const after = cacheOf(caches.of("card", 9), "process");
  expect(await kept(after)).toBeUndefined();
  expect(await kept(before)).toBeUndefined();
  before.keep("user", pin);
  expect(await kept(before)).toBeUndefined();
  after.keep("user", pin);
  // What ends late does not end what came after it.
  before.end();
  before.leave();
  expect(await kept(cacheOf(caches.of("card", 9), "process"))).toEqual([0x31, 0x32]);
  const nameless = cacheOf(caches.of(undefined, 7), "process");
  nameless.keep("user", pin);
  expect(await kept(cacheOf(caches.of(undefined, 7), "process"))).toBeUndefined();
  caches.end();
  expect(await kept(after)).toBeUndefined();
  expect(await kept(nameless)).toBeUndefined();
});

test("another policy clears what was kept, and nothing is shared across policies", async () => {
  const caches = new PinCaches();
  const one = cacheOf(caches.of("card", 7), "process");
  one.keep("user", pin);
  const timed = cacheOf(caches.of("card", 7), { timedMs: 1000 });
  expect(await kept(one)).toBeUndefined();
  timed.keep("user", pin);
  expect(await kept(one)).toBeUndefined();
  one.keep("user", pin);
  expect(await kept(timed)).toEqual([0x31, 0x32]);
  // The card itself says another one, when it is read anew.
  let policy: PinCachePolicy = "process";
  const changing = cacheOf(caches.of("card", 7), () => policy);
  expect(await kept(changing)).toEqual([0x31, 0x32]);
  expect(await kept(timed)).toBeUndefined();
  policy = "none";
  expect(await kept(changing)).toBeUndefined();
  policy = "process";
  expect(await kept(changing)).toBeUndefined();
});

test.each([
  [undefined, undefined, "process"],
  ["none", undefined, "none"],
  [{ timedMs: 5 }, "process", { timedMs: 5 }],
  [{ timedMs: 5 }, { timedMs: 3 }, { timedMs: 3 }],
  ["process", { timedMs: 3 }, { timedMs: 3 }],
  [{ timedMs: 5 }, "none", "none"],
  ["none", "always-prompt", "always-prompt"],
] as const)("of %j and %j the stricter is %j", (one, other, stricter) => {
  expect(stricterPolicy(one, other)).toEqual(stricter);
  expect(stricterPolicy(other, one)).toEqual(stricter);
});
