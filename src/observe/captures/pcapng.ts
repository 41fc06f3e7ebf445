// SPDX-License-Identifier: MIT

import { concatBytes, pad, struct, u16le, u32le } from "../../base/binary/index.ts";

// pcapng, draft-ietf-opsawg-pcapng: a file of blocks, each with its type, its length before and after it, and options. It takes
// comments, which the older pcap does not.

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const UNKNOWN_LENGTH = 0xffff_ffff;

const OPTION_END = 0;
const OPTION_COMMENT = 1;
const OPTION_APPLICATION = 4;
/** The last time that JavaScript has. */
const LAST_TIME_MS = 8_640_000_000_000_000;
const OPTION_NAME = 2;

/** Around the body and the options of a block. */
const BLOCK_FRAME_BYTES = 12;

const sectionHeader = struct("Section Header Block", {
  magic: u32le,
  major: u16le,
  minor: u16le,
  lengthLow: u32le,
  lengthHigh: u32le,
});
const interfaceDescription = struct("Interface Description Block", {
  linkType: u16le,
  reserved: pad(2),
  snapLength: u32le,
});
const enhancedPacket = struct("Enhanced Packet Block", {
  interfaceId: u32le,
  timestampHigh: u32le,
  timestampLow: u32le,
  capturedLength: u32le,
  originalLength: u32le,
});
const head = struct("Block", { type: u32le, length: u32le });
const tail = struct("Block length", { length: u32le });
const optionHead = struct("Option", { code: u16le, length: u16le });

/** The beginning of a capture of one interface. */
export function captureHead(linkType: number, name: string, comment: string): Uint8Array {
  const section = sectionHeader.encode({
    magic: BYTE_ORDER_MAGIC,
    major: 1,
    minor: 0,
    lengthLow: UNKNOWN_LENGTH,
    lengthHigh: UNKNOWN_LENGTH,
  });
  const about = options([OPTION_COMMENT, comment], [OPTION_APPLICATION, "scard"]);
  const described = interfaceDescription.encode({ linkType, snapLength: 0 });
  return concatBytes(
    block(SECTION_HEADER, section, about),
    block(INTERFACE_DESCRIPTION, described, options([OPTION_NAME, name])),
  );
}

/** A packet of a capture. @param time milliseconds since 1970 UTC, with fractions; one after the year 275,760 is that of its end */
export function capturePacket(time: number, bytes: Uint8Array, comment?: string): Uint8Array {
  const microseconds = BigInt(Math.round(Math.min(time, LAST_TIME_MS) * 1000));
  const body = enhancedPacket.encode({
    interfaceId: 0,
    timestampHigh: Number((microseconds >> 32n) & 0xffff_ffffn),
    timestampLow: Number(microseconds & 0xffff_ffffn),
    capturedLength: bytes.length,
    originalLength: bytes.length,
  });
  return block(
    ENHANCED_PACKET,
    concatBytes(body, padded(bytes)),
    comment === undefined ? none : options([OPTION_COMMENT, comment]),
  );
}

const none = new Uint8Array(0);

function block(type: number, body: Uint8Array, blockOptions: Uint8Array): Uint8Array {
  const length = BLOCK_FRAME_BYTES + body.length + blockOptions.length;
  return concatBytes(head.encode({ type, length }), body, blockOptions, tail.encode({ length }));
}

function options(...given: readonly (readonly [code: number, text: string])[]): Uint8Array {
  const parts = given.map(([code, text]) => {
    const value = new TextEncoder().encode(text);
    return concatBytes(optionHead.encode({ code, length: value.length }), padded(value));
  });
  return concatBytes(...parts, optionHead.encode({ code: OPTION_END, length: 0 }));
}

/** To a multiple of 32 bits. */
function padded(bytes: Uint8Array): Uint8Array {
  return concatBytes(bytes, new Uint8Array(-bytes.length & 3));
}
