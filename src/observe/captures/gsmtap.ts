// SPDX-License-Identifier: MIT

import { concatBytes, pad, struct, u8, u16be, u32be } from "../../base/binary/index.ts";
import { decodeCommand, encodeCommand } from "../../base/iso7816/index.ts";
import type { FrameMaker } from "./frame.ts";

/** LINKTYPE_RAW: packets begin with the header of IP. */
const LINKTYPE_RAW = 101;
const GSMTAP_PORT = 4729;
const IP_VERSION_AND_LENGTH = 0x45;
const IP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
const PROTOCOL_UDP = 17;
const LOOPBACK = 0x7f000001;
const MAX_DATAGRAM_BYTES = 0xffff;

/** GSMTAP_TYPE_SIM, with the command and the response in one packet (GSMTAP_SIM_APDU). */
const GSMTAP_VERSION = 2;
const GSMTAP_HEADER_WORDS = 4;
const TYPE_SIM = 4;
const SUBTYPE_APDU = 0;

const ipHeader = struct("IPv4 header", {
  versionAndLength: u8,
  service: u8,
  totalLength: u16be,
  identification: u16be,
  flags: u16be,
  timeToLive: u8,
  protocol: u8,
  checksum: u16be,
  source: u32be,
  destination: u32be,
});
const udpHeader = struct("UDP header", { source: u16be, destination: u16be, length: u16be, checksum: u16be });
const gsmtapHeader = struct("gsmtap_hdr", {
  version: u8,
  headerWords: u8,
  type: u8,
  timeslot: u8,
  arfcn: u16be,
  signal: u8,
  noise: u8,
  frameNumber: u32be,
  subType: u8,
  antenna: u8,
  subSlot: u8,
  reserved: pad(1),
});

/**
 * GSMTAP over UDP: what SIM tracers send to Wireshark. A packet has a command and its response. A tracer of a SIM's lines sees T=0,
 * where Le does not stand behind data, so it is left out there. Resets have no packet: Wireshark takes an ATR for a command.
 *
 * @see osmocom's gsmtap.h
 */
export const gsmtapFrames: FrameMaker = {
  linkType: LINKTYPE_RAW,
  name: "GSMTAP",
  begin: () => [],
  reset: () => [],
  exchange: (command, response) => [{ bytes: datagram(concatBytes(withoutLe(command), response)) }],
};

function withoutLe(command: Uint8Array): Uint8Array {
  const decoded = decodeCommand(command);
  if (!decoded.ok || decoded.value.data.length === 0 || decoded.value.extended) return command;
  return encodeCommand({ ...decoded.value, le: undefined });
}

function datagram(given: Uint8Array): Uint8Array {
  const headers = IP_HEADER_BYTES + UDP_HEADER_BYTES + GSMTAP_HEADER_WORDS * 4;
  // A datagram has 65,535 bytes at most; what is longer is cut at its end.
  const payload = given.subarray(0, MAX_DATAGRAM_BYTES - headers);
  const tap = gsmtapHeader.encode(
    {
      version: GSMTAP_VERSION,
      headerWords: GSMTAP_HEADER_WORDS,
      type: TYPE_SIM,
      timeslot: 0,
      arfcn: 0,
      signal: 0,
      noise: 0,
      frameNumber: 0,
      subType: SUBTYPE_APDU,
      antenna: 0,
      subSlot: 0,
    },
    payload,
  );
  const udp = udpHeader.encode(
    { source: GSMTAP_PORT, destination: GSMTAP_PORT, length: UDP_HEADER_BYTES + tap.length, checksum: 0 },
    tap,
  );
  const header = {
    versionAndLength: IP_VERSION_AND_LENGTH,
    service: 0,
    totalLength: IP_HEADER_BYTES + udp.length,
    identification: 0,
    flags: 0,
    timeToLive: 64,
    protocol: PROTOCOL_UDP,
    checksum: 0,
    source: LOOPBACK,
    destination: LOOPBACK,
  };
  return ipHeader.encode({ ...header, checksum: internetChecksum(ipHeader.encode(header)) }, udp);
}

/** RFC 1071. */
function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) sum += ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
