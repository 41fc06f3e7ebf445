// SPDX-License-Identifier: MIT

// Makes test/usb/ccid-readers.txt from a checkout of https://github.com/LudovicRousseau/CCID, whose folder readers/ has the
// descriptors of many readers as text: `node scripts/ccid-readers.js CHECKOUT`. Only the facts are kept: which device, and
// the bytes of its class descriptor, put together again.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./tools.js";

const [checkout] = process.argv.slice(2);
if (checkout === undefined) {
  console.error("usage: node scripts/ccid-readers.js CHECKOUT");
  process.exit(2);
}

/** Bytes of each field of the descriptor, in order: CCID 1.1, table 5.1-1. */
const fields = /** @type {const} */ ([
  ["bLength", 1],
  ["bDescriptorType", 1],
  ["bcdCCID", 2],
  ["bMaxSlotIndex", 1],
  ["bVoltageSupport", 1],
  ["dwProtocols", 4],
  ["dwDefaultClock", 4],
  ["dwMaximumClock", 4],
  ["bNumClockSupported", 1],
  ["dwDataRate", 4],
  ["dwMaxDataRate", 4],
  ["bNumDataRatesSupported", 1],
  ["dwMaxIFSD", 4],
  ["dwSynchProtocols", 4],
  ["dwMechanical", 4],
  ["dwFeatures", 4],
  ["dwMaxCCIDMessageLength", 4],
  ["bClassGetResponse", 1],
  ["bClassEnvelope", 1],
  ["wLcdLayout", 2],
  ["bPINSupport", 1],
  ["bMaxCCIDBusySlots", 1],
]);

/** @param {string} name @param {string} text what stands behind the name @returns {number} */
function numberOf(name, text) {
  if (name === "bcdCCID") return Number.parseInt(text.replace(".", ""), 16);
  if (name === "dwProtocols") return Number.parseInt(text.replace(/ 0x|^0x/g, ""), 16);
  if (name.endsWith("Clock")) return Math.round(Number.parseFloat(text) * 1000);
  return text.startsWith("0x") ? Number.parseInt(text.slice(2), 16) : Number.parseInt(text, 10);
}

/** @param {number} value @param {number} size @returns {string} least significant byte first */
function littleEndian(value, size) {
  let hex = "";
  for (let index = 0; index < size; index++)
    hex += (Math.floor(value / 256 ** index) % 256).toString(16).padStart(2, "0");
  return hex.toUpperCase();
}

/** @param {string} file the text of one file @returns {string[]} a line for each interface */
function linesOf(file) {
  const lines = [];
  for (const part of file.split(/^(?= *idVendor:)/m)) {
    /** @param {string} name */
    const find = (name) => part.match(new RegExp(`^ *${name}: *(.*)$`, "m"))?.[1]?.trim();
    const descriptor = part.slice(part.indexOf("CCID Class Descriptor"));
    /** @param {string} name */
    const field = (name) => descriptor.match(new RegExp(`^ *${name}: *(.*)$`, "m"))?.[1]?.trim();
    if (!part.includes("CCID Class Descriptor") || field("dwFeatures") === undefined) continue;
    const bytes = fields.map(([name, size]) => {
      const text = field(name);
      if (text === undefined) throw new Error(`${name} is missing in: ${part.slice(0, 80)}`);
      const value = numberOf(name, text);
      if (!Number.isInteger(value) || value < 0) throw new Error(`${name} cannot be read: ${text}`);
      return littleEndian(value, size);
    });
    const device = [find("idVendor"), find("idProduct")].map((id) => (id ?? "0x0000").slice(2, 6).toUpperCase());
    const release = littleEndian(Number.parseInt((find("bcdDevice") ?? "0").replace(".", ""), 16), 2).replace(
      /(..)(..)/,
      "$2$1",
    );
    lines.push(
      `${device.join(":")} ${release} ${find("bInterfaceProtocol")} ${find("bNumEndpoints")} ${bytes.join("")}`,
    );
  }
  return lines;
}

const folder = join(checkout, "readers");
const files = readdirSync(folder).filter((name) => name.endsWith(".txt") && name !== "supported_readers.txt");
const lines = files.flatMap((name) => linesOf(readFileSync(join(folder, name), "utf8")));
const head = [
  "# Facts about USB readers, from the descriptors that the project CCID (LudovicRousseau/CCID, readers/) has collected.",
  `# Made by scripts/ccid-readers.js from ${files.length} files, one line an interface:`,
  "# vendor:product, bcdDevice, bInterfaceProtocol, bNumEndpoints, class descriptor.",
];
writeFileSync(join(root, "test/usb/ccid-readers.txt"), `${[...head, ...lines.sort()].join("\n")}\n`);
console.log(`${files.length} files, ${lines.length} interfaces`);
