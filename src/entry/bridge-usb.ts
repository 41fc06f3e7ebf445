// SPDX-License-Identifier: MIT

/**
 * The part of `scard/bridge` that is loaded only where a page asks for its own USB readers: the driver, the manager, and in the bridge's place a service
 * in the page, so that the page has the same classes and the same errors as with the bridge.
 */

import { BridgeService } from "../faces/bridge-server/index.ts";
import type { DraftSmartCardResourceManager } from "../faces/web/index.ts";
import { EmbeddedManager } from "../managers/embedded/index.ts";
import { browserRuntime, startTimer } from "../platform/browser/index.ts";
import type { WebUsb } from "../platform/webusb/index.ts";
import { webUsbReaders } from "./browser.ts";

/** What happens on a connection, as the proxies of a page are told. */
interface Events {
  opened(): void;
  received(message: Uint8Array): void;
  closed(code: number, reason: string): void;
}

/** The API over the readers of a page. */
interface OwnSmartCard extends DraftSmartCardResourceManager {
  close(): void;
}

/** The proxies of a page: `BridgedSmartCard`, whose errors are of the same classes as those of the page's other contexts. */
type Proxies = new (host: {
  dial(events: Events): { send(message: Uint8Array): void; close(): void };
  later(delayMs: number, callback: () => void): () => void;
}) => OwnSmartCard;

/** The USB readers of a page. */
export interface UsbBridge {
  /** Looks for readers. @returns the API over them; undefined where none is in service */
  readers(): Promise<OwnSmartCard | undefined>;
  /** Ends all contexts. */
  close(): void;
}

/** What stands for the origin: no other page is served. */
const ORIGIN = "usb:";

/** Puts the CCID readers that the user has let the page use into service. Is not rejected for a reader that fails. */
export async function openUsbBridge(usb: WebUsb, SmartCards: Proxies): Promise<UsbBridge> {
  const runtime = browserRuntime();
  const manager = new EmbeddedManager({ runtime });
  const readers = await webUsbReaders({ usb, manager, runtime });
  const service = new BridgeService({
    manager: manager.client({ name: "page" }),
    ...{ clock: runtime.clock, random: runtime.random },
    origins: { all: () => [{ origin: ORIGIN, pairings: [] }], remember: async () => undefined },
    notice: () => undefined,
  });
  const smartCard = new SmartCards({ dial: (events) => dial(service, events), later: startTimer });
  return {
    async readers() {
      await readers.look();
      return readers.report().some(({ state }) => state === "ours") ? smartCard : undefined;
    },
    close: () => smartCard.close(),
  };
}

/** Messages arrive later, in order, as on a socket, and are cleared on the way as there. */
function dial(service: BridgeService, events: Events): { send(message: Uint8Array): void; close(): void } {
  let isOpen = true;
  const later = (event: () => void): void => queueMicrotask(() => isOpen && event());
  const closed = (code: number, reason: string): void =>
    later(() => {
      isOpen = false;
      events.closed(code, reason);
    });
  const session = service.acceptTrusted(ORIGIN, {
    ...{ address: ORIGIN, waitingBytes: 0, pause: () => undefined, resume: () => undefined, close: closed },
    send: (message) => later(() => events.received(message)),
  });
  later(events.opened);
  return {
    send(message) {
      const copy = message.slice();
      message.fill(0);
      later(() => session.received(copy));
    },
    close() {
      closed(1005, "");
      void session.closed();
    },
  };
}
