// SPDX-License-Identifier: MIT

import { encodeHex } from "../../src/base/binary/index.ts";
import { VirtualReader } from "../../src/entry/cards.ts";
import { pause } from "../../src/port/index.ts";
import { ConformanceCard } from "../../src/testing/conformance/index.ts";
import { PATIENCE_MS } from "../patience.ts";
import { WinscardServer } from "./winscard-server.ts";

/** The stage of the conformance suite: a reader with the suite's card, which the program under test has moved. */
export class WindowsStage {
  readonly winscard: WinscardServer;
  readonly #card: ConformanceCard;
  #reader: VirtualReader | undefined;
  #name = "";

  constructor(transactionIdleMs?: number) {
    this.winscard = new WinscardServer(transactionIdleMs);
    this.#card = new ConformanceCard(this.winscard.runtime.clock);
  }

  /** Starts it. @returns the environment of the program */
  async start(): Promise<Record<string, string>> {
    this.winscard.onMove = (move) => this.#move(move);
    const port = await this.winscard.start();
    await this.#plug();
    const atr = encodeHex(ConformanceCard.atr);
    return { SCARD_TEST_WINSCARD: String(port), SCARD_TEST_READER: this.#name, SCARD_TEST_ATR: atr };
  }

  stop(): Promise<void> {
    return this.winscard.stop();
  }

  async #plug(): Promise<void> {
    // With a letter that has another number in the code pages of Windows than in Unicode, and one that they have not.
    this.#reader = new VirtualReader({ name: "Lesegerät 卡 0", clock: this.winscard.runtime.clock });
    this.#name = await this.winscard.manager.addReader(this.#reader);
    this.#insert(false);
  }

  /** More than one call of SCardGetStatusChange takes. */
  async #plugMore(): Promise<void> {
    const { manager, runtime } = this.winscard;
    for (let index = 1; index <= 12; index++) {
      await manager.addReader(new VirtualReader({ name: `More ${index}`, clock: runtime.clock }));
    }
  }

  #insert(isSilent: boolean): void {
    this.#card.isSilent = isSilent;
    this.#reader?.insert(this.#card);
  }

  /** Waits for something that may take as long as the machine is busy. */
  async #until(isSo: () => boolean): Promise<void> {
    const { clock } = this.winscard.runtime;
    for (const end = clock.now() + PATIENCE_MS / 2; !isSo(); ) {
      if (clock.now() > end)
        throw new Error(`${this.winscard.statusWaits} calls wait, ${this.winscard.openHandles} handles are open`);
      await pause(clock, 20, "look for waits");
    }
  }

  async #move(move: string): Promise<void> {
    if (move === "removeCard") this.#reader?.remove();
    else if (move === "insertCard") this.#insert(false);
    else if (move === "insertSilentCard") this.#insert(true);
    else if (move === "unplugReader") this.#reader?.unplug();
    else if (move === "plugReader") await this.#plug();
    else if (move === "aWait") await this.#until(() => this.winscard.statusWaits > 0);
    else if (move === "noWait") await this.#until(() => this.winscard.statusWaits === 0);
    else if (move === "nothingOpen") await this.#until(() => this.winscard.openHandles === 0);
    else if (move === "moreReaders") await this.#plugMore();
    else throw new Error(`there is no move ${move}`);
  }
}
