// SPDX-License-Identifier: MIT

/**
 * `scard/bridge`: the Web Smart Card API in any page or worker, through `scard bridge` on the user's machine.
 */

import { checkFunction, checkMembers, checkTruth, kindOf } from "../base/binary/index.ts";
import {
  BridgedConnection,
  BridgedContext,
  BridgedSmartCard,
  type BridgeTokens,
  type PairingRequest,
} from "../faces/bridge-client/index.ts";
import type {
  ExtendedSmartCardConnection,
  ExtendedSmartCardContext,
  SmartCardProtocol,
  SmartCardResourceManager,
} from "../faces/web/index.ts";
import { openSocket, PageStore, pageCrypto, type SocketEvents, startTimer } from "../platform/browser/index.ts";

import type { UsbBridge } from "./bridge-usb.ts";

export type { BridgeTokens, PairingRequest } from "../faces/bridge-client/index.ts";
export type {
  BufferSource,
  SmartCardAccessMode,
  SmartCardConnection,
  SmartCardConnectionState,
  SmartCardConnectionStatus,
  SmartCardConnectOptions,
  SmartCardConnectResult,
  SmartCardContext,
  SmartCardDisposition,
  SmartCardErrorOptions,
  SmartCardGetStatusChangeOptions,
  SmartCardProtocol,
  SmartCardReaderStateFlagsIn,
  SmartCardReaderStateFlagsOut,
  SmartCardReaderStateIn,
  SmartCardReaderStateOut,
  SmartCardResourceManager,
  SmartCardResponseCode,
  SmartCardTransactionCallback,
  SmartCardTransactionOptions,
  SmartCardTransmitOptions,
} from "../faces/web/index.ts";
export { SmartCardError } from "../faces/web/index.ts";

/** Where `scard bridge` listens, unless it is told otherwise. */
const DEFAULT_URL = "ws://127.0.0.1:41964";

/** How a page reaches the bridge. */
export interface BridgeOptions {
  /** Where the bridge listens: `ws://127.0.0.1:PORT`. @default "ws://127.0.0.1:41964" */
  readonly url?: string | undefined;
  /**
   * Asks the user for the code that the bridge shows in its terminal: once for each browser. An empty answer, or none, gives the pairing up.
   *
   * @default the browser's own prompt; a worker has none
   */
  readonly pairingCode?: ((request: PairingRequest) => Promise<string | null | undefined>) | undefined;
  /**
   * Whether the CCID readers that the user has let this page use by WebUSB come before the bridge: with the driver and the manager of this package, in the
   * page. They are loaded (`bridge-usb.js`) at the first `establishContext()`, where the browser has `navigator.usb`. Where none of those readers is in
   * service, the bridge is used. @default false
   *
   * Portability: WebUSB protects the smart card class. Only an isolated web app with the permission `usb-unrestricted` may claim such a reader.
   */
  readonly usb?: boolean | undefined;
  /**
   * Whether contexts and connections of the bridge have what this package adds to the API: `watch`, `send`, `reconnect`, `using`, and limits of waits,
   * as in `scard/web`. They are loaded (`bridge-extensions.js`) at the first `establishContext()`. @default false
   */
  readonly extensions?: boolean | undefined;
  /** Keeps the secret of the pairing. @default IndexedDB of the origin, which its pages and workers share */
  readonly tokens?: BridgeTokens | undefined;
}

/** The API through the bridge. */
export interface SmartCardBridge extends SmartCardResourceManager {
  /** Ends the connection to the bridge, and all contexts. A card in a transaction is reset. */
  close(): void;
}

/** A connection through the bridge, and what this package adds. Card modules are not for pages. */
export interface ExtendedBridgeConnection extends Omit<ExtendedSmartCardConnection, "openCard"> {}

/** A context of the bridge, and what this package adds. A watch ends with the connection to the bridge. */
export interface ExtendedBridgeContext extends Omit<ExtendedSmartCardContext, "connect"> {
  connect(
    ...given: Parameters<ExtendedSmartCardContext["connect"]>
  ): Promise<{ connection: ExtendedBridgeConnection; activeProtocol?: SmartCardProtocol }>;
}

/** The API through the bridge, and what this package adds. */
export interface ExtendedSmartCardBridge extends SmartCardBridge {
  establishContext(): Promise<ExtendedBridgeContext>;
}

/** The page's own API, where the browser has one. */
interface PageNavigator {
  readonly origin?: string | undefined;
  readonly navigator?: { readonly smartCard?: SmartCardResourceManager | undefined; readonly usb?: object } | undefined;
}

/**
 * The Web Smart Card API of this page or worker: the browser's own where it has one, or else that of the bridge. Nothing is connected before
 * `establishContext()`.
 *
 * ```ts
 * const context = await smartCard().establishContext();
 * const [reader] = await context.listReaders();
 * ```
 *
 * `establishContext()` rejects with a `SmartCardError` whose `responseCode` is "no-service" where no bridge runs, or the bridge does not list this
 * origin, or what listens there cannot prove that it is the bridge which this page was paired with; "server-too-busy" where it has too many
 * connections. It rejects with a "NotAllowedError" DOMException where the pairing failed, and with a "SecurityError" in a page that is in no secure
 * context.
 *
 * Portability: Chrome has the API in isolated web apps on ChromeOS. Safari lets no page that came by https reach the bridge.
 *
 * @throws TypeError for options that are not those above
 */
export function smartCard(options: BridgeOptions = {}): SmartCardResourceManager {
  const bridged = bridgeOf(checked(options, "smartCard"));
  return (globalThis as PageNavigator).navigator?.smartCard ?? bridged;
}

/**
 * The API through the bridge, also where the browser has one of its own. `close()` ends the connection to the bridge.
 *
 * @throws TypeError for options that are not those of {@link smartCard}
 */
export function bridgedSmartCard(options: BridgeOptions & { readonly extensions: true }): ExtendedSmartCardBridge;
export function bridgedSmartCard(options?: BridgeOptions): SmartCardBridge;
export function bridgedSmartCard(options: BridgeOptions = {}): SmartCardBridge {
  return bridgeOf(checked(options, "bridgedSmartCard"));
}

/** Loads the extensions, and adds them to the proxies. */
const extend = async (): Promise<void> =>
  (await import("./bridge-extensions.ts")).extend(BridgedContext, BridgedConnection);

function bridgeOf({
  extensions = false,
  pairingCode = async (request) => (await import("./bridge-pairing.ts")).askInPage(request),
  tokens,
  url = DEFAULT_URL,
  usb = false,
}: BridgeOptions): SmartCardBridge {
  const store = new PageStore("scard-bridge");
  const bridged = new BridgedSmartCard({
    dial: (events) => openSocket(url, events),
    later: startTimer,
    extend: extensions ? extend : undefined,
    pairing: {
      origin: (globalThis as PageNavigator).origin ?? "null",
      address: new URL(url).host,
      crypto: pageCrypto,
      tokens: tokens ?? { load: () => store.get(url), save: (token) => store.set(url, token) },
      pairingCode,
      exchange: async (...given) => (await import("./bridge-pairing.ts")).exchange(...given),
    },
  });
  const own = (globalThis as PageNavigator).navigator?.usb;
  return usb && own ? usbFirst(own, bridged) : bridged;
}

/** The readers of the page, where it has some, or else the bridge: each time that a context is established. */
function usbFirst(usb: object, bridged: SmartCardBridge): SmartCardBridge {
  let opened: Promise<UsbBridge> | undefined;
  return {
    async establishContext() {
      opened ??= import("./bridge-usb.ts").then((later) => later.openUsbBridge(usb as never, BridgedSmartCard));
      // What could not be loaded is loaded anew the next time.
      opened.catch(() => {
        opened = undefined;
      });
      return ((await (await opened).readers()) ?? bridged).establishContext();
    },
    close() {
      opened?.then(
        (own) => own.close(),
        () => undefined,
      );
      bridged.close();
    },
  };
}

/** A MessagePort of a page, a worker or Node, as far as it is used here. */
export interface BridgePort {
  postMessage(message: Uint8Array): void;
  addEventListener(type: "message" | "close", listener: (event: unknown) => void): void;
  start?(): void;
  close(): void;
}

/**
 * The Web Smart Card API over a MessagePort whose other end `servePort()` of `scard/bridge-server` serves: in the renderer of an Electron
 * program, or in a worker thread. No pairing is needed.
 *
 * @throws TypeError (not a MessagePort)
 */
export function smartCardOverPort(port: BridgePort): SmartCardBridge {
  if (!isPort(port)) throw new TypeError(`smartCardOverPort: port is ${kindOf(port)}; pass a MessagePort`);
  let events: SocketEvents | undefined;
  let isClosed = false;
  const closed = (): void => {
    isClosed = true;
    events?.closed(1006, "the port was closed");
  };
  port.addEventListener("message", (event) => {
    events?.received(new Uint8Array((event as { readonly data: Uint8Array }).data));
  });
  port.addEventListener("close", closed);
  port.start?.();
  const close = (): void => {
    port.close();
    closed();
  };
  return new BridgedSmartCard({
    later: startTimer,
    dial: (given) => {
      events = given;
      queueMicrotask(isClosed ? closed : given.opened);
      const send = (message: Uint8Array): void => {
        port.postMessage(message);
        // The port has copied it: it may hold a PIN.
        message.fill(0);
      };
      return { send, close };
    },
  });
}

function isPort(port: unknown): boolean {
  try {
    const { addEventListener, postMessage } = port as Partial<BridgePort>;
    return typeof addEventListener === "function" && typeof postMessage === "function";
  } catch {
    return false;
  }
}

function checked(options: BridgeOptions, name: string): BridgeOptions {
  checkMembers(options, ["url", "pairingCode", "tokens", "usb", "extensions"], `${name}: options`);
  const { extensions, pairingCode, tokens, url, usb } = options;
  if (url !== undefined) checkUrl(url, `${name}: options.url`);
  if (usb !== undefined) checkTruth(usb, `${name}: options.usb`);
  if (extensions !== undefined) checkTruth(extensions, `${name}: options.extensions`);
  if (pairingCode !== undefined) checkFunction(pairingCode, `${name}: options.pairingCode`);
  if (tokens !== undefined) {
    checkFunction(tokens?.load, `${name}: options.tokens.load`);
    checkFunction(tokens.save, `${name}: options.tokens.save`);
  }
  return options;
}

/** The address is in what page and bridge prove, and the bridge knows it by this name alone. */
function checkUrl(url: string, place: string): void {
  if (typeof url !== "string" || !/^ws:\/\/127\.0\.0\.1(:\d+)?\/?$/.test(url))
    throw new TypeError(`${place} is where a bridge listens, such as ${DEFAULT_URL}`);
}
