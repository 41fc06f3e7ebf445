// SPDX-License-Identifier: MIT

import { concatBytes, encodeHex } from "../../../src/base/binary/index.ts";
import {
  atrTimings,
  beginExchange,
  checkPpsResponse,
  commandCase,
  decodeAtr,
  decodeClassByte,
  decodeCommand,
  decodeHistoricalBytes,
  decodePps,
  decodeResponse,
  decodeTransmissionFactors,
  describeCommand,
  describeCommandBytes,
  describeContactless,
  describeControlBytes,
  describeStatusWord,
  disclosureOf,
  type Exchange,
  ExchangeError,
  encodeCommand,
  encodePps,
  encodeResponse,
  etuFactorsOf,
  MAX_FOLLOW_UP_DATA_BYTES,
  MAX_FOLLOW_UP_ROUNDS,
  stepExchange,
} from "../../../src/base/iso7816/index.ts";
import type { Dice } from "../dice.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must, mustBeAlike, mustEqual, weightOf } from "../target.ts";

/** A whole ATR whose T0 and TDs tell the truth for a while: then chance goes on. */
function makeAtr(dice: Dice): Uint8Array {
  const bytes = [dice.chance(90) ? 0x3b : 0x3f, dice.below(256)];
  for (let present = (bytes[1] ?? 0) >> 4; present !== 0 && bytes.length < 30; ) {
    for (const bit of [1, 2, 4]) if ((present & bit) !== 0) bytes.push(dice.below(256));
    const td = dice.chance(60) ? dice.below(256) : dice.pick([0x00, 0x01, 0x80, 0x81, 0x1f, 0x31, 0xf1]);
    if ((present & 8) !== 0) bytes.push(td);
    present = (present & 8) === 0 ? 0 : td >> 4;
  }
  const historical = (bytes[1] ?? 0) & 0x0f;
  bytes.push(...(dice.chance(50) ? [0x80] : []), ...dice.bytes(historical));
  if (dice.chance(50)) bytes.push(bytes.slice(1).reduce((sum, byte) => sum ^ byte, 0));
  return Uint8Array.from(bytes);
}

/** Whether the protocols of an ATR can be told: what comes behind the interface bytes does not matter for that. */
function isReadable(bytes: Uint8Array): boolean {
  if (bytes.length < 2 || bytes.length > 33 || (bytes[0] !== 0x3b && bytes[0] !== 0x3f)) return false;
  let at = 1;
  for (let announced = (bytes[1] ?? 0) >> 4; announced !== 0; ) {
    for (let bits = announced; bits !== 0; bits &= bits - 1) at++;
    if (at >= bytes.length) return false;
    announced = announced < 8 ? 0 : (bytes[at] ?? 0) >> 4;
  }
  return true;
}

const atr: FuzzTarget = {
  name: "atr",
  about: "An ATR, as a card sends it: decodes to its own bytes, and its times are numbers",
  covers: ["decodeAtr", "decodeTransmissionFactors"],
  measures: [
    "base/iso7816/atr",
    "base/iso7816/historical-bytes",
    "base/iso7816/compact-tlv",
    "base/iso7816/contactless-atr.",
    "base/iso7816/transmission-factors",
  ],
  maxBytes: 64,
  dictionary: [
    Uint8Array.of(0x3b),
    Uint8Array.of(0x80, 0x01),
    Uint8Array.of(0x80, 0x4f, 0x0c, 0xa0, 0x00, 0x00, 0x03, 0x06),
  ],
  generate: makeAtr,
  run(input) {
    const before = input.slice();
    const decoded = decodeAtr(input);
    mustEqual(input, before, "decoding changed its input");
    must(decoded.ok === isReadable(input), "an ATR is refused without need, or taken without sense");
    if (!decoded.ok) {
      must(decoded.error.offset >= 0 && decoded.error.offset <= input.length, "the offset of an error is in the input");
      return;
    }
    const { value } = decoded;
    const parts: Uint8Array[] = [input.subarray(0, 2)];
    for (const { ta, tb, tc, td } of value.interfaceBytes) {
      parts.push(Uint8Array.from([ta, tb, tc, td].filter((byte) => byte !== undefined)));
    }
    parts.push(value.historicalBytes);
    if (value.check.kind === "present") parts.push(Uint8Array.of(value.check.tck));
    mustEqual(concatBytes(...parts, value.rest), input, "the parts of an ATR");
    mustEqual(value.bytes, input, "the bytes of an ATR");
    must(value.problems.length <= 64, `an ATR has ${value.problems.length} problems`);
    if (value.contactless !== undefined) must(describeContactless(value.contactless) !== "", "a card is described");
    for (const { ta } of value.interfaceBytes) {
      const factors = ta === undefined ? undefined : etuFactorsOf(ta);
      if (ta !== undefined) mustBeAlike(decodeTransmissionFactors(ta).code, ta, "the byte of transmission factors");
      const times = atrTimings(value, factors === undefined ? {} : { factors });
      for (const time of [times.t0GuardTime, times.t1GuardTime, times.waitingTime, times.blockWaitingTime]) {
        must(time === undefined || (Number.isFinite(time.ms) && time.ms >= 0), "a time of the line is a number");
        // WI 0 is reserved; its time is 0, and that is reported.
        must(time?.ms !== 0 || value.problems.length > 0, "there is no time, and nothing says so");
      }
    }
  },
};

const pps: FuzzTarget = {
  name: "pps",
  about: "A PPS request or response: what is accepted is written back byte for byte",
  covers: ["decodePps"],
  measures: ["base/iso7816/pps", "base/iso7816/transmission-factors"],
  maxBytes: 16,
  generate(dice) {
    const byte = (): number | undefined => (dice.chance(50) ? dice.below(256) : undefined);
    return encodePps({ protocol: dice.below(15), pps1: byte(), pps2: byte(), pps3: byte() });
  },
  run(input) {
    const decoded = decodePps(input);
    if (!decoded.ok) return;
    mustEqual(encodePps(decoded.value), input, "a PPS that was accepted");
    const request = { ...decoded.value, pps1: 0x11, pps2: input[1] };
    const outcome = checkPpsResponse(request, decoded.value);
    must(!outcome.agreed || outcome.protocol === request.protocol, "a PPS agrees to another protocol");
    must(checkPpsResponse(decoded.value, decoded.value).agreed || decoded.value.pps1 !== undefined, "an echo agrees");
  },
};

/** A command whose length fields are right, of any case. */
function makeCommand(dice: Dice): Uint8Array {
  const extended = dice.chance(30);
  const data = dice.bytes(dice.pick([0, 0, 1, 2, 8, dice.below(256), extended ? dice.below(700) : 255]));
  const le = dice.pick([undefined, 1, 256, 1 + dice.below(extended ? 65_536 : 256)]);
  const ins = dice.pick([0x20, 0x24, 0xa4, 0xb0, 0xc0, 0xd8, dice.below(256)]);
  const header = { cla: dice.pick([0x00, 0x80, 0xff, 0x10, dice.below(256)]), ins, p1: dice.below(256), p2: 0 };
  return encodeCommand({ ...header, data, le, ...(extended && (data.length > 0 || le !== undefined) && { extended }) });
}

const command: FuzzTarget = {
  name: "command",
  about: "A command, as a program sends it: what is accepted is written back byte for byte, and no log tells a secret",
  covers: ["decodeCommand", "decodeClassByte"],
  measures: ["base/iso7816/apdu", "base/iso7816/redact", "base/iso7816/class-byte", "base/iso7816/instruction"],
  maxBytes: 70_000,
  generate: makeCommand,
  run(input) {
    const { text } = { text: describeCommandBytes(input) };
    const [cla = 0] = input;
    decodeClassByte(cla);
    const control = describeControlBytes(0x4200_0d48, input);
    must(control.length < 400, `the description of a control command has ${control.length} characters`);
    const decoded = decodeCommand(input);
    if (!decoded.ok) return;
    mustEqual(encodeCommand(decoded.value), input, "a command that was accepted");
    const description = describeCommand(decoded.value);
    must(description.case === commandCase(decoded.value), "the description names the case");
    const { data } = decoded.value;
    if (data.length === 0 || disclosureOf(decoded.value).command) return;
    const other = data.map((byte) => byte ^ 0xff);
    if (disclosureOf({ ...decoded.value, data: other }).command) return;
    const otherBytes = encodeCommand({ ...decoded.value, data: other });
    mustBeAlike(describeCommandBytes(otherBytes), text, "the description of a command with another secret");
    if (data.length > 2) must(!description.text.includes(encodeHex(data, " ")), "the description holds secret data");
  },
};

const response: FuzzTarget = {
  name: "response",
  about: "A response, as a card sends it: what is accepted is written back byte for byte",
  covers: ["decodeResponse"],
  measures: ["base/iso7816/apdu", "base/iso7816/status-word"],
  maxBytes: 70_000,
  run(input) {
    const decoded = decodeResponse(input);
    must(decoded.ok === (input.length >= 2 && input.length <= 65_538), "2 to 65,538 bytes are a response");
    if (!decoded.ok) return;
    mustEqual(encodeResponse(decoded.value.data, decoded.value.sw), input, "a response that was accepted");
    must(describeStatusWord(decoded.value.sw) !== undefined, "every status word is described");
  },
};

const historicalBytes: FuzzTarget = {
  name: "historical-bytes",
  about: "Historical bytes of a card: there are no wrong ones",
  covers: ["decodeHistoricalBytes"],
  measures: ["base/iso7816/historical-bytes", "base/iso7816/compact-tlv"],
  maxBytes: 32,
  generate: (dice) => concatBytes(Uint8Array.of(dice.pick([0x00, 0x80, 0x10, 0x81])), dice.bytes(dice.below(15))),
  run(input) {
    const { kind } = decodeHistoricalBytes(input);
    must((kind === "none") === (input.length === 0), "historical bytes are of some kind");
  },
};

const followUp: FuzzTarget = {
  name: "follow-up",
  about: "A card that answers 61xx and 6Cxx for ever: an exchange ends, and each command of it can be sent",
  covers: [],
  measures: [
    "base/iso7816/follow-up",
    "base/iso7816/exchange",
    "base/iso7816/envelope-and-chaining",
    "base/iso7816/apdu",
  ],
  maxBytes: 2048,
  generate: (dice) =>
    concatBytes(
      Uint8Array.of(5),
      makeCommand(dice).slice(0, 5),
      Uint8Array.of(dice.below(3), dice.below(3), dice.below(4), dice.below(5)),
      ...Array.from({ length: dice.below(40) }, () =>
        Uint8Array.of(dice.below(4), dice.pick([0x61, 0x6c, 0x90]), dice.below(256)),
      ),
    ),
  run(input) {
    const tape = new Tape(input);
    const first = decodeCommand(tape.bytes(tape.byte()));
    if (!first.ok) return;
    // What is said for ever beyond the end of the tape: more data, more without any, another Le.
    const [endless, endlessData] = tape.pick([0x61, true], [0x61, false], [0x6c, false]);
    const protocol = tape.pick("t1" as const, "t0" as const, undefined);
    const longData = tape.pick(undefined, "envelope" as const, "chaining" as const, "extended" as const);
    const data = new Uint8Array(tape.pick(first.value.data.length, 255, 256, 600, 65_535));
    let exchange: Exchange;
    try {
      exchange = beginExchange({ ...first.value, data, extended: undefined }, { protocol, longData });
    } catch (error) {
      must(error instanceof ExchangeError && error.code === "cannot-send", "a command is sent, or refused with a code");
      return;
    }
    const most = MAX_FOLLOW_UP_ROUNDS + exchange.carried.commands.length - 1;
    for (let rounds = 1; ; rounds++) {
      must(rounds <= most, `an exchange goes on after ${most} commands`);
      const sent = exchange.command;
      must(protocol !== "t0" || encodeCommand(sent).length <= 260, "T=0 carries every command");
      const isPart = exchange.at < exchange.carried.commands.length - 1;
      const [length, sw1, sw2] = tape.ended
        ? isPart
          ? [0, 0x90, 0x00]
          : [endlessData ? 256 : 0, endless, rounds & 0xff]
        : [tape.pick(0, 1, 255, 256, sent.le ?? 0, 30_000), tape.byte(), tape.byte()];
      const step = stepExchange(exchange, { data: new Uint8Array(length), sw1, sw2, sw: (sw1 << 8) | sw2 });
      if (step.kind === "done")
        must(step.response.data.length <= MAX_FOLLOW_UP_DATA_BYTES, "an exchange gathered too much");
      if (step.kind !== "send") return;
      ({ exchange } = step);
      must(
        weightOf(exchange.parts) <= MAX_FOLLOW_UP_DATA_BYTES + 4 * MAX_FOLLOW_UP_ROUNDS,
        "an exchange gathers too much",
      );
    }
  },
};

export const iso7816Targets: readonly FuzzTarget[] = [atr, pps, command, response, historicalBytes, followUp];
