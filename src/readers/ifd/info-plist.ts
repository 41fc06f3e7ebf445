// SPDX-License-Identifier: MIT

/** A USB reader that a bundle's driver is for. */
export interface BundleReader {
  readonly vendorId: number;
  readonly productId: number;
  /** The name that pcscd shows, before interface, serial number and numbers are added to it. */
  readonly friendlyName: string;
}

/** What the Info.plist of a driver bundle says. */
export interface BundleInfo {
  /** CFBundleExecutable: the name of the library in Contents/Linux. */
  readonly executable: string;
  /** True for the driver of the whole class (libccid): a driver that is for one reader comes before it. */
  readonly isClassDriver: boolean;
  readonly readers: readonly BundleReader[];
}

/** Why a file is refused, in words that can follow the file's name. */
export interface Refused {
  readonly problem: string;
}

/** CFBundleName of the class driver. */
const CLASS_DRIVER_NAME = "CCIDCLASSDRIVER";

/** An Info.plist of 642 readers has 120 KB. */
const MAX_PLIST_CHARACTERS = 4_194_304;

const keyToken = /<key>([A-Za-z0-9 \t]+)<\/key>/y;
/** To the last end tag of the line, as pcscd's scanner takes the longest match. */
const stringToken = /<string>([^\n]+)<\/string>/y;

/**
 * Reads the keys and values of an Info.plist as pcscd does. It has no XML parser: it looks for `<key>` and `<string>` with their
 * end tags on the same line, in comments too, `#` begins a comment, a string ends at its first `<`, and of all entities only
 * `&amp;` is known. A bundle that pcscd reads in a certain way is read here in the same way.
 *
 * @see PCSC/src/tokenparser.l
 */
export function parsePlist(text: string): ReadonlyMap<string, readonly string[]> {
  const keys = new Map<string, string[]>();
  let values: string[] | undefined;
  for (const line of text.slice(0, MAX_PLIST_CHARACTERS).split("\n")) {
    for (let at = 0; at < line.length && line[at] !== "#"; at++) {
      if (line[at] !== "<") continue;
      const key = matchAt(keyToken, line, at);
      const string = key === undefined ? matchAt(stringToken, line, at) : undefined;
      if (key !== undefined) {
        // Of two keys with one name the last one counts.
        values = [];
        keys.set(key.content, values);
      } else if (string !== undefined) {
        const [content = ""] = string.content.split("<", 1);
        values?.push(content.replaceAll("&amp;", "&"));
      }
      at = (key ?? string)?.end ?? at;
    }
  }
  return keys;
}

/** @returns what is between the tags, and where the last character of the match is */
function matchAt(token: RegExp, line: string, at: number): { content: string; end: number } | undefined {
  token.lastIndex = at;
  const match = token.exec(line);
  return match?.[1] === undefined ? undefined : { content: match[1], end: token.lastIndex - 1 };
}

/**
 * Reads the Info.plist of a driver bundle: the library, and the readers that it is for.
 *
 * @see ifdhandler.h of pcsc-lite, "USB readers"
 */
export function parseBundleInfo(text: string): BundleInfo | Refused {
  const keys = parsePlist(text);
  const [executable] = keys.get("CFBundleExecutable") ?? [];
  const vendors = keys.get("ifdVendorID");
  const products = keys.get("ifdProductID");
  const names = keys.get("ifdFriendlyName");
  if (executable === undefined) return { problem: "has no CFBundleExecutable" };
  if (executable.includes("/") || executable.includes("\0")) {
    return { problem: "has a CFBundleExecutable that is not the name of a file" };
  }
  if (vendors === undefined || products === undefined || names === undefined) {
    const missing = ["ifdVendorID", "ifdProductID", "ifdFriendlyName"].filter((key) => !keys.has(key));
    return { problem: `has no ${missing.join(" and no ")}` };
  }
  if (vendors.length !== products.length || vendors.length !== names.length) {
    const counts = `${vendors.length} of ifdVendorID, ${products.length} of ifdProductID, ${names.length} of ifdFriendlyName`;
    return { problem: `has lists of different lengths: ${counts}` };
  }
  const readers = names.map((friendlyName, index) => ({
    vendorId: hexNumber(vendors[index]),
    productId: hexNumber(products[index]),
    friendlyName,
  }));
  return { executable, isClassDriver: keys.get("CFBundleName")?.[0] === CLASS_DRIVER_NAME, readers };
}

/** As strtol with base 16 reads it: what follows the digits is ignored, and no digits are 0. */
function hexNumber(text = ""): number {
  const [, digits = "0"] = /^\s*\+?(?:0[xX](?=[0-9a-fA-F]))?([0-9a-fA-F]{1,8})/.exec(text) ?? [];
  return Number.parseInt(digits, 16);
}
