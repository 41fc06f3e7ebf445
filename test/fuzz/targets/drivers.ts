// SPDX-License-Identifier: MIT

import { hexBytes } from "../../../src/base/binary/index.ts";
import {
  decodeCall,
  encodeCall,
  MAX_CALL_BYTES,
  MessageDecoder,
  parseBundleInfo,
  parseReaderConf,
} from "../../../src/readers/ifd/index.ts";
import { piecesOf } from "../dice.ts";
import { type FuzzTarget, must, mustBeAlike, mustEqual } from "../target.ts";

const utf8 = new TextEncoder();
const words = (...texts: readonly string[]): readonly Uint8Array[] => texts.map((text) => utf8.encode(text));

/** What drivers of pcsc-lite, and the files about them, say. */
export const driverTargets: readonly FuzzTarget[] = [
  {
    name: "driver-bundle",
    about: "The Info.plist of a driver bundle: refused with a reason, or each reader has two numbers and a name.",
    covers: ["parseBundleInfo"],
    measures: ["readers/ifd/info-plist.ts"],
    maxBytes: 600,
    dictionary: words("<key>", "</key>", "<string>", "</string>", "CFBundleExecutable", "ifdVendorID", "#", "\n"),
    run(input) {
      const info = parseBundleInfo(new TextDecoder().decode(input));
      if ("problem" in info) return;
      must(!info.executable.includes("/"), "a library outside of its bundle");
      for (const { friendlyName, productId, vendorId } of info.readers) {
        must(vendorId >= 0 && vendorId <= 0xffff_ffff && productId >= 0 && productId <= 0xffff_ffff, "no number");
        must(!/[<\n]/.test(friendlyName), "a name with a tag in it");
      }
    },
  },
  {
    name: "reader-conf",
    about: "A file of reader.conf.d: every reader that is taken is whole, and a mistake has its line.",
    covers: ["parseReaderConf"],
    measures: ["readers/ifd/reader-conf.ts"],
    maxBytes: 300,
    dictionary: words("FRIENDLYNAME ", "LIBPATH ", "DEVICENAME ", "CHANNELID ", '"', "'", "\n", "#", "0x8C7B"),
    run(input) {
      const text = new TextDecoder().decode(input);
      const { problem, readers } = parseReaderConf(text, () => true);
      const lines = text.split("\n").length;
      must(problem === undefined || (problem.line >= 1 && problem.line <= lines), `line ${problem?.line} of ${lines}`);
      for (const { channel, friendlyName, library } of readers) {
        must(library !== "" && !friendlyName.includes('"'), "half a reader");
        must(Number.isInteger(channel) && channel >= 0 && channel <= 0xffff_ffff, `channel ${channel}`);
      }
    },
  },
  {
    name: "driver-messages",
    about: "Messages to and from a driver's process: the same for every split of the stream, and none is too long.",
    covers: ["MessageDecoder", "decodeCall"],
    measures: ["readers/ifd/messages.ts"],
    maxBytes: 400,
    dictionary: [hexBytes("1A000000"), hexBytes("18000000"), hexBytes("FFFFFFFF"), hexBytes("08000000")],
    run(input) {
      const whole = new MessageDecoder(MAX_CALL_BYTES).decode(input);
      const decoder = new MessageDecoder(MAX_CALL_BYTES);
      const split: Uint8Array[] = [];
      let isOver = false;
      for (const piece of piecesOf(input)) {
        const messages = isOver ? [] : decoder.decode(piece);
        if (messages === undefined) isOver = true;
        split.push(...(messages ?? []));
      }
      must(isOver === (whole === undefined), "a split decides whether the stream is good");
      if (whole !== undefined) mustBeAlike(split, whole, "messages by pieces");
      for (const message of whole ?? []) {
        const call = decodeCall(message);
        if (call.ok) must(encodeCall(call.value).length === message.length, "a call of another length");
        if (call.ok) mustEqual(encodeCall(call.value).subarray(0, 9), message.subarray(0, 9), "a call");
      }
    },
  },
];
