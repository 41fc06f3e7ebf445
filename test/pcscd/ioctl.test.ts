// SPDX-License-Identifier: MIT

// The functions of Windows' class driver, asked of a service: ours has them, over the wire too.

import { describe, expect, test } from "vitest";
import { ioctls } from "../../src/port/index.ts";
import { apdu, bytesOf, failureOf } from "../manager/world.ts";
import { joinedWorld } from "./in-memory.ts";

const direct = { shareMode: "direct", preferredProtocols: [] } as const;
const none = new Uint8Array();

describe("IOCTL_SMARTCARD_ over a service of ours", () => {
  test("SET_PROTOCOL, GET_STATE, POWER and TRANSMIT do what they do on the manager", async () => {
    const { client, name } = await joinedWorld();
    const context = await client.establishContext();
    const card = await context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
    expect(await card.control(ioctls["get-state"].windows, none)).toEqual(bytesOf("06000000"));
    expect(await card.control(ioctls["set-protocol"].windows, bytesOf("02000000"))).toEqual(bytesOf("02000000"));
    expect(await card.control(ioctls.power.windows, bytesOf("02000000"))).toEqual(bytesOf("3B8180018080"));
    const exchange = bytesOf("020000000800000000A40000");
    expect(await card.control(ioctls.transmit.windows, exchange)).toEqual(bytesOf("020000000800000000A400009000"));
    expect(await card.transmit(apdu)).toHaveLength(6);
    expect((await failureOf(card.control(ioctls.swallow.windows, none))).code).toBe("unsupported-feature");
    expect((await failureOf(card.control(ioctls.power.windows, none))).code).toBe("invalid-parameter");
    await context.release();
  });

  test("IS_PRESENT answers at once where a card is there", async () => {
    const { client, name } = await joinedWorld();
    const context = await client.establishContext();
    const reader = await context.connect(name, direct);
    expect(await reader.control(ioctls["is-present"].windows, none)).toHaveLength(0);
    await context.release();
  });
});
