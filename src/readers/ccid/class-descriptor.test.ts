// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import {
  type ClassDescriptor,
  type ClassDescriptorFields,
  decodeClassDescriptor,
  encodeClassDescriptor,
} from "./class-descriptor.ts";

/** The reader of QEMU. */
const qemu: ClassDescriptorFields = {
  bLength: 54,
  bDescriptorType: 0x21,
  bcdCCID: 0x0110,
  bMaxSlotIndex: 0,
  bVoltageSupport: 7,
  dwProtocols: 1,
  dwDefaultClock: 0x1_0f_ff,
  dwMaximumClock: 0x0001_e2_40,
  bNumClockSupported: 0,
  dwDataRate: 9600,
  dwMaxDataRate: 115_200,
  bNumDataRatesSupported: 0,
  dwMaxIFSD: 254,
  dwSynchProtocols: 0,
  dwMechanical: 0,
  dwFeatures: 0x0001_04fe,
  dwMaxCCIDMessageLength: 65_554,
  bClassGetResponse: 255,
  bClassEnvelope: 255,
  wLcdLayout: 0,
  bPINSupport: 1,
  bMaxCCIDBusySlots: 1,
};

function decode(changes: Partial<ClassDescriptorFields> = {}): ClassDescriptor {
  const decoded = decodeClassDescriptor(encodeClassDescriptor({ ...qemu, ...changes }));
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
}

describe("the class descriptor, CCID 1.1, 5.1", () => {
  test("a good one", () => {
    expect(decode()).toMatchObject({
      fields: qemu,
      slots: 1,
      busySlots: 1,
      voltages: [0],
      protocols: ["t0"],
      level: "tpdu",
      features: 0x04fe,
      maxMessageBytes: 65_554,
      maxIfsd: 254,
      pin: { verify: true, modify: false },
      problems: [],
    });
  });

  test.each<[string, Partial<ClassDescriptorFields>, Partial<ClassDescriptor>]>([
    ["5 V, 3 V, 1.8 V in order", { dwFeatures: 0x1_0000 }, { voltages: [1, 2, 3] }],
    ["3 V and 1.8 V", { dwFeatures: 0x1_0000, bVoltageSupport: 6 }, { voltages: [2, 3] }],
    ["automatic voltage", { dwFeatures: 0x1_0008 }, { voltages: [0] }],
    ["automatic activation", { dwFeatures: 0x1_0004 }, { voltages: [0] }],
    ["character level", { dwFeatures: 0 }, { level: "character" }],
    ["short APDUs", { dwFeatures: 0x2_0000 }, { level: "short-apdu" }],
    ["extended APDUs", { dwFeatures: 0x4_0000 }, { level: "extended-apdu" }],
    ["more busy slots than slots", { bMaxSlotIndex: 1, bMaxCCIDBusySlots: 8 }, { slots: 2, busySlots: 2 }],
    ["no busy slot", { bMaxSlotIndex: 1, bMaxCCIDBusySlots: 0 }, { slots: 2, busySlots: 1 }],
    ["an IFSD above 254", { dwMaxIFSD: 506 }, { maxIfsd: 254, problems: [] }],
    ["messages of 263 bytes, which are 271 in truth", { dwMaxCCIDMessageLength: 263 }, { maxMessageBytes: 271 }],
    ["messages without end", { dwMaxCCIDMessageLength: 0xffff_ffff }, { maxMessageBytes: 66_048 }],
    ["a descriptor of the vendor's own class", { bDescriptorType: 0xff }, { slots: 1 }],
    [
      "eject and lock",
      { dwMechanical: 10 },
      { mechanical: { accept: false, eject: true, capture: false, lock: true } },
    ],
  ])("%s", (_name, changes, expected) => expect(decode(changes)).toMatchObject(expected));

  test.each<[string, Partial<ClassDescriptorFields>, RegExp, Partial<ClassDescriptor>]>([
    ["no voltage", { dwFeatures: 0x1_0000, bVoltageSupport: 0 }, /no voltage/, { voltages: [0] }],
    ["no protocol", { dwProtocols: 4 }, /neither T=0 nor T=1/, { protocols: ["t0", "t1"] }],
    ["two levels", { dwFeatures: 0x3_0000 }, /several levels/, { level: "short-apdu" }],
    ["no IFSD", { dwMaxIFSD: 0 }, /dwMaxIFSD is 0/, { maxIfsd: 32 }],
    ["no message", { dwMaxCCIDMessageLength: 0 }, /dwMaxCCIDMessageLength is 0/, { maxMessageBytes: 271 }],
  ])("%s is odd, and usable", (_name, changes, problem, expected) => {
    const descriptor = decode(changes);
    expect(descriptor).toMatchObject(expected);
    expect(descriptor.problems).toEqual([expect.stringMatching(problem)]);
  });

  test.each([
    ["too short", "3621", /54 bytes, not 2/],
    ["of another type", `3605${"00".repeat(52)}`, /type 05/],
    ["of another length", `0721${"00".repeat(52)}`, /says it has 7 bytes/],
    ["empty", "", /54 bytes, not 0/],
  ])("one that is %s is an error", (_name, bytes, message) => {
    const decoded = decodeClassDescriptor(hexBytes(bytes));
    expect(decoded).toMatchObject({ ok: false, error: { message: expect.stringMatching(message) } });
  });

  test("any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 52, maxLength: 60 }), (rest) => {
        const decoded = decodeClassDescriptor(Uint8Array.of(54, 0x21, ...rest));
        if (!decoded.ok) throw new Error(decoded.error.message);
        const { busySlots, maxIfsd, maxMessageBytes, slots, voltages } = decoded.value;
        expect(busySlots >= 1 && busySlots <= slots && voltages.length > 0).toBe(true);
        expect(maxIfsd >= 1 && maxIfsd <= 254 && maxMessageBytes >= 271 && maxMessageBytes <= 66_048).toBe(true);
      }),
    );
  });
});
