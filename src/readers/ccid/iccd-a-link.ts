// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import { T0_HEADER_BYTES } from "../../base/iso7816/index.ts";
import { ControlLink, type ControlOutcome, type ControlTurn, iccdRequests } from "./control-link.ts";
import type { CcidCommand } from "./messages.ts";
import { slotErrors } from "./slot-errors.ts";

const MAX_ATR_BYTES = 33;
/** SW1 SW2. */
const STATUS_WORD_BYTES = 2;
/** P3 = 0 stands for it. */
const MOST_DATA_BYTES = 256;
/** Between two questions to a card that is busy, in milliseconds. */
const BUSY_PAUSE_MS = 10;

/** GET_ICC_STATUS. ICCD 1.0, 6.1.5. */
const cardStatus = { data: 0x10, statusWord: 0x20, busy: 0x40, mute: 0x80 } as const;

/** ICCD version A: a USB card that takes TPDUs of T=0. ICCD 1.0, 6.1. */
export class IccdALink extends ControlLink {
  protected async run(command: CcidCommand, turn: ControlTurn): Promise<ControlOutcome | undefined> {
    switch (command.name) {
      case "icc-power-off":
        await this.out(iccdRequests.powerOff, 0, turn);
        return { icc: "inactive" };
      case "icc-power-on":
        await this.out(iccdRequests.powerOff, 0, turn);
        await this.#ready(turn);
        return { data: await this.in(iccdRequests.powerOn, MAX_ATR_BYTES, turn) };
      case "get-slot-status":
        return { icc: (await this.#ready(turn)) === cardStatus.mute ? "absent" : "active" };
      case "xfr-block":
        return await this.#tpdu(command.data ?? new Uint8Array(0), turn);
      default:
        return undefined;
    }
  }

  /** Header, then data in one direction, then SW1 SW2: each when the card asks for it. */
  async #tpdu(tpdu: Uint8Array, turn: ControlTurn): Promise<ControlOutcome> {
    // P3 counts the data. A program may have put Le behind it, which T=0 has no place for.
    const data = tpdu.subarray(T0_HEADER_BYTES, T0_HEADER_BYTES + (tpdu[T0_HEADER_BYTES - 1] ?? 0));
    await this.out(iccdRequests.xfrBlock, 0, turn, tpdu.subarray(0, T0_HEADER_BYTES));
    let answer: Uint8Array = new Uint8Array(0);
    let status = await this.#ready(turn);
    if (status === cardStatus.data) {
      if (data.length > 0) await this.out(iccdRequests.xfrBlock, 0, turn, data);
      else answer = await this.in(iccdRequests.dataBlock, tpdu[4] || MOST_DATA_BYTES, turn);
      status = await this.#ready(turn);
    }
    if (status !== cardStatus.statusWord) return this.failed(slotErrors.cardMute);
    return { data: concatBytes(answer, await this.in(iccdRequests.dataBlock, STATUS_WORD_BYTES, turn)) };
  }

  /** The status of the card as soon as it is not busy. */
  async #ready(turn: ControlTurn): Promise<number> {
    for (;;) {
      const [status = 0] = await this.in(iccdRequests.iccStatus, 1, turn);
      if ((status & cardStatus.busy) === 0) return status;
      await this.pause(BUSY_PAUSE_MS, turn);
    }
  }
}
