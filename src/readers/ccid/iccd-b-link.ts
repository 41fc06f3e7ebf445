// SPDX-License-Identifier: MIT

import { ControlLink, type ControlOutcome, type ControlTurn, iccdRequests, MAX_CONTROL_BYTES } from "./control-link.ts";
import type { CcidCommand, IccStatus } from "./messages.ts";
import { slotErrors } from "./slot-errors.ts";

const STATUS_BYTES = 3;
/** wValue of ICC_POWER_ON. */
const POWER_ON = 0x0001;
/** wTime counts these, in milliseconds. */
const TICK_MS = 10;

/** bResponseType of DATA_BLOCK; the others are bChainParameter of CCID. ICCD 1.0, 6.2.4. */
const responseTypes = { data: 0x00, status: 0x40, polling: 0x80 } as const;
const chained: ReadonlySet<number> = new Set([0x01, 0x02, 0x03, 0x10]);

const iccStatuses: readonly IccStatus[] = ["active", "inactive", "absent", "absent"];

/** ICCD version B: a USB card that takes blocks, and chains them as CCID does. ICCD 1.0, 6.2. */
export class IccdBLink extends ControlLink {
  protected async run(command: CcidCommand, turn: ControlTurn): Promise<ControlOutcome | undefined> {
    switch (command.name) {
      case "icc-power-off":
        await this.out(iccdRequests.powerOff, 0, turn);
        await this.#status(turn);
        return { icc: "inactive" };
      case "icc-power-on":
        await this.out(iccdRequests.powerOff, 0, turn);
        await this.#status(turn);
        await this.out(iccdRequests.powerOn, POWER_ON, turn);
        return await this.#data(turn);
      case "get-slot-status":
        return { icc: await this.#status(turn) };
      case "xfr-block":
        await this.out(iccdRequests.xfrBlock, ((command.level ?? 0) & 0xff) << 8, turn, command.data);
        return await this.#data(turn);
      default:
        return undefined;
    }
  }

  /** An answer that is too short says that there is no card. */
  async #status(turn: ControlTurn): Promise<IccStatus> {
    const [, status = 2] = await this.in(iccdRequests.slotStatus, STATUS_BYTES, turn);
    return iccStatuses[status & 3] ?? "absent";
  }

  /** What the card answers, as soon as it has the answer. */
  async #data(turn: ControlTurn): Promise<ControlOutcome> {
    for (;;) {
      const answer = await this.in(iccdRequests.dataBlock, MAX_CONTROL_BYTES, turn);
      const [type, low = 0, high = 0] = answer;
      if (type === responseTypes.data) return { data: answer.slice(1) };
      if (type === responseTypes.status) return this.failed(high, iccStatuses[low & 3]);
      if (type !== responseTypes.polling) {
        if (type === undefined || !chained.has(type)) return this.failed(slotErrors.hardware);
        return { data: answer.slice(1), parameter: type };
      }
      await this.pause(((high << 8) | low) * TICK_MS || TICK_MS, turn);
    }
  }
}
