// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import {
  createSmartCard,
  polyfillSmartCard,
  SmartCardConnection,
  SmartCardContext,
  SmartCardError,
  SmartCardResourceManager,
} from "../../src/entry/web.ts";
import { ScriptedPcsc } from "./scripted.ts";

const interfaces = { SmartCardResourceManager, SmartCardContext, SmartCardConnection, SmartCardError };

interface Scope {
  navigator?: { readonly smartCard?: unknown; readonly userAgent?: string };
}

const smartCard = createSmartCard({ manager: new ScriptedPcsc().manager });

describe("polyfillSmartCard", () => {
  test("puts navigator.smartCard, always the same object, and the interfaces into a page", () => {
    const navigator = { userAgent: "a page" };
    const scope: Scope & Record<string, unknown> = { navigator };
    expect(polyfillSmartCard(smartCard, { scope }).isInstalled).toBe(true);
    expect(scope.navigator?.smartCard).toBe(smartCard);
    expect(scope.navigator?.smartCard).toBe(smartCard);
    expect(scope.navigator).toBe(navigator);
    for (const [name, one] of Object.entries(interfaces)) expect(scope[name]).toBe(one);
    expect(Object.keys(scope)).toEqual(["navigator"]);
    expect(() => Object.assign(scope.navigator as object, { smartCard: 5 })).toThrow(TypeError);
  });

  test("makes a navigator where there is none, as in Node 20", () => {
    const scope: Scope = {};
    const { uninstall } = polyfillSmartCard(smartCard, { scope });
    expect(scope.navigator?.smartCard).toBe(smartCard);
    uninstall();
    expect(Reflect.ownKeys(scope)).toEqual([]);
  });

  test("leaves the browser's own as it is, unless it is told to replace it", () => {
    const own = { establishContext: async () => expect.unreachable() };
    // Browsers have it on the prototype.
    const navigator = Object.create({ smartCard: own });
    const scope: Scope = { navigator };
    const left = polyfillSmartCard(smartCard, { scope });
    left.uninstall();
    expect([left.isInstalled, scope.navigator?.smartCard, Object.keys(scope)]).toEqual([false, own, ["navigator"]]);
    const replaced = polyfillSmartCard(smartCard, { scope, replace: true });
    expect([replaced.isInstalled, scope.navigator?.smartCard]).toEqual([true, smartCard]);
    replaced.uninstall();
    replaced.uninstall();
    expect(scope.navigator?.smartCard).toBe(own);
    expect(Object.keys(navigator)).toEqual([]);
  });

  test("puts what was there back", () => {
    const scope = { SmartCardError: "mine" };
    const { uninstall } = polyfillSmartCard(smartCard, { scope });
    expect(scope.SmartCardError).toBe(SmartCardError);
    uninstall();
    expect(scope).toEqual({ SmartCardError: "mine" });
  });

  test("uses the global object without a scope", () => {
    const before = Object.getOwnPropertyNames(globalThis).sort();
    const { uninstall } = polyfillSmartCard(smartCard);
    const global = globalThis as unknown as Scope & Record<string, unknown>;
    expect(global.navigator?.smartCard).toBe(smartCard);
    expect(global.SmartCardContext).toBe(SmartCardContext);
    uninstall();
    expect(Object.getOwnPropertyNames(globalThis).sort()).toEqual(before);
  });
});
