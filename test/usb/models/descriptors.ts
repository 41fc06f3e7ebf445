// SPDX-License-Identifier: MIT

import { littleEndian } from "./messages.ts";
import type { UsbDescriptors, UsbSpeed } from "./usb-device.ts";

type ExchangeLevel = "character" | "tpdu" | "short-apdu" | "extended-apdu";

/** dwFeatures, CCID 1.1, table 5.1-1: what a reader does by itself. */
export const features = {
  automaticParameters: 0x02,
  automaticActivation: 0x04,
  automaticVoltage: 0x08,
  automaticClock: 0x10,
  automaticBaudRate: 0x20,
  /** The reader negotiates parameters by itself. */
  automaticNegotiation: 0x40,
  /** The reader makes the PPS that the active parameters ask for. */
  automaticPps: 0x80,
  clockStop: 0x100,
  otherNad: 0x200,
  /** The reader sends S(IFS request) by itself, before the first T=1 exchange. */
  automaticIfsd: 0x400,
} as const;

const levelBits: Readonly<Record<ExchangeLevel, number>> = {
  character: 0,
  tpdu: 0x1_0000,
  "short-apdu": 0x2_0000,
  "extended-apdu": 0x4_0000,
};

/** What a model says of itself. */
export interface ReaderShape {
  readonly vendorId: number;
  readonly productId: number;
  readonly vendor: string;
  readonly product: string;
  readonly serial: string;
  /** The string of iInterface; empty where there is none. */
  readonly interfaceName: string;
  readonly release: number;
  readonly speed: UsbSpeed;
  readonly level: ExchangeLevel;
  /** {@link features}, without the level's own bits. */
  readonly features: number;
  /** bVoltageSupport: 1 for 5 V, 2 for 3 V, 4 for 1.8 V. */
  readonly voltages: number;
  /** dwProtocols: 1 for T=0, 2 for T=1. */
  readonly protocols: number;
  readonly slots: number;
  /** bMaxCCIDBusySlots. */
  readonly busySlots: number;
  /** dwMaxCCIDMessageLength. */
  readonly maxMessageBytes: number;
  readonly maxIfsd: number;
  /** dwMechanical: 1 accepts, 2 ejects, 4 captures, 8 locks. */
  readonly mechanical: number;
  /** bPINSupport: 1 verify, 2 modify. */
  readonly pinSupport: number;
  /** wLcdLayout: lines and columns of a display. */
  readonly lcdLayout: number;
  readonly interruptEndpoint: boolean;
  /** bInterfaceProtocol: 0 CCID, 1 ICCD version A, 2 ICCD version B. */
  readonly interfaceProtocol: 0 | 1 | 2;
  /** dwDefaultClock and dwMaximumClock, kHz. */
  readonly clockKhz: number;
  readonly maxClockKhz: number;
  /** dwDataRate and dwMaxDataRate, bit/s. */
  readonly dataRate: number;
  readonly maxDataRate: number;
  /** What GET_DATA_RATES lists; none where bNumDataRatesSupported is 0. */
  readonly dataRates: readonly number[];
  readonly clocksKhz: readonly number[];
}

/** Endpoints of every model. */
export const BULK_OUT = 0x01;
export const BULK_IN = 0x82;
export const INTERRUPT_IN = 0x83;

const VENDOR_STRING = 1;
const PRODUCT_STRING = 2;
const SERIAL_STRING = 3;
const INTERFACE_STRING = 4;

/** The smart card device class descriptor, CCID 1.1, 5.1. */
function classDescriptor(shape: ReaderShape): Uint8Array {
  const u16 = (value: number): number[] => littleEndian(value, 2);
  const u32 = (value: number): number[] => littleEndian(value, 4);
  return Uint8Array.of(
    54,
    0x21,
    ...u16(0x0110),
    shape.slots - 1,
    shape.voltages,
    ...u32(shape.protocols),
    ...u32(shape.clockKhz),
    ...u32(shape.maxClockKhz),
    shape.clocksKhz.length,
    ...u32(shape.dataRate),
    ...u32(shape.maxDataRate),
    shape.dataRates.length,
    ...u32(shape.maxIfsd),
    ...u32(0),
    ...u32(shape.mechanical),
    ...u32(shape.features | levelBits[shape.level]),
    ...u32(shape.maxMessageBytes),
    0xff,
    0xff,
    ...u16(shape.lcdLayout),
    shape.pinSupport,
    shape.busySlots,
  );
}

export function usbDescriptors(shape: ReaderShape): UsbDescriptors {
  const u16 = (value: number): number[] => littleEndian(value, 2);
  const bulkPacket = u16(shape.speed === "high" ? 512 : 64);
  const hasBulk = shape.interfaceProtocol === 0;
  const endpoints: number[][] = [
    ...(hasBulk ? [[7, 5, BULK_OUT, 2, ...bulkPacket, 0]] : []),
    ...(hasBulk ? [[7, 5, BULK_IN, 2, ...bulkPacket, 0]] : []),
    ...(shape.interruptEndpoint ? [[7, 5, INTERRUPT_IN, 3, ...u16(8), shape.speed === "high" ? 8 : 24]] : []),
  ];
  const interfaceNumber = 0;
  const nameString = shape.interfaceName === "" ? 0 : INTERFACE_STRING;
  const body = [
    ...[9, 4, interfaceNumber, 0, endpoints.length, 0x0b, 0, shape.interfaceProtocol, nameString],
    ...classDescriptor(shape),
    ...endpoints.flat(),
  ];
  return {
    device: Uint8Array.of(
      ...[18, 1, ...u16(0x0200), 0, 0, 0, 64],
      ...u16(shape.vendorId),
      ...u16(shape.productId),
      ...u16(shape.release),
      ...[VENDOR_STRING, PRODUCT_STRING, SERIAL_STRING, 1],
    ),
    // Bus powered, remote wake-up, 100 mA.
    configuration: Uint8Array.of(9, 2, ...u16(9 + body.length), 1, 1, 0, 0xa0, 50, ...body),
    strings: [shape.vendor, shape.product, shape.serial, ...(nameString === 0 ? [] : [shape.interfaceName])],
  };
}
