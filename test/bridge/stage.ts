// SPDX-License-Identifier: MIT

import { copyBytes } from "../../src/base/binary/index.ts";
import {
  BridgedConnection,
  BridgedContext,
  BridgedSmartCard,
  extendProxies,
} from "../../src/faces/bridge-client/index.ts";
import {
  type BridgeNotice,
  type BridgeOrigin,
  type BridgePairing,
  type BridgePipe,
  BridgeService,
  type BridgeServiceOptions,
} from "../../src/faces/bridge-server/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { bridgeCrypto } from "../../src/platform/node/bridge/index.ts";
import { VirtualReader } from "../../src/readers/virtual/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { decodeServiceMessage } from "../../src/wire/bridge/index.ts";
import { pagePairing, RawPage } from "./page-pairing.ts";

export const ORIGIN = "https://app.example";
export const OTHER = "https://other.example";
export const ADDRESS = "127.0.0.1:41964";
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A card that counts its resets, and answers with what it was sent; with INS EE it answers never. */
export class EchoCard {
  resets = 0;
  readonly commands: number[] = [];
  readonly atr: Uint8Array = Uint8Array.of(0x3b, 0x80, 0x01, 0x81);

  reset(): Uint8Array {
    this.resets++;
    return this.atr;
  }

  powerOff(): void {}

  process(command: Uint8Array): Uint8Array | Promise<Uint8Array> {
    this.commands.push(command[1] ?? 0);
    if (command[1] === 0xee) return new Promise(() => undefined);
    return Uint8Array.of(...command, 0x90, 0x00);
  }
}

/** Origins in memory. */
export class MemoryOrigins {
  list: BridgeOrigin[];
  withheldNames: readonly string[] = [];
  mostPairings = 16;
  sure = true;

  constructor(list: readonly BridgeOrigin[]) {
    this.list = [...list];
  }

  all(): readonly BridgeOrigin[] {
    return this.list;
  }

  withheld(): readonly string[] {
    return this.withheldNames;
  }

  isSure(): boolean {
    return this.sure;
  }

  async remember(origin: string, pairing: BridgePairing): Promise<void> {
    const added = (pairings: readonly BridgePairing[]) => [...pairings, pairing].slice(-this.mostPairings);
    this.list = this.list.map((one) => (one.origin === origin ? { ...one, pairings: added(one.pairings) } : one));
  }
}

/** One end of a connection in memory: messages arrive later, in order. */
class MemoryLink {
  readonly sent: Uint8Array[] = [];
  end: { readonly code: number; readonly reason: string } | undefined;
  waitingBytes = 0;
  isPaused = false;
}

export interface StageOptions extends Partial<Pick<BridgeServiceOptions, "limits" | "manager">> {
  readonly origins?: readonly BridgeOrigin[];
  readonly readers?: readonly string[];
}

/** A manager with virtual readers, a bridge over it, and pages in memory. */
export async function bridgeStage(options: StageOptions = {}) {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime });
  const names = options.readers ?? ["Reader A"];
  const cards = names.map(() => new EchoCard());
  const readers: VirtualReader[] = [];
  const addReader = async (name: string, card: EchoCard): Promise<VirtualReader> => {
    const reader = new VirtualReader({ name, clock: runtime.clock });
    reader.insert(card);
    await manager.addReader(reader);
    readers.push(reader);
    return reader;
  };
  for (const [place, name] of names.entries()) await addReader(name, cards[place] ?? new EchoCard());
  await runtime.settle();
  const notices: BridgeNotice[] = [];
  const origins = new MemoryOrigins(options.origins ?? [{ origin: ORIGIN, pairings: [] }]);
  const serviceOptions: BridgeServiceOptions = {
    manager: options.manager ?? manager.client({ name: "bridge" }),
    clock: runtime.clock,
    random: runtime.random,
    origins,
    crypto: bridgeCrypto,
    notice: (notice) => notices.push(notice),
    ...(options.limits && { limits: options.limits }),
  };
  const stage = {
    runtime,
    manager,
    cards,
    readers,
    addReader,
    notices,
    origins,
    service: new BridgeService(serviceOptions),
    /** The bridge is started anew, with the same origins. */
    restart(): void {
      stage.service = new BridgeService(serviceOptions);
    },
    /** The code that was shown last. */
    code(): string {
      const shown = notices.findLast((notice) => notice.kind === "pairing-code");
      return shown?.kind === "pairing-code" ? shown.code : "";
    },
    /** A connection at the level of messages. */
    raw(origin = ORIGIN) {
      const link = new MemoryLink();
      const pipe: BridgePipe = {
        address: ADDRESS,
        send: (message) => link.sent.push(copyBytes(message)),
        get waitingBytes() {
          return link.waitingBytes;
        },
        pause: () => {
          link.isPaused = true;
        },
        resume: () => {
          link.isPaused = false;
        },
        close: (code, reason) => {
          link.end ??= { code, reason };
        },
      };
      const session = stage.service.accept(origin, pipe);
      return { link, session };
    },
    /** The same, of a page that has the secret of a pairing: it says hello and proves itself. */
    rawPaired(token: Uint8Array | undefined, origin = ORIGIN) {
      const raw = stage.raw(origin);
      const page = new RawPage(token, origin, ADDRESS);
      raw.session.received(page.hello());
      const challenge = decodeServiceMessage(raw.link.sent[0] ?? new Uint8Array());
      if (!challenge.ok || challenge.value.kind !== "challenge") throw new Error("there is no challenge");
      raw.session.received(page.prove(challenge.value.nonce).message);
      return raw;
    },
    /** A page: its tab, and what closes it. */
    page(
      origin = ORIGIN,
      given: {
        readonly token?: Uint8Array;
        readonly code?: () => string | undefined;
        /** Where the page thinks that it has connected to, and as what. */
        readonly address?: string;
        readonly claims?: string;
        /** Whether it asks for what this package adds to the API. */
        readonly isExtended?: boolean;
      } = {},
    ) {
      const kept = { token: given.token };
      const closers: (() => Promise<void>)[] = [];
      const smartCard = new BridgedSmartCard({
        ...(given.isExtended && {
          extend: async () =>
            extendProxies({ context: BridgedContext, connection: BridgedConnection, clock: runtime.clock }),
        }),
        later: (delayMs, callback) => runtime.clock.schedule(delayMs, "page", callback, { background: true }),
        dial: (events) => {
          const refusal = stage.service.refusal(origin);
          if (refusal !== undefined) {
            queueMicrotask(() => events.closed(1006, ""));
            return { send: () => undefined, close: () => undefined };
          }
          let isOpen = true;
          const pipe: BridgePipe = {
            address: ADDRESS,
            send: (message) => {
              const copy = copyBytes(message);
              queueMicrotask(() => isOpen && events.received(copy));
            },
            waitingBytes: 0,
            pause: () => undefined,
            resume: () => undefined,
            close: (code, reason) =>
              queueMicrotask(() => {
                if (!isOpen) return;
                isOpen = false;
                events.closed(code, reason);
              }),
          };
          const session = stage.service.accept(origin, pipe);
          const close = async (): Promise<void> => {
            if (!isOpen) return;
            isOpen = false;
            await session.closed();
          };
          closers.push(close);
          queueMicrotask(() => events.opened());
          return {
            send: (message) => {
              const copy = copyBytes(message);
              queueMicrotask(() => isOpen && session.received(copy));
            },
            close: () => {
              void close();
              events.closed(1005, "");
            },
          };
        },
        pairing: pagePairing(
          given.claims ?? origin,
          `ws://${given.address ?? ADDRESS}`,
          given.code ?? (() => stage.code()),
          kept,
        ),
      });
      return {
        smartCard,
        token: () => kept.token,
        /** The tab is closed, or its process is killed. */
        closeTab: async () => {
          await Promise.all(closers.map((close) => close()));
        },
      };
    },
    async close(): Promise<void> {
      const closing = stage.service.close().then(() => manager.close());
      await runtime.advance(120_000);
      await closing;
    },
  };
  return stage;
}
