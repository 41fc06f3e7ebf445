// SPDX-License-Identifier: MIT

import { concatBytes, struct, u8, u32le } from "../../base/binary/index.ts";
import {
  type AttributeFacts,
  attributes,
  controlCode,
  encodeFeatureList,
  features,
  ioctls,
  MAX_COMMAND_BYTES,
} from "../../port/index.ts";

/** 0xMMmmbbbb: 1.0, build 0. */
const VERSION = 0x0100_0000;
/** 0xDDDDCCCC: a channel of the vendor's own kind, number 0. */
const VENDOR_CHANNEL = 0x00f0_0000;

/** Further properties of the virtual reader. */
export const virtualReaderFacts: Pick<AttributeFacts, "version" | "channelId" | "maxInputBytes"> = {
  version: VERSION,
  channelId: VENDOR_CHANNEL,
  maxInputBytes: MAX_COMMAND_BYTES,
};

/** Whether an attribute can be set to this value. The only one has no effect, as there is no IFSD request. */
export function canSetAttribute(attribute: number, value: Uint8Array): boolean {
  return attribute === attributes["supress-t1-ifs-request"].value && value.length >= 1 && value.length <= 4;
}

const { tag } = features["get-tlv-properties"];
/** In the range that Windows leaves to vendors, 0x800 and up, so that the code survives translation to its form. */
const getTlvProperties = controlCode(0x800 + tag, "pcsclite");

const byteProperty = struct("TLV property of one byte", { tag: u8, length: u8, value: u8 });
const dwordProperty = struct("TLV property of four bytes", { tag: u8, length: u8, value: u32le });
const PPDU_SUPPORT = 9;
const MAX_APDU_DATA_SIZE = 10;

/**
 * Answers a control code; undefined for one that the virtual reader does not know.
 *
 * @see PC/SC part 10, 2.2 (GET_FEATURE_REQUEST) and 2.6.14 (GET_TLV_PROPERTIES)
 */
export function answerControl(code: number): Uint8Array | undefined {
  if (code === ioctls["get-feature-request"].pcsclite) {
    return encodeFeatureList([{ tag, controlCode: getTlvProperties }]);
  }
  if (code === getTlvProperties) {
    return concatBytes(
      byteProperty.encode({ tag: PPDU_SUPPORT, length: 1, value: 0 }),
      dwordProperty.encode({ tag: MAX_APDU_DATA_SIZE, length: 4, value: 0x1_0000 }),
    );
  }
  return undefined;
}
