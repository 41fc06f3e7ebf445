// SPDX-License-Identifier: MIT

import { concatBytes, i32le, struct, u8, u16le, u32le } from "../../base/binary/index.ts";
import { encodeCcidAnswer, encodeCcidCommand, encodeClassDescriptor } from "../../readers/ccid/index.ts";
import type { Frame, FrameMaker } from "./frame.ts";

/** LINKTYPE_USB_LINUX_MMAPPED: a header of 64 bytes, as usbmon of Linux has it. */
const LINKTYPE_USB_LINUX_MMAPPED = 220;
const SUBMIT = 0x53;
const COMPLETE = 0x43;
const CONTROL = 2;
const BULK = 3;
/** The byte for "there is none", for setup and data. */
const ABSENT = 0x2d;
const IN_PROGRESS = -115;
const DEVICE_NUMBER = 1;
const BUS_NUMBER = 1;
const DIRECTION_IN = 0x80;
const BULK_OUT = 0x01;
const BULK_IN = 0x82;

const usbmonHeader = struct("usbmon_packet", {
  idLow: u32le,
  idHigh: u32le,
  type: u8,
  transferType: u8,
  endpoint: u8,
  device: u8,
  bus: u16le,
  setupFlag: u8,
  dataFlag: u8,
  secondsLow: u32le,
  secondsHigh: u32le,
  microseconds: i32le,
  status: i32le,
  urbLength: u32le,
  dataLength: u32le,
  setupLow: u32le,
  setupHigh: u32le,
  interval: i32le,
  startFrame: i32le,
  transferFlags: u32le,
  descriptors: u32le,
});

const setupPacket = struct("setup packet", {
  bmRequestType: u8,
  bRequest: u8,
  wValue: u16le,
  wIndex: u16le,
  wLength: u16le,
});
const GET_DESCRIPTOR = 6;
const SET_CONFIGURATION = 9;
const DEVICE = 0x0100;
const CONFIGURATION = 0x0200;

/** USB 2.0, 9.6.1: a device with one configuration; the vendor and the product of no maker. */
const deviceDescriptor = Uint8Array.of(18, 1, 0, 2, 0, 0, 0, 64, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1);

/** USB 2.0, 9.6.3 to 9.6.6; CCID 1.1, 5.1: a reader that takes APDUs of any length, with two bulk endpoints. */
function configurationDescriptor(): Uint8Array {
  const reader = encodeClassDescriptor({
    bLength: 54,
    bDescriptorType: 0x21,
    bcdCCID: 0x0110,
    bMaxSlotIndex: 0,
    bVoltageSupport: 7,
    dwProtocols: 3,
    dwDefaultClock: 4000,
    dwMaximumClock: 4000,
    bNumClockSupported: 0,
    dwDataRate: 10_752,
    dwMaxDataRate: 344_086,
    bNumDataRatesSupported: 0,
    dwMaxIFSD: 254,
    dwSynchProtocols: 0,
    dwMechanical: 0,
    dwFeatures: 0x0004_00be,
    dwMaxCCIDMessageLength: 65_554,
    bClassGetResponse: 0xff,
    bClassEnvelope: 0xff,
    wLcdLayout: 0,
    bPINSupport: 0,
    bMaxCCIDBusySlots: 1,
  });
  const interfaceDescriptor = Uint8Array.of(9, 4, 0, 0, 2, 0x0b, 0, 0, 0);
  const endpoints = [BULK_OUT, BULK_IN].map((address) => Uint8Array.of(7, 5, address, 2, 64, 0, 0));
  const body = concatBytes(interfaceDescriptor, reader, ...endpoints);
  const total = 9 + body.length;
  return concatBytes(Uint8Array.of(9, 2, total & 0xff, total >> 8, 1, 1, 0, 0x80, 50), body);
}

/** A transfer as usbmon sees it: when it is asked for, and when it has ended. */
class Bus {
  #urbs = 0;

  control(request: number, value: number, answer: Uint8Array): readonly Frame[] {
    const isIn = answer.length > 0;
    const setup = {
      bmRequestType: isIn ? DIRECTION_IN : 0,
      bRequest: request,
      wValue: value,
      wIndex: 0,
      wLength: answer.length,
    };
    const view = new DataView(setupPacket.encode(setup).buffer);
    const endpoint = isIn ? DIRECTION_IN : 0;
    this.#urbs++;
    return [
      { bytes: this.#packet(CONTROL, endpoint, SUBMIT, noBytes, answer.length, view) },
      { bytes: this.#packet(CONTROL, endpoint, COMPLETE, answer, answer.length), isAnswer: true },
    ];
  }

  message(command: Uint8Array, answer: Uint8Array): readonly Frame[] {
    this.#urbs++;
    const out = this.#packet(BULK, BULK_OUT, SUBMIT, command, command.length);
    const done = this.#packet(BULK, BULK_OUT, COMPLETE, noBytes, command.length);
    this.#urbs++;
    const asked = this.#packet(BULK, BULK_IN, SUBMIT, noBytes, answer.length);
    const into = this.#packet(BULK, BULK_IN, COMPLETE, answer, answer.length);
    return [{ bytes: out }, { bytes: done }, { bytes: asked }, { bytes: into, isAnswer: true }];
  }

  #packet(
    transferType: number,
    endpoint: number,
    type: number,
    data: Uint8Array,
    urbLength: number,
    setup?: DataView,
  ): Uint8Array {
    return usbmonHeader.encode(
      {
        idLow: this.#urbs,
        idHigh: 0,
        type,
        transferType,
        endpoint,
        device: DEVICE_NUMBER,
        bus: BUS_NUMBER,
        setupFlag: setup === undefined ? ABSENT : 0,
        dataFlag: data.length > 0 ? 0 : ABSENT,
        secondsLow: 0,
        secondsHigh: 0,
        microseconds: 0,
        status: type === SUBMIT ? IN_PROGRESS : 0,
        urbLength,
        dataLength: data.length,
        setupLow: setup?.getUint32(0, true) ?? 0,
        setupHigh: setup?.getUint32(4, true) ?? 0,
        interval: 0,
        startFrame: 0,
        transferFlags: 0,
        descriptors: 0,
      },
      data,
    );
  }
}

const noBytes = new Uint8Array(0);

/** The messages of a USB reader of the smart card device class, with the descriptors by which Wireshark knows it as one. */
export function usbFrames(): FrameMaker {
  const bus = new Bus();
  let sequence = 0;
  const answer = { slot: 0, icc: "active", status: "done", error: 0, parameter: 0 } as const;
  const message = (name: "icc-power-on" | "xfr-block", sent: Uint8Array, data: Uint8Array): readonly Frame[] => {
    sequence = (sequence + 1) & 0xff;
    const command = encodeCcidCommand({ name, data: sent }, 0, sequence);
    return bus.message(command, encodeCcidAnswer({ ...answer, name: "data-block", sequence, data }));
  };
  return {
    linkType: LINKTYPE_USB_LINUX_MMAPPED,
    name: "USB CCID",
    begin: () => [
      ...bus.control(GET_DESCRIPTOR, DEVICE, deviceDescriptor),
      ...bus.control(GET_DESCRIPTOR, CONFIGURATION, configurationDescriptor()),
      ...bus.control(SET_CONFIGURATION, 1, noBytes),
    ],
    reset: (atr) => (atr === undefined ? [] : message("icc-power-on", noBytes, atr)),
    exchange: (command, response) => message("xfr-block", command, response),
  };
}
