// SPDX-License-Identifier: MIT

import { hexBytes } from "../../../src/base/binary/index.ts";
import { decodeClassDescriptor } from "../../../src/readers/ccid/index.ts";
import { type FuzzTarget, must } from "../target.ts";

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
];
