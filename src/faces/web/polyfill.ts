// SPDX-License-Identifier: MIT

import { having, optional, optionsOf, partsOf, truth } from "../../port/index.ts";
import type { SmartCardResourceManager as Idl } from "./idl.ts";
import { SmartCardConnection } from "./smart-card-connection.ts";
import { SmartCardContext } from "./smart-card-context.ts";
import { SmartCardError } from "./smart-card-error.ts";
import { SmartCardResourceManager } from "./smart-card-resource-manager.ts";

/** Where, and whether, `navigator.smartCard` is put. */
export interface PolyfillOptions {
  /** The global object of a page, of a worker or of Node. */
  readonly scope: object;
  /** Whether it takes the place of a `navigator.smartCard` that is there. @default false */
  readonly replace?: boolean | undefined;
}

/** What was put into a global object. */
export interface InstalledSmartCard {
  /** False where the scope has a `navigator.smartCard` of its own, which was left as it is. */
  readonly isInstalled: boolean;
  /** Takes it back: everything is as it was. A second call does nothing. */
  uninstall(): void;
}

const polyfillOptions = optionsOf<PolyfillOptions>({
  scope: partsOf<object>({}, "a global object, such as globalThis"),
  replace: optional(truth),
});
const smartCardObject = having<Idl>(["establishContext"], "what createSmartCard() gives");

const interfaces = { SmartCardResourceManager, SmartCardContext, SmartCardConnection, SmartCardError };

/**
 * Puts the Web Smart Card API where browsers have it. Draft, Extensions to the Navigator interface.
 *
 * @throws invalid-parameter
 */
export function polyfillSmartCard(smartCard: Idl, options: PolyfillOptions): InstalledSmartCard {
  const operation = "polyfillSmartCard";
  smartCardObject(smartCard, { operation, path: "smartCard" });
  const { replace = false, scope } = polyfillOptions(options, { operation, path: "options" });
  const put = new Map<object, Map<string, PropertyDescriptor | undefined>>();
  const define = (target: object, name: string, descriptor: PropertyDescriptor): void => {
    const before = put.get(target) ?? new Map<string, PropertyDescriptor | undefined>();
    before.set(name, Object.getOwnPropertyDescriptor(target, name));
    put.set(target, before);
    Object.defineProperty(target, name, { ...descriptor, configurable: true });
  };
  const own = (scope as { readonly navigator?: object }).navigator;
  if (own !== undefined && "smartCard" in own && !replace) return { isInstalled: false, uninstall: () => {} };
  const navigator = own ?? {};
  // Node 20 has no navigator.
  if (own === undefined) define(scope, "navigator", { get: () => navigator, enumerable: true });
  define(navigator, "smartCard", { get: () => smartCard, enumerable: true });
  for (const [name, value] of Object.entries(interfaces)) define(scope, name, { value, writable: true });
  const uninstall = (): void => {
    for (const [target, members] of put) {
      for (const [name, before] of members) {
        if (before === undefined) Reflect.deleteProperty(target, name);
        else Object.defineProperty(target, name, before);
      }
    }
    put.clear();
  };
  return { isInstalled: true, uninstall };
}
