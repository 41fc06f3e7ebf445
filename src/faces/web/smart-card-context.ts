// SPDX-License-Identifier: MIT

import {
  type Clock,
  type Connection,
  SmartCardError as PcscError,
  type ReaderWatch,
  type ResourceManager,
  watchReaders,
} from "../../port/index.ts";
import { ConnectionSlots, operationInProgress, validProtocol } from "./connection-slots.ts";
import type { ContextSlots } from "./context-slots.ts";
import {
  connectOptions,
  accessMode as convertAccessMode,
  getStatusChangeOptions,
  readerStatesIn,
  watchOptions,
} from "./dictionaries.ts";
import { domException } from "./dom-exception.ts";
import { invalidState } from "./exceptions.ts";
import type { ExtendedSmartCardConnectResult, ExtendedSmartCardContext } from "./extensions.ts";
import type { SmartCardContext as Idl, SmartCardReaderStateOut } from "./idl.ts";
import { correspondingQueries, correspondingStates } from "./reader-states.ts";
import { makeConnection, type OpenCardOn } from "./smart-card-connection.ts";
import { waitOf } from "./waits.ts";
import { domString, exposeInterface, type InterfaceObject, illegalConstructor, needArguments } from "./web-idl.ts";

/** What contexts are made with. */
export interface SmartCardTerms {
  /** Where the readers are. */
  readonly manager: ResourceManager;
  /** The clock for `watch`. @default the manager's own */
  readonly clock?: Clock | undefined;
  /**
   * Whether the caller may use the policy-controlled feature "smart-card"; where not, `establishContext` is rejected with a
   * "SecurityError". @default it may
   */
  readonly isAllowed?: (() => boolean) | undefined;
  /**
   * Asks for express permission to connect to a reader; where it is refused, `connect` is rejected with a "NotAllowedError". Draft,
   * User Consent. @default it is granted
   */
  readonly askPermission?: ((readerName: string) => boolean | Promise<boolean>) | undefined;
  /** Opens a card for `connection.openCard`. @default there are no card modules */
  readonly openCard?: OpenCardOn | undefined;
}

type Arguments<K extends "getStatusChange" | "connect" | "watch"> = Parameters<ExtendedSmartCardContext[K]>;

const construction = Symbol("construction");

class ContextObject implements ExtendedSmartCardContext {
  readonly #slots: ContextSlots;
  readonly #terms: SmartCardTerms;

  constructor(key: typeof construction, slots: ContextSlots, terms: SmartCardTerms) {
    if (key !== construction) throw illegalConstructor();
    this.#slots = slots;
    this.#terms = terms;
  }

  /** Draft, listReaders() method. */
  async listReaders(): Promise<string[]> {
    const slots = this.#slots;
    checkIdle(slots);
    return slots.operate(
      () => slots.resourceManager.listReaders(),
      (outcome) => {
        if (outcome.ok) return outcome.value;
        if (outcome.failure instanceof PcscError && outcome.failure.code === "no-readers-available") return [];
        throw slots.exceptionOf(outcome.failure);
      },
    );
  }

  /** Draft, getStatusChange() method. */
  async getStatusChange(...given: Arguments<"getStatusChange">): Promise<SmartCardReaderStateOut[]> {
    const slots = this.#slots;
    needArguments(given, 1, "getStatusChange");
    const readerStates = readerStatesIn(given[0], "getStatusChange: readerStates");
    const options = getStatusChangeOptions(given[1], "getStatusChange: options");
    checkIdle(slots);
    // Step 3.2.
    const { signal } = options;
    if (signal?.aborted) throw signal.reason;
    const { wait } = waitOf(options);
    const queries = correspondingQueries(readerStates);
    return slots.operate(
      () => slots.resourceManager.getStatusChange(queries, wait),
      (outcome) => {
        if (!outcome.ok) throw slots.exceptionOf(outcome.failure, { signal });
        return correspondingStates(outcome.value);
      },
    );
  }

  /** Draft, connect() method. */
  async connect(...given: Arguments<"connect">): Promise<ExtendedSmartCardConnectResult> {
    const slots = this.#slots;
    needArguments(given, 2, "connect");
    const readerName = domString(given[0], "connect: readerName");
    const accessMode = convertAccessMode(given[1], "connect: accessMode");
    const { preferredProtocols = [], ...limits } = connectOptions(given[2], "connect: options");
    checkIdle(slots);
    // Step 3.
    if (slots.activeTransaction(readerName) !== undefined) {
      throw invalidState(`this context is in a transaction with "${readerName}"`);
    }
    const { end, wait } = waitOf(limits);
    const work = async (): Promise<Connection> => {
      await this.#ensurePermission(readerName);
      return slots.resourceManager.connect(readerName, {
        ...wait,
        shareMode: accessMode,
        preferredProtocols: [...new Set(preferredProtocols)],
      });
    };
    return slots.operate(work, (outcome) => {
      if (!outcome.ok) throw slots.exceptionOf(outcome.failure, end);
      const terms = { accessMode, preferredProtocols };
      const connection = new ConnectionSlots(slots, outcome.value, readerName, terms);
      if (slots.ended.aborted) {
        void connection.end();
        throw invalidState("the context has ended");
      }
      slots.add(connection);
      const activeProtocol = validProtocol(connection.activeProtocol);
      return {
        connection: makeConnection(connection, this.#terms.openCard),
        ...(activeProtocol !== undefined && { activeProtocol }),
      };
    });
  }

  /** Draft, User Consent. */
  async #ensurePermission(readerName: string): Promise<void> {
    const { askPermission } = this.#terms;
    if (askPermission === undefined || (await askPermission(readerName)) === true) return;
    throw domException("NotAllowedError", `the user has not given permission to connect to "${readerName}"`);
  }

  /** Not of the draft. */
  watch(...[options]: Arguments<"watch">): ReaderWatch {
    const { ended } = this.#slots;
    const { signal } = watchOptions(options, "watch: options");
    const { clock, manager } = this.#terms;
    const either = signal === undefined ? ended : AbortSignal.any([ended, signal]);
    return watchReaders(manager, { signal: either, ...(clock !== undefined && { clock }) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#slots.end();
  }

  [Symbol.dispose](): void {
    void this.#slots.end();
  }
}

exposeInterface(ContextObject, "SmartCardContext", { listReaders: 0, getStatusChange: 1, connect: 2 });

export type SmartCardContext = Idl;

/** A context of the PC/SC resource manager: what `establishContext()` gives. Scripts cannot construct it. */
export const SmartCardContext: InterfaceObject<ExtendedSmartCardContext> = ContextObject;

/** Makes a SmartCardContext. */
export function makeContext(slots: ContextSlots, terms: SmartCardTerms): ExtendedSmartCardContext {
  return new ContextObject(construction, slots, terms);
}

function checkIdle(slots: ContextSlots): void {
  // Not of the draft, which has no end of a context.
  if (slots.ended.aborted) throw invalidState("the context has ended");
  if (slots.operationInProgress) throw operationInProgress();
}
