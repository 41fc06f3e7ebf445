// SPDX-License-Identifier: MIT

import { decodeAtr, decodePps, etuFactorsOf } from "../../../src/base/iso7816/index.ts";
import {
  confirmTransmission,
  lineTimes,
  planTransmission,
  type ReaderSpeeds,
  T0Exchange,
  type T0Step,
  T1Exchange,
  type T1Step,
  t1OptionsOf,
} from "../../../src/readers/transmission/index.ts";
import { runHistory } from "../../transmission/exchange-history.ts";
import { checkBytes } from "../../transmission/t1-card.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must, mustEqual } from "../target.ts";

const MAX_EXTENSIONS = 8;

/** More than an endless chain of full blocks needs; a tape's chains of short ones end with it. */
const MAX_STEPS = 6_000;

/** PCBs that say something: I, R and S, some of them reserved. */
const pcbs = [0x00, 0x40, 0x20, 0x60, 0x80, 0x90, 0x81, 0x92, 0xc0, 0xe0, 0xc1, 0xe1, 0xc2, 0xe2, 0xc3, 0xe3] as const;

/** A block of a card that does as it likes; undefined for none in time. */
function hostileBlock(tape: Tape, edc: "lrc" | "crc"): Uint8Array | undefined {
  const kind = tape.below(20);
  if (kind === 0) return undefined;
  if (kind === 1) return tape.bytes(tape.below(300));
  const pcb = kind === 2 ? tape.byte() : tape.pick(...pcbs);
  const length = (pcb & 0x80) === 0 ? tape.pick(0, 1, 2, 32, 254, 255) : (pcb & 0xdd) === 0xc1 ? 1 : 0;
  const body = [kind === 3 ? tape.byte() : 0, pcb, kind === 4 ? tape.byte() : length, ...tape.bytes(length)];
  while (body.length < 3 + length) body.push(0x90);
  const check = checkBytes(body, edc);
  return Uint8Array.from([...body, ...(kind === 5 ? check.map((byte) => byte ^ 1) : check)]);
}

/** Every block of the engine must be one that the standard allows. */
function mustBeBlock(block: Uint8Array, edc: "lrc" | "crc", ifsc: number): void {
  const end = block.length - (edc === "lrc" ? 1 : 2);
  const body = [...block.subarray(0, end)];
  const [, pcb = 0, length = 0] = body;
  must(end === 3 + length, "LEN is not the length of the information");
  mustEqual(block.subarray(end), Uint8Array.from(checkBytes(body, edc)), "the error detection code");
  must((pcb & 0x80) !== 0 || (length >= 1 && length <= ifsc), `an I-block of ${length} bytes, and IFSC is ${ifsc}`);
}

const t1Card: FuzzTarget = {
  name: "t1-card",
  about: "A card that answers T=1 with any block, or none: each exchange ends, and every block of ours is valid",
  covers: [],
  measures: ["readers/transmission/t1"],
  maxBytes: 2048,
  run(input) {
    const tape = new Tape(input);
    const edc = tape.pick("lrc", "lrc", "crc");
    const ifsc = 1 + tape.below(254);
    const engine = new T1Exchange({ ifsc, edc, maxWaitExtensions: MAX_EXTENSIONS });
    const command = Uint8Array.from({ length: 1 + tape.below(600) }, (_, index) => index);
    for (let exchange = 0; exchange < 4; exchange++) {
      let step: T1Step = tape.below(4) === 0 ? engine.negotiateIfsd(1 + tape.below(254)) : engine.transmit(command);
      let steps = 0;
      // IFSC may change between two transmissions of the same block.
      let allowed = Math.max(ifsc, engine.ifsc);
      let isWhollySent = true;
      for (; step.kind === "send"; steps++) {
        const pcb = step.block[1] ?? 0;
        if ((pcb & 0x80) === 0) isWhollySent = (pcb & 0x20) === 0;
        // A card that has ended our chain may say why at once.
        if (pcb === 0xe2) isWhollySent = true;
        must(steps < MAX_STEPS, "an exchange does not end");
        allowed = Math.max(allowed, engine.ifsc);
        mustBeBlock(step.block, edc, allowed);
        must(step.waitMultiplier >= 1 && step.waitMultiplier <= 255, `a waiting time times ${step.waitMultiplier}`);
        if (tape.below(64) === 63) step = engine.abort();
        else {
          const block = hostileBlock(tape, edc);
          step = block === undefined ? engine.failed(tape.pick("timeout", "parity")) : engine.received(block);
        }
      }
      if (step.kind !== "done") continue;
      must(isWhollySent, "a response to a command that the card has not got");
      must(step.response.length <= 65_538, `a response of ${step.response.length} bytes`);
    }
  },
};

const t1Line: FuzzTarget = {
  name: "t1-line",
  about: "A line that loses, doubles, corrupts and delays blocks of T=1: no hang, no wrong data, no command twice",
  covers: [],
  measures: ["readers/transmission/t1"],
  maxBytes: 512,
  generate: (dice) => dice.bytes(dice.below(512)),
  run(input) {
    runHistory(new Tape(input), 6);
  },
};

const t0Card: FuzzTarget = {
  name: "t0-card",
  about: "A card that answers T=0 with any bytes: each exchange ends, and no more is sent than the command has",
  covers: [],
  measures: ["readers/transmission/t0"],
  maxBytes: 1024,
  run(input) {
    const tape = new Tape(input);
    const engine = new T0Exchange({ maxWaitExtensions: MAX_EXTENSIONS });
    const length = tape.pick(4, 5, 5, 6, 20, 260);
    const instruction = tape.pick(0xa4, 0xb0, 0xd6, 0x20, 0xff, 0x00, 0x60);
    const data = Math.max(0, length - 5);
    const command = Uint8Array.from(
      [0, instruction, 0, 0, data || tape.byte(), ...new Uint8Array(data)].slice(0, length),
    );
    let sent = 0;
    let step: T0Step = engine.transmit(command);
    for (let steps = 0; step.kind === "send" || step.kind === "receive"; steps++) {
      must(steps < 1200, "an exchange does not end");
      must(step.expect >= 1 && step.expect <= 258, `${step.expect} bytes are expected`);
      if (step.kind === "send") sent += step.bytes.length;
      must(sent <= Math.max(5, command.length), `${sent} bytes were sent of ${command.length}`);
      const kind = tape.below(16);
      if (kind === 0) step = engine.failed(tape.pick("timeout", "parity"));
      else if (kind < 6) step = engine.received(tape.bytes(1 + tape.below(300)));
      else step = engine.received(Uint8Array.of(tape.pick(instruction, instruction ^ 0xff, 0x60, 0x61, 0x90, 0x00)));
    }
    if (step.kind === "done") {
      const most = command.length === 5 ? command[4] || 256 : 0;
      must(
        step.response.length >= 2 && step.response.length <= most + 2,
        `a response of ${step.response.length} bytes`,
      );
    }
  },
};

const transmissionPlan: FuzzTarget = {
  name: "transmission-plan",
  about: "Any ATR, any reader, any answer to PPS: a plan that both can keep to, times that end, and no exception",
  covers: [],
  measures: ["readers/transmission/speed", "readers/transmission/line-times"],
  maxBytes: 96,
  run(input) {
    const tape = new Tape(input);
    const clockKHz = 1 + tape.below(20_000);
    const reader: ReaderSpeeds = {
      clockKHz,
      clocksKHz: [2 * clockKHz, clockKHz + 1],
      maxDataRate: 1 + tape.below(65_536) * 16,
      dataRates: Array.from({ length: tape.below(4) }, () => tape.below(65_536) * 16),
    };
    const protocol = tape.pick(0, 1);
    const answer = tape.bytes(tape.below(8));
    const decoded = decodeAtr(tape.rest());
    if (!decoded.ok) return;
    const atr = decoded.value;
    const plan = planTransmission(atr, protocol, tape.below(2) === 0 ? reader : undefined);
    if (plan.kind === "refuse") return;
    const { f, d } = plan.factors;
    const { clockKHz: raised = clockKHz } = plan;
    must(raised === clockKHz || raised * 1000 <= (atr.factors.maxClockHz ?? 0), `a clock of ${raised} kHz`);
    must(f >= 372 && d >= 1, `F = ${f} and D = ${d}`);
    if (plan.kind === "pps") {
      const request = decodePps(plan.bytes);
      must(request.ok && request.value.protocol === protocol, "the request is not for the protocol");
      must(etuFactorsOf(plan.request.pps1 ?? 0x11)?.f === f, "the request has other factors");
      must(confirmTransmission(plan.request, plan.bytes).agreed, "an echo is no agreement");
      confirmTransmission(plan.request, answer);
    }
    const times = lineTimes(atr, reader.clockKHz, plan.factors);
    const wait = protocol === 0 ? times.workWaitMs : times.blockWaitMs;
    // The longest that the standard has: BWI 9, and WI 255 with F = 2048; the slowest clock here is 1 kHz.
    must(wait !== undefined && wait > 0 && wait <= 510e6 / reader.clockKHz, `a waiting time of ${wait} ms`);
    if (protocol === 1) new T1Exchange(t1OptionsOf(atr));
  },
};

export const transmissionTargets: readonly FuzzTarget[] = [t1Card, t1Line, t0Card, transmissionPlan];
