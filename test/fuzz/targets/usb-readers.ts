// SPDX-License-Identifier: MIT

import { hexBytes } from "../../../src/base/binary/index.ts";
import { decodeFirmwareFeatures } from "../../../src/readers/ccid/firmware-features.ts";
import { decodeClassDescriptor } from "../../../src/readers/ccid/index.ts";
import {
  decodeAnswer,
  decodeCommand,
  decodeInterrupt,
  encodeAnswer,
  encodeCommand,
  messageBytes,
} from "../../../src/readers/ccid/messages.ts";
import { decodeParameters, encodeParameters, protocolNumber } from "../../../src/readers/ccid/parameters.ts";
import { type FuzzTarget, must, mustBeAlike } from "../target.ts";

const DESCRIPTOR_BYTES = 54;

/** What USB readers say of themselves. */
export const usbReaderTargets: readonly FuzzTarget[] = [
  {
    name: "ccid-descriptor",
    about: "The class descriptor of a USB reader: whatever it says, the driver gets values that it can work with.",
    covers: ["decodeClassDescriptor"],
    measures: ["readers/ccid/class-descriptor.ts"],
    maxBytes: 80,
    dictionary: [hexBytes("3621"), hexBytes("36FF"), hexBytes("00000400"), hexBytes("FFFFFFFF")],
    run(input) {
      const decoded = decodeClassDescriptor(input);
      if (!decoded.ok) return;
      must(input.length >= DESCRIPTOR_BYTES && input[0] === DESCRIPTOR_BYTES, "a descriptor of another length is read");
      const { busySlots, maxIfsd, maxMessageBytes, protocols, slots, voltages } = decoded.value;
      must(busySlots >= 1 && busySlots <= slots && slots <= 256, `${busySlots} of ${slots} slots`);
      must(maxIfsd >= 1 && maxIfsd <= 254, `IFSD ${maxIfsd}`);
      must(maxMessageBytes >= 271 && maxMessageBytes <= 66_048, `messages of ${maxMessageBytes} bytes`);
      must(protocols.length > 0 && voltages.length > 0, "no protocol or no voltage");
    },
  },
  {
    name: "ccid-messages",
    about:
      "Messages of a USB reader: what is read is of the length that it says, and is the same when it is written again.",
    covers: [],
    measures: ["readers/ccid/messages.ts", "readers/ccid/parameters.ts", "readers/ccid/firmware-features.ts"],
    maxBytes: 300,
    dictionary: [
      hexBytes("80"),
      hexBytes("81"),
      hexBytes("82"),
      hexBytes("00000000"),
      hexBytes("5003"),
      hexBytes("FFFFFFFF"),
    ],
    run(input) {
      const answer = decodeAnswer(input);
      if (answer.ok) {
        must(messageBytes(input) === input.length, "a message of another length than it says is read");
        mustBeAlike(decodeAnswer(encodeAnswer(answer.value)), answer, "an answer, written and read again");
        checkParameters(answer.value.parameter, answer.value.data);
      }
      const command = decodeCommand(input);
      if (command.ok) {
        const { slot, sequence } = command.value;
        const again = decodeCommand(encodeCommand(command.value, slot, sequence));
        mustBeAlike(again, command, "a command, written and read again");
      }
      for (const slots of [1, 5, 32]) {
        const decoded = decodeInterrupt(input, slots);
        if (!decoded.ok || decoded.value.kind !== "notify-slot-change") continue;
        must(decoded.value.slots.length <= slots, "more slots than there are");
      }
      decodeFirmwareFeatures(input);
    },
  },
];

/** Reserved bits are not kept: what is written is read the same. */
function checkParameters(protocol: number, data: Uint8Array): void {
  const decoded = decodeParameters(protocol, data);
  if (!decoded.ok) return;
  const { value } = decoded;
  mustBeAlike(
    decodeParameters(protocolNumber(value.protocol), encodeParameters(value)),
    decoded,
    "parameters, written and read again",
  );
}
