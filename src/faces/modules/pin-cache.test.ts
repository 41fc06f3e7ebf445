// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { PinCache, type PinCachePolicy } from "./pin-cache.ts";

const pin = Uint8Array.of(0x31, 0x32);
const place = { reader: "Desk", operation: "sign" };

async function kept(cache: PinCache): Promise<readonly number[] | undefined> {
  const secret = await cache.take("user");
  const bytes = await secret?.use((one) => [...one]);
  secret?.release();
  return bytes;
}

function makeCache(policy: PinCachePolicy): { readonly cache: PinCache; readonly runtime: SimulatedRuntime } {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  return { cache: new PinCache(policy, runtime.clock), runtime };
}

test("process: kept until it is cleared, each role apart", async () => {
  const { cache, runtime } = makeCache("process");
  cache.keep("user", pin);
  cache.keep("admin", Uint8Array.of(1));
  await runtime.advance(2 ** 31);
  expect(await kept(cache)).toEqual([0x31, 0x32]);
  cache.forget("admin");
  expect(await kept(cache)).toEqual([0x31, 0x32]);
  cache.clear();
  expect(await kept(cache)).toBeUndefined();
  expect(cache.missing("user", "PIN", place)).toMatchObject({ code: "no-pin-cache", details: place });
});

test("none: nothing is kept", async () => {
  const { cache } = makeCache("none");
  cache.keep("user", pin);
  expect(await kept(cache)).toBeUndefined();
});

test("timed: kept so long since it was verified last, and then it has expired", async () => {
  const { cache, runtime } = makeCache({ timedMs: 1000 });
  cache.keep("user", pin);
  await runtime.advance(900);
  cache.keep("user", pin);
  await runtime.advance(999);
  expect(await kept(cache)).toEqual([0x31, 0x32]);
  await runtime.advance(1);
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
