// SPDX-License-Identifier: MIT

/**
 * `scard/web`: the Web Smart Card API of the WICG over any resource manager (docs/guide/web.md).
 *
 *     const smartCard = createSmartCard();
 *     const context = await smartCard.establishContext();
 *     const [reader] = await context.listReaders();
 */

import {
  createSmartCard as createSmartCardOn,
  type ExtendedSmartCardResourceManager,
  type InstalledSmartCard,
  type OpenCardOn,
  type PolyfillOptions,
  polyfillSmartCard as polyfillSmartCardIn,
  type SmartCardResourceManager,
  type SmartCardTerms,
} from "../faces/web/index.ts";
import { nodeClock } from "../platform/node/runtime/index.ts";
import { type ResourceManager, withDefaults } from "../port/index.ts";
import { defaultManager } from "./machine.ts";

export type {
  BufferSource,
  CdpSession,
  DomException,
  DraftSmartCardConnection,
  DraftSmartCardContext,
  DraftSmartCardResourceManager,
  ExtendedSmartCardConnection,
  ExtendedSmartCardConnectOptions,
  ExtendedSmartCardConnectResult,
  ExtendedSmartCardContext,
  ExtendedSmartCardResourceManager,
  ExtendedSmartCardTransactionOptions,
  ExtendedSmartCardTransmitOptions,
  InstalledSmartCard,
  InterfaceObject,
  OpenCardOn,
  PolyfillOptions,
  SmartCardAccessMode,
  SmartCardConnectionState,
  SmartCardConnectionStatus,
  SmartCardConnectOptions,
  SmartCardConnectResult,
  SmartCardDisposition,
  SmartCardEmulationOptions,
  SmartCardErrorExtension,
  SmartCardErrorOptions,
  SmartCardGetStatusChangeOptions,
  SmartCardProtocol,
  SmartCardReaderStateFlagsIn,
  SmartCardReaderStateFlagsOut,
  SmartCardReaderStateIn,
  SmartCardReaderStateOut,
  SmartCardReconnectOptions,
  SmartCardReconnectResult,
  SmartCardResponseCode,
  SmartCardSendOptions,
  SmartCardTerms,
  SmartCardTransactionCallback,
  SmartCardTransactionOptions,
  SmartCardTransmitOptions,
  SmartCardWaitOptions,
} from "../faces/web/index.ts";
export {
  SmartCardConnection,
  SmartCardContext,
  SmartCardEmulation,
  SmartCardError,
  SmartCardResourceManager,
} from "../faces/web/index.ts";

/** The terms of `createSmartCard`, all of which may be left out. */
export type SmartCardOptions = Partial<SmartCardTerms>;

/** The manager of this machine, which is looked for when it is needed. */
const machine: ResourceManager = {
  clock: nodeClock,
  establishContext: async (options) => (await defaultManager()).establishContext(options),
};

/**
 * The Web Smart Card API over a resource manager: what `navigator.smartCard` is in a browser that has it.
 *
 * ```ts
 * import { createSmartCard } from "scard/web";
 * import { embeddedManager, softwareCard, virtualReader } from "scard";
 *
 * const manager = embeddedManager();
 * const reader = virtualReader({ name: "Desk" });
 * reader.insert(await softwareCard("demo"));
 * await manager.addReader(reader);
 *
 * const context = await createSmartCard({ manager }).establishContext();
 * console.log(await context.listReaders());
 * await manager.close();
 * ```
 *
 * @param options `manager` is that of this machine where it is left out (`openManager` of `scard/machine`), and `openCard` that of
 * `scard/modules`
 * @throws invalid-parameter
 */
export function createSmartCard(options: SmartCardOptions = {}): ExtendedSmartCardResourceManager {
  const place = { operation: "createSmartCard", path: "options" };
  return createSmartCardOn(withDefaults<SmartCardTerms>(options, { manager: machine, openCard }, place));
}

const openCard: OpenCardOn = async (connection, how) => (await import("./modules.ts")).openCard(connection, how);

/**
 * Puts the Web Smart Card API where browsers have it: `navigator.smartCard`, and the interfaces as globals, so that
 * `error instanceof SmartCardError` works as in a page. Draft, Extensions to the Navigator interface.
 *
 * @param smartCard what `createSmartCard()` gives, or another implementation
 * @param options `scope` is globalThis where it is left out
 * @throws invalid-parameter
 */
export function polyfillSmartCard(
  smartCard: SmartCardResourceManager,
  options: Partial<PolyfillOptions> = {},
): InstalledSmartCard {
  const place = { operation: "polyfillSmartCard", path: "options" };
  return polyfillSmartCardIn(smartCard, withDefaults<PolyfillOptions>(options, { scope: globalThis }, place));
}
