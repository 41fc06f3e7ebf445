// SPDX-License-Identifier: MIT

import { callback, clockObject, managerObject, optional, optionsOf } from "../../port/index.ts";
import { ContextSlots } from "./context-slots.ts";
import { domException } from "./dom-exception.ts";
import { exceptionOfManager, invalidState } from "./exceptions.ts";
import type { ExtendedSmartCardContext, ExtendedSmartCardResourceManager } from "./extensions.ts";
import type { SmartCardResourceManager as Idl } from "./idl.ts";
import type { OpenCardOn } from "./smart-card-connection.ts";
import { makeContext, type SmartCardTerms } from "./smart-card-context.ts";
import { exposeInterface, type InterfaceObject, illegalConstructor } from "./web-idl.ts";

const construction = Symbol("construction");

class ResourceManagerObject implements ExtendedSmartCardResourceManager {
  readonly #terms: SmartCardTerms;
  /** Contexts that have not ended. */
  #contexts = new Set<ContextSlots>();

  constructor(key: typeof construction, terms: SmartCardTerms) {
    if (key !== construction) throw illegalConstructor();
    this.#terms = terms;
  }

  /** Draft, establishContext() method. */
  async establishContext(): Promise<ExtendedSmartCardContext> {
    const terms = this.#terms;
    if (terms.isAllowed !== undefined && terms.isAllowed() !== true) {
      throw domException("SecurityError", 'the document may not use the feature "smart-card"');
    }
    const contexts = this.#contexts;
    let slots: ContextSlots;
    try {
      slots = new ContextSlots(await terms.manager.establishContext({ scope: "system" }));
    } catch (failure) {
      throw exceptionOfManager(failure);
    }
    if (contexts !== this.#contexts) {
      await slots.end();
      throw invalidState("all contexts were ended while this one was established");
    }
    contexts.add(slots);
    slots.ended.addEventListener("abort", () => contexts.delete(slots), { once: true });
    return makeContext(slots, terms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const contexts = this.#contexts;
    this.#contexts = new Set();
    await Promise.all([...contexts].map((slots) => slots.end()));
  }

  [Symbol.dispose](): void {
    void this[Symbol.asyncDispose]();
  }
}

exposeInterface(ResourceManagerObject, "SmartCardResourceManager", { establishContext: 0 });

export type SmartCardResourceManager = Idl;

/** `navigator.smartCard`: what `createSmartCard()` gives. Scripts cannot construct it. */
export const SmartCardResourceManager: InterfaceObject<ExtendedSmartCardResourceManager> = ResourceManagerObject;

const termsOf = optionsOf<SmartCardTerms>({
  manager: managerObject,
  clock: optional(clockObject),
  isAllowed: optional(callback<NonNullable<SmartCardTerms["isAllowed"]>>("a function that says whether it is allowed")),
  askPermission: optional(
    callback<NonNullable<SmartCardTerms["askPermission"]>>("a function that asks for permission to connect"),
  ),
  openCard: optional(callback<OpenCardOn>("a function that opens a card, such as openCard of scard/modules")),
});

/**
 * The Web Smart Card API over a resource manager.
 *
 * @throws invalid-parameter
 */
export function createSmartCard(terms: SmartCardTerms): ExtendedSmartCardResourceManager {
  return new ResourceManagerObject(construction, termsOf(terms, { operation: "createSmartCard", path: "options" }));
}
