// SPDX-License-Identifier: MIT

import { quoteUnlessBytes } from "../base/binary/index.ts";
import { refuse, SmartCardError, shown } from "../port/index.ts";

/** One reader that a program is told to have. */
export type ReaderSpec =
  /** A virtual reader; `card` goes into it: a word (`demo`, `piv`) for a new card, or the path of a description. */
  | { readonly kind: "virtual"; readonly name?: string; readonly card?: string }
  /** A reader that third-party software cards plug into: by TCP on loopback, 35,963 without a port, or at the path of a Unix socket. */
  | { readonly kind: "vpcd"; readonly port?: number; readonly path?: string; readonly name?: string }
  /** All USB readers, or those of a vendor and product, with a serial number, or at a port. */
  | { readonly kind: "usb"; readonly device?: string; readonly serial?: string; readonly port?: string }
  /** A reader whose driver was written for pcsc-lite: a library, or a bundle, and what the driver is to open. */
  | { readonly kind: "ifd"; readonly driver: string; readonly device?: string; readonly channel?: number }
  /** The readers of pcscd's reader.conf.d, or of another folder or file like that. */
  | { readonly kind: "reader.conf"; readonly path?: string };

/** The configured manager of a program. */
export type ManagerSpec =
  /** One inside this process. */
  | { readonly kind: "embedded"; readonly readers: readonly ReaderSpec[] }
  /** A service that speaks pcscd's protocol, on the usual socket or on this one. */
  | { readonly kind: "pcscd"; readonly socket?: string }
  /** The same, but only a `scard daemon`: where it usually listens, or on this socket. */
  | { readonly kind: "daemon"; readonly socket?: string }
  /** The operating system's own, through its usual library or through this one. */
  | { readonly kind: "system"; readonly library?: string }
  /** Readers on many machines, of the farm that a client's file describes. */
  | { readonly kind: "farm"; readonly file: string };

const READER_FORMS =
  "virtual[:NAME][+CARD], vpcd[:[PORT|PATH][:NAME]], usb[:VENDOR:PRODUCT|:SERIAL|:@PORT], ifd:LIBRARY|BUNDLE[:DEVICE|:CHANNEL] and reader.conf[:PATH]";
const FORMS = `embedded:READER,… with ${READER_FORMS}; pcscd[:SOCKET]; daemon[:SOCKET]; system[:LIBRARY]; farm:FILE`;

/**
 * Reads the description of a manager: `embedded:` and its readers, separated by commas, nothing but `embedded` for one
 * without readers; `pcscd`, `pcscd:SOCKET`; `daemon`, `daemon:SOCKET`; `system`, `system:LIBRARY`; `farm:FILE`.
 *
 * @throws invalid-value that names the invalid part
 */
export function parseManagerSpec(text: string): ManagerSpec {
  if (typeof text !== "string") {
    const remedy = "give a description of a manager as a string";
    refuse({ operation: "parseManagerSpec", path: "text" }, shown(text), remedy);
  }
  const [, kind, rest] = /^(\w+)(?::(.*))?$/s.exec(text.trim()) ?? [];
  if (kind === "embedded") {
    const readers = rest === undefined || rest === "" ? [] : rest.split(",");
    return { kind, readers: readers.map(parseReaderSpec) };
  }
  if (rest !== "") {
    if (kind === "pcscd" || kind === "daemon") return { kind, ...(rest !== undefined && { socket: rest }) };
    if (kind === "farm" && rest !== undefined) return { kind, file: rest };
    if (kind === "system") return { kind, ...(rest !== undefined && { library: rest }) };
  }
  throw new SmartCardError("invalid-value", `${quoteUnlessBytes(text)} describes no manager; known: ${FORMS}`);
}

/**
 * Reads the description of a reader: `virtual`, `virtual:NAME`, `virtual:NAME+CARD`, `vpcd`, `vpcd:PORT`,
 * `vpcd:PORT:NAME`, `vpcd::NAME`, `vpcd:PATH`, `vpcd:PATH:NAME`, `usb`, `usb:VENDOR:PRODUCT` (`usb:072f:2200`),
 * `usb:VENDOR:PRODUCT:SERIAL`, `usb:SERIAL`, `usb:@PORT` (`usb:@1-2.4`), `ifd:DRIVER`, `ifd:DRIVER:DEVICE`
 * (`ifd:/usr/lib/pcsc/drivers/serial/libccidtwin.so:/dev/ttyS0:GemPCTwin`), `ifd:DRIVER:CHANNEL` (`0x0103F8`), `reader.conf`,
 * `reader.conf:PATH`. A path begins with `/`, `./` or `../` and has no colon.
 *
 * @throws invalid-value that names the invalid part
 */
export function parseReaderSpec(text: string): ReaderSpec {
  const [, kind, rest] = /^\s*(\w+(?:\.conf)?)([:+].*)?\s*$/s.exec(text) ?? [];
  if (kind === "virtual") {
    const [, name, card] = /^(?::([^+]+))?(?:\+(.+))?$/s.exec(rest ?? "") ?? [];
    if (rest === undefined || name !== undefined || card !== undefined) {
      return { kind, ...(name !== undefined && { name }), ...(card !== undefined && { card }) };
    }
  }
  if (kind === "vpcd") {
    if (rest === undefined) return { kind };
    const [, path, ofPath] = /^:(\.{0,2}\/[^:]+)(?::(.+))?$/s.exec(rest) ?? [];
    if (path !== undefined) return { kind, path, ...(ofPath !== undefined && { name: ofPath }) };
    const [, digits = "", name] = /^:(\d{0,5})(?::(.+))?$/s.exec(rest) ?? [];
    const isPort = digits !== "" && Number(digits) <= 65_535;
    if (isPort || (digits === "" && name !== undefined)) {
      return { kind, ...(isPort && { port: Number(digits) }), ...(name !== undefined && { name }) };
    }
  }
  if (kind === "usb") {
    const choice = usbChoice(rest);
    if (choice !== undefined) return { kind, ...choice };
  }
  if (kind === "ifd") {
    const [, driver, of] = /^:(\.{0,2}\/[^:]+)(?::(.+))?$/s.exec(rest ?? "") ?? [];
    if (driver !== undefined) return { kind, driver, ...(of !== undefined && placeOfDriver(of)) };
  }
  if (kind === "reader.conf") {
    const [, path] = /^:(\.{0,2}\/[^:]+)$/s.exec(rest ?? "") ?? [];
    if (rest === undefined || path !== undefined) return { kind, ...(path !== undefined && { path }) };
  }
  throw new SmartCardError("invalid-value", `${quoteUnlessBytes(text)} describes no reader; known: ${READER_FORMS}`);
}

/** What a driver is to open: a number is a channel, which drivers take that know no names. */
function placeOfDriver(text: string): { readonly device: string } | { readonly channel: number } {
  const isNumber = /^(?:0x[0-9a-f]{1,8}|\d{1,9})$/i.test(text);
  return isNumber ? { channel: Number(text) } : { device: text };
}

/** What a text says of USB readers; undefined where it says nothing that can be. */
function usbChoice(rest: string | undefined): Omit<Extract<ReaderSpec, { kind: "usb" }>, "kind"> | undefined {
  if (rest === undefined) return {};
  const [, port] = /^:@(\d+-\d+(?:\.\d+)*)$/.exec(rest) ?? [];
  if (port !== undefined) return { port };
  const [, device, ofDevice] = /^:([0-9a-f]{4}:[0-9a-f]{4})(?::(.+))?$/is.exec(rest) ?? [];
  if (device !== undefined) {
    return { device: device.toLowerCase(), ...(ofDevice !== undefined && { serial: ofDevice }) };
  }
  const [, serial] = /^:([^:@+].*)$/s.exec(rest) ?? [];
  return serial === undefined ? undefined : { serial };
}
