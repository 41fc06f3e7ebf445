// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  classFunction,
  controlCode,
  ioctls,
  serviceControlCode,
  toPcscliteControlCode,
  toWindowsControlCode,
} from "./index.ts";

const functions = fc.nat({ max: 4095 });
const anyCode = fc.oneof(
  fc.nat({ max: 0xffff_ffff }),
  fc.integer({ min: 0x0030_fff0, max: 0x0031_4010 }),
  fc.integer({ min: 0x41ff_fff0, max: 0x4200_1010 }),
);

describe("the control codes", () => {
  it("are those of winsmcrd.h and, counted its way, of pcsc-lite", () => {
    const numbers = Object.values(ioctls).map(({ name, windows, pcsclite }) => [name, windows, pcsclite]);
    expect(numbers).toEqual([
      ["IOCTL_SMARTCARD_POWER", 0x0031_0004, 0x4200_0001],
      ["IOCTL_SMARTCARD_GET_ATTRIBUTE", 0x0031_0008, 0x4200_0002],
      ["IOCTL_SMARTCARD_SET_ATTRIBUTE", 0x0031_000c, 0x4200_0003],
      ["IOCTL_SMARTCARD_CONFISCATE", 0x0031_0010, 0x4200_0004],
      ["IOCTL_SMARTCARD_TRANSMIT", 0x0031_0014, 0x4200_0005],
      ["IOCTL_SMARTCARD_EJECT", 0x0031_0018, 0x4200_0006],
      ["IOCTL_SMARTCARD_SWALLOW", 0x0031_001c, 0x4200_0007],
      ["IOCTL_SMARTCARD_READ", 0x0031_0020, 0x4200_0008],
      ["IOCTL_SMARTCARD_WRITE", 0x0031_0024, 0x4200_0009],
      ["IOCTL_SMARTCARD_IS_PRESENT", 0x0031_0028, 0x4200_000a],
      ["IOCTL_SMARTCARD_IS_ABSENT", 0x0031_002c, 0x4200_000b],
      ["IOCTL_SMARTCARD_SET_PROTOCOL", 0x0031_0030, 0x4200_000c],
      ["IOCTL_SMARTCARD_GET_STATE", 0x0031_0038, 0x4200_000e],
      ["IOCTL_SMARTCARD_GET_LAST_ERROR", 0x0031_003c, 0x4200_000f],
      ["IOCTL_SMARTCARD_GET_PERF_CNTR", 0x0031_0040, 0x4200_0010],
      ["CM_IOCTL_GET_FEATURE_REQUEST", 0x0031_3520, 0x4200_0d48],
    ]);
  });
});

describe("controlCode", () => {
  it("is SCARD_CTL_CODE in both countings", () => {
    fc.assert(
      fc.property(functions, (n) => {
        expect(controlCode(n)).toBe(0x0031_0000 + 4 * n);
        expect(controlCode(n, "pcsclite")).toBe(0x4200_0000 + n);
      }),
    );
  });

  it.each([-1, 4096, 1.5, Number.NaN])("refuses %d, which is no function number", (n) => {
    expect(() => controlCode(n)).toThrow(RangeError);
  });
});

describe("translation", () => {
  it("leads from one counting to the other and back", () => {
    fc.assert(
      fc.property(functions, (n) => {
        expect(toPcscliteControlCode(controlCode(n, "windows"))).toBe(controlCode(n, "pcsclite"));
        expect(toWindowsControlCode(controlCode(n, "pcsclite"))).toBe(controlCode(n, "windows"));
      }),
    );
  });

  it("changes nothing the second time, and nothing that SCARD_CTL_CODE did not make", () => {
    fc.assert(
      fc.property(anyCode, (code) => {
        const windows = code >= 0x0031_0000 && code <= 0x0031_3ffc && code % 4 === 0;
        const pcsclite = code >= 0x4200_0000 && code <= 0x4200_0fff;
        expect(toPcscliteControlCode(code) === code).toBe(!windows);
        expect(toWindowsControlCode(code) === code).toBe(!pcsclite);
        expect(toPcscliteControlCode(toPcscliteControlCode(code))).toBe(toPcscliteControlCode(code));
        expect(toWindowsControlCode(toWindowsControlCode(code))).toBe(toWindowsControlCode(code));
      }),
    );
  });
});

describe("the functions of Windows' class driver", () => {
  it("are known by Windows' codes, and by no other", () => {
    for (const [name, { pcsclite, windows }] of Object.entries(ioctls)) {
      expect([name, classFunction(windows)]).toEqual([name, name === "get-feature-request" ? undefined : name]);
      expect([name, classFunction(pcsclite)]).toEqual([name, undefined]);
    }
    for (const code of [0, 0x0031_0000, 0x0031_0034, 0x0031_0044, 0x0031_0005, 0x0032_0004]) {
      expect(classFunction(code)).toBeUndefined();
    }
  });

  it("keep their code on the way to a service, and everything else is counted as pcsc-lite does", () => {
    expect(serviceControlCode(ioctls.power.windows)).toBe(0x0031_0004);
    expect(serviceControlCode(ioctls["get-feature-request"].windows)).toBe(0x4200_0d48);
    expect(serviceControlCode(0x4200_0001)).toBe(0x4200_0001);
    expect(serviceControlCode(controlCode(2048, "windows"))).toBe(controlCode(2048, "pcsclite"));
    expect(serviceControlCode(0x1234_5678)).toBe(0x1234_5678);
  });
});
