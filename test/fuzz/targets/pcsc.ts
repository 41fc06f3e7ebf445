// SPDX-License-Identifier: MIT

import { decodeHex, encodeHex } from "../../../src/base/binary/index.ts";
import { parseFeatures } from "../../../src/faces/compat/index.ts";
import {
  controlCode,
  decodeFeatureList,
  decodeReaderState,
  encodeFeatureList,
  encodeReaderState,
  errorFromNumber,
  errorNumber,
  featureOfTag,
  pinModifyStructure,
  pinPropertiesStructure,
  pinVerifyStructure,
  protocolMask,
  protocolsInMask,
  toPcscliteControlCode,
  toWindowsControlCode,
} from "../../../src/port/index.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must, mustEqual } from "../target.ts";

const features: FuzzTarget = {
  name: "features",
  about: "What a reader answers when it is asked for its features: what is accepted is written back byte for byte",
  covers: ["decodeFeatureList", "parseFeatures"],
  measures: ["port/features", "faces/compat/smartcard-exchange"],
  maxBytes: 4096,
  generate: (dice) =>
    encodeFeatureList(
      Array.from({ length: dice.below(12) }, () => ({ tag: dice.below(0x22), controlCode: dice.below(2 ** 32) })),
    ),
  run(input) {
    const lenient = parseFeatures(input);
    must(lenient.size <= input.length / 6, "no more features than there is room for");
    const decoded = decodeFeatureList(input);
    if (!decoded.ok) return;
    for (const { tag } of decoded.value) must(lenient.has(tag), "what is well-formed is understood by both");
    mustEqual(encodeFeatureList(decoded.value), input, "a feature list that was accepted");
    for (const { tag } of decoded.value) featureOfTag(tag);
    for (const structure of [pinVerifyStructure, pinModifyStructure, pinPropertiesStructure]) {
      must(structure.decode(input).ok === (input.length === structure.size), "a structure has its size");
    }
  },
};

/** A structure whose fields cover it from end to end is written back byte for byte. */
const pinStructures: FuzzTarget = {
  name: "pin-structures",
  about: "PIN structures and numbers of winscard.h, as programs and readers send them",
  covers: ["decodeReaderState"],
  measures: ["port/features", "port/codes", "port/control-codes", "base/binary/struct"],
  maxBytes: 64,
  generate: (dice) =>
    dice.bytes(dice.pick([4, pinVerifyStructure.size, pinModifyStructure.size, pinPropertiesStructure.size])),
  run(input) {
    const verify = pinVerifyStructure.decode(input);
    if (verify.ok) mustEqual(pinVerifyStructure.encode(verify.value), input, "PIN_VERIFY_STRUCTURE");
    const modify = pinModifyStructure.decode(input);
    if (modify.ok) mustEqual(pinModifyStructure.encode(modify.value), input, "PIN_MODIFY_STRUCTURE");
    const properties = pinPropertiesStructure.decode(input);
    if (properties.ok) mustEqual(pinPropertiesStructure.encode(properties.value), input, "PIN_PROPERTIES_STRUCTURE");
    const number = new Tape(input).u32();
    const { eventCount, flags } = decodeReaderState(number);
    const written = encodeReaderState(flags, eventCount);
    must((written & ~number) === 0 && written >>> 16 === number >>> 16, "a reader state gains bits");
    for (const dialect of ["windows", "pcsclite"] as const) {
      const code = errorFromNumber(number, dialect);
      must(code === undefined || errorNumber(code, dialect) === number, "an error's number comes back");
      must((protocolMask(protocolsInMask(number, dialect), dialect) & ~number) === 0, "a protocol mask gains bits");
    }
    must(toPcscliteControlCode(toWindowsControlCode(number)) === toPcscliteControlCode(number), "a control code");
    must(
      controlCode(number & 0xfff, "windows") === toWindowsControlCode(controlCode(number & 0xfff, "pcsclite")),
      "a code",
    );
  },
};

const hex: FuzzTarget = {
  name: "hex",
  about: "Hexadecimal text that a person typed: what is accepted reads the same when it is written",
  covers: ["decodeHex"],
  measures: ["base/binary/hex"],
  maxBytes: 4096,
  dictionary: [new TextEncoder().encode("0x"), new TextEncoder().encode(" : - \n"), new TextEncoder().encode("3F 00")],
  run(input) {
    const decoded = decodeHex(new TextDecoder().decode(input));
    if (!decoded.ok) return;
    for (const separator of ["", " ", ":"]) {
      const again = decodeHex(encodeHex(decoded.value, separator));
      must(again.ok, "what was written cannot be read");
      mustEqual(again.value, decoded.value, "bytes that were written as text");
    }
  },
};

export const pcscTargets: readonly FuzzTarget[] = [features, pinStructures, hex];
