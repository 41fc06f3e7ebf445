// SPDX-License-Identifier: MIT

import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { SmartCardError } from "../../../port/index.ts";
import {
  type BundleInfo,
  type DriverBundle,
  type IfdUsbDevice,
  parseBundleInfo,
  parseReaderConf,
  type ReaderConfEntry,
  type Refused,
} from "../../../readers/ifd/index.ts";
import { usbId } from "../../../readers/names/index.ts";
import { readRegularFile } from "../runtime/index.ts";
import { thisUser, whyUntrusted } from "../unix/index.ts";

/** Where pcsc-lite's drivers are installed, and where their readers are configured. */
export const DRIVER_FOLDER = "/usr/lib/pcsc/drivers";
export const READER_CONF_FOLDER = "/etc/reader.conf.d";

/** Largest Info.plist and largest file of reader.conf.d that is read, in bytes. */
const MAX_FILE_BYTES = 4_194_304;

/** Permission bit. */
const WRITE_BY_OTHERS = 0o002;

/** What was found, and why the rest was not taken: one sentence each, which begins with the file. */
export interface Found<T> {
  readonly found: readonly T[];
  readonly problems: readonly string[];
}

/**
 * The driver bundles of a folder, in the order of their names. A bundle that cannot be read does not keep others from being found.
 *
 * @param folder need not exist
 */
export async function driverBundles(folder: string = DRIVER_FOLDER): Promise<Found<DriverBundle>> {
  const found: DriverBundle[] = [];
  const problems: string[] = [];
  for (const name of namesIn(folder)) {
    if (!name.includes(".bundle")) continue;
    const path = join(folder, name);
    const info = await bundleInfo(path);
    if ("problem" in info) problems.push(info.problem);
    else found.push({ ...info, library: libraryOf(path, info.executable) });
  }
  return { found, problems };
}

/** The bundles of a folder, read anew where one was installed, changed or removed. */
export class BundleFolder {
  readonly #folder: string;
  #found: readonly DriverBundle[] = [];
  #edition: string | undefined;

  constructor(folder: string = DRIVER_FOLDER) {
    this.#folder = folder;
  }

  /** Those of the last look. */
  get found(): readonly DriverBundle[] {
    return this.#found;
  }

  /** Never rejects: a folder that cannot be read has none. */
  async look(): Promise<readonly DriverBundle[]> {
    const edition = namesIn(this.#folder)
      .map((name) => editionOf(join(this.#folder, name, "Contents", "Info.plist")))
      .join("\n");
    if (edition === this.#edition) return this.#found;
    this.#found = (await driverBundles(this.#folder)).found;
    this.#edition = edition;
    return this.#found;
  }
}

/** Is another text when the file may be another. */
function editionOf(file: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(file);
    return `${file} ${ino} ${size} ${mtimeMs}`;
  } catch {
    return "";
  }
}

/** A reader of reader.conf.d, and the file that names it. */
export interface ConfiguredDriver extends ReaderConfEntry {
  readonly file: string;
}

/**
 * The readers of a folder as pcscd takes them, or of one file: regular files whose names do not begin with a dot.
 *
 * @param path a folder that does not exist has no readers
 */
export async function readerConf(path: string = READER_CONF_FOLDER): Promise<Found<ConfiguredDriver>> {
  const found: ConfiguredDriver[] = [];
  const problems: string[] = [];
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() !== false;
  const files = isFolder ? namesIn(path).map((name) => join(path, name)) : [path];
  for (const file of files) {
    const isTaken = lstatSync(file, { throwIfNoEntry: false })?.isFile() === true && !basename(file).startsWith(".");
    if (isFolder && !isTaken) continue;
    const text = await textOf(file);
    if (typeof text !== "string") {
      problems.push(text.problem);
      continue;
    }
    const { problem, readers } = parseReaderConf(text, existsSync);
    if (problem !== undefined) problems.push(`${file}, line ${problem.line}: ${problem.message}`);
    found.push(...readers.map((reader) => ({ ...reader, file })));
  }
  return { found, problems };
}

/** A driver that was named: its library, and the bundle that it came in, if it did. */
export interface NamedDriver {
  readonly library: string;
  readonly bundle: DriverBundle | undefined;
}

/**
 * The driver that a path names: a library, or a bundle.
 *
 * @throws file-not-found, invalid-value (a bundle whose Info.plist cannot be used)
 */
export async function findDriver(path: string): Promise<NamedDriver> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new SmartCardError("file-not-found", `there is no driver at ${path}`);
  if (!stat.isDirectory()) return { library: path, bundle: undefined };
  const info = await bundleInfo(path);
  if ("problem" in info) {
    throw new SmartCardError("invalid-value", `the folder ${path} is no driver bundle: ${info.problem}`);
  }
  const library = libraryOf(path, info.executable);
  return { library, bundle: { ...info, library } };
}

/**
 * The bundle that a choice of USB readers names.
 *
 * @param device the reader that was found for it
 * @throws file-not-found, invalid-value (a bundle whose Info.plist cannot be used; a library)
 */
export async function bundleFor(
  path: string,
  device: Pick<IfdUsbDevice, "productId" | "vendorId">,
): Promise<DriverBundle> {
  const { bundle } = await findDriver(path);
  if (bundle !== undefined) return bundle;
  const around = /^(.*\.bundle)\/Contents\/Linux\/[^/]+$/.exec(resolve(path))?.[1];
  const alone = `{ "type": "ifd", "driver": "${path}", "device": "usb:${usbId(device, "/")}" }`;
  const remedy = `name its bundle, ${around ?? "a folder"}, or configure this reader by itself: ${alone}`;
  throw new SmartCardError(
    "invalid-value",
    `${path} is a library, which does not say which readers it drives: ${remedy}`,
  );
}

/**
 * Refuses a library that another user may have put there: it would run as this process' user.
 *
 * @throws file-not-found, no-access
 */
export function checkLibrary(library: string): void {
  if (!existsSync(library)) throw new SmartCardError("file-not-found", `there is no driver at ${library}`);
  const user = thisUser();
  const isOpen = (statSync(library).mode & WRITE_BY_OTHERS) !== 0;
  const why = isOpen ? "others can write to it" : user === undefined ? undefined : whyUntrusted(library, user);
  if (why !== undefined) {
    const remedy = "give the file to root, in a folder that only root can write to";
    throw new SmartCardError("no-access", `the driver ${library} is not loaded: ${why}; ${remedy}`);
  }
}

function libraryOf(bundle: string, executable: string): string {
  return join(bundle, "Contents", "Linux", executable);
}

/** @returns a problem as a whole sentence */
async function bundleInfo(path: string): Promise<BundleInfo | Refused> {
  const file = join(path, "Contents", "Info.plist");
  const text = await textOf(file);
  if (typeof text !== "string") return text;
  const info = parseBundleInfo(text);
  return "problem" in info ? { problem: `${file} ${info.problem}` } : info;
}

async function textOf(file: string): Promise<string | Refused> {
  try {
    return new TextDecoder().decode(await readRegularFile(file, { mostBytes: MAX_FILE_BYTES }));
  } catch (error) {
    return { problem: error instanceof SmartCardError ? error.reason : `${file} cannot be read` };
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
