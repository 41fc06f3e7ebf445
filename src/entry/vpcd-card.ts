// SPDX-License-Identifier: MIT

import { connect, type Socket } from "node:net";
import type { SoftwareCard } from "../cards/software-card/index.ts";
import { nodeClock } from "../platform/node/runtime/index.ts";
import { GrowingPause, pause } from "../port/index.ts";
import { DEFAULT_VPCD_PORT, VpcdCard } from "../readers/vpcd/index.ts";

/** Where a card is in a reader of vpcd. */
export type VpcdCardState = "waiting" | "inserted" | "removed";

/** How a card is plugged into a reader of vpcd. */
export interface VpcdCardOptions {
  /** @default 127.0.0.1 */
  readonly host?: string | undefined;
  /** @default 35,963 */
  readonly port?: number | undefined;
  /** Pulls the card when it is aborted; the call resolves then. */
  readonly signal: AbortSignal;
  /** Is told of each change: there is no reader yet, the card is in, the reader is gone. */
  readonly changed?: ((state: VpcdCardState) => void) | undefined;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Plays a software card to a reader of vpcd, in pcscd with Debian's vsmartcard-vpcd or in another service, until the signal
 * is aborted. Where there is no reader it waits for one, and it comes back after the reader was gone.
 *
 * @throws sharing-violation (the card is kept in a file, and is in a reader already)
 */
export async function plugIntoVpcd(card: SoftwareCard, options: VpcdCardOptions): Promise<void> {
  const { changed, host = "127.0.0.1", port = DEFAULT_VPCD_PORT, signal } = options;
  const pauses = new GrowingPause(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  let told: VpcdCardState | undefined;
  const tell = (state: VpcdCardState): void => {
    if (state !== told) changed?.(state);
    told = state;
  };
  card.inserted?.();
  try {
    await playUntilAborted();
  } finally {
    card.removed?.();
  }

  async function playUntilAborted(): Promise<void> {
    while (!signal.aborted) {
      const wasIn = await inserted(card, connect({ host, port, noDelay: true }), signal, () => {
        pauses.restart();
        tell("inserted");
      });
      if (signal.aborted) return;
      tell(wasIn ? "removed" : "waiting");
      await pause(nodeClock, pauses.next(), "next try to reach the reader", { signal });
    }
  }
}

/** One time in the reader. @returns whether the card was in */
function inserted(card: SoftwareCard, socket: Socket, signal: AbortSignal, connected: () => void): Promise<boolean> {
  return new Promise((resolve) => {
    let isIn = false;
    const player = new VpcdCard(card, { write: (bytes) => void socket.write(bytes) });
    const pull = (): void => void socket.destroy();
    signal.addEventListener("abort", pull, { once: true });
    socket.on("connect", () => {
      isIn = true;
      connected();
    });
    socket.on("data", (bytes) => player.received(bytes));
    // "close" follows, and says all that is to be known.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      signal.removeEventListener("abort", pull);
      if (isIn) player.closed();
      resolve(isIn);
    });
  });
}
