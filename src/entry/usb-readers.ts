// SPDX-License-Identifier: MIT

import { join } from "node:path";
import { BundleFolder, bundleFor, driverBundles, openIfdUsb } from "../platform/node/ifd/index.ts";
import { nodeRuntime } from "../platform/node/runtime/index.ts";
import { chooseTransport } from "../platform/node/usb/index.ts";
import {
  callback,
  checkNewReaderName,
  clockObject,
  listOf,
  optional,
  optionsOf,
  type Place,
  partsOf,
  type Runtime,
  refuse,
  SmartCardError,
  text,
  truth,
  wholeNumber,
} from "../port/index.ts";
import { openCcidDevice } from "../readers/ccid/index.ts";
import { type DriverBundle, driversFor } from "../readers/ifd/index.ts";
import { usbId } from "../readers/names/index.ts";
import {
  type DrivenDevice,
  type OpenByDriver,
  type ReaderHost,
  type UsbLogEntry,
  type UsbReaderReport,
  UsbReaders,
  type UsbSelection,
  type UsbTransport,
} from "../readers/usb/index.ts";

/** What USB readers need. */
export interface UsbReadersOptions {
  /** The manager that they belong to: `embeddedManager()` makes one. */
  readonly manager: ReaderHost;
  /** Time for the limits, and where the readers' trace goes; by default this machine's clock, and no trace. */
  readonly runtime?: Pick<Runtime, "clock" | "trace">;
  /** Which readers are taken: each entry chooses those that fit all that it says. All readers by default. */
  readonly readers?: readonly UsbSelection[];
  /** Is told which readers come into service, which do not and why, and which are gone. Must not throw. */
  readonly log?: (entry: UsbLogEntry) => void;
}

/** The USB readers of a manager. The program runs until they are closed. */
export interface OpenedUsbReaders extends AsyncDisposable {
  /** Why there is no USB on this machine; undefined where there is. Readers are taken when it comes. */
  readonly missing: string | undefined;
  /** Each smart card interface that is plugged in, whether it is in service, and if not, why. */
  report(): readonly UsbReaderReport[];
  /** Has other readers in service from now on. Settles when they are, or have failed. */
  select(readers: readonly UsbSelection[]): Promise<void>;
  /** Looks anew which devices are plugged in, and tries again those that failed. */
  look(): Promise<void>;
  /** Whether a reader of this name is one of these, in service or given free. */
  knows(name: string): boolean;
  /**
   * Gives a reader free for other programs, all slots of it, until it is claimed.
   *
   * @param choice a name of it, its id, vendor and product (`072f:2200`), its serial number, or its port (`1-2.4`)
   * @returns the names that its readers had
   * @throws unknown-reader (none fits, or several do)
   */
  release(choice: string): Promise<readonly string[]>;
  /**
   * Takes a reader that was given free, or could not be opened before.
   *
   * @param choice as for `release`
   * @returns the names of its readers
   * @throws unknown-reader (none fits, or several do), sharing-violation (a driver or program has it; the message says which),
   * no-access, reader-unavailable, unsupported-feature (udev or the choice of readers leave it to others)
   */
  claim(choice: string): Promise<readonly string[]>;
  /** Takes the readers out of service and gives the devices free. Never rejects. */
  close(): Promise<void>;
}

/** Vendor and product. */
const deviceText = (value: unknown, at: Place): string => {
  const given = text("vendor and product")(value, at);
  if (!/^[0-9a-f]{4}:[0-9a-f]{4}$/i.test(given)) {
    refuse(at, `"${given}"`, "give vendor and product, four hexadecimal digits each: 072f:2200", "invalid-value");
  }
  return given;
};

const nameText = (value: unknown, at: Place): string => {
  const given = text("the name of a reader")(value, at);
  checkNewReaderName(given);
  return given;
};

const selection = optionsOf<UsbSelection>({
  device: optional(deviceText),
  devices: optional(listOf(deviceText, "vendors and products", 65_536)),
  serial: optional(text("a serial number", 4096)),
  port: optional(text("bus and ports", 255)),
  interface: optional(wholeNumber(0, 255)),
  allowEscape: optional(truth),
  allowBogusFirmware: optional(truth),
  name: optional(nameText),
  driver: optional(text("own, pcsc-lite or the path of a driver", 4096)),
});

const selections = listOf(selection, "choices of readers", 1024);

const readersOptions = optionsOf<UsbReadersOptions>({
  manager: partsOf<ReaderHost>(
    {
      addReader: callback<ReaderHost["addReader"]>("a function that takes a reader"),
      removeReader: callback<ReaderHost["removeReader"]>("a function that removes a reader"),
    },
    "a manager: embeddedManager() makes one",
  ),
  runtime: optional(
    partsOf<NonNullable<UsbReadersOptions["runtime"]>>(
      { clock: clockObject, trace: callback("a function that is told what happens") },
      "a runtime: nodeRuntime() makes one",
    ),
  ),
  readers: optional(selections),
  log: optional(callback<NonNullable<UsbReadersOptions["log"]>>("a function that takes entries")),
});

/**
 * Puts the USB readers of this machine into a manager, as they are plugged in, and takes them out when they are gone: any
 * reader of the USB smart card class (CCID, ICCD), by this package's own driver. No service and no other driver is needed. It settles
 * when the readers that are plugged in are in service, or have failed, after three seconds at most. A machine without USB is
 * no error.
 *
 * Portability: on Linux through the files of /dev/bus/usb, which a udev rule opens for a user (`scard doctor --fix-udev` prints it).
 * On macOS and Windows the system's own driver has the readers, which excludes this one: `SCARD_MANAGER=system` uses that.
 *
 * @throws unsupported-feature (neither koffi nor the package usb is installed: the message says what to install),
 * invalid-parameter, invalid-value
 * @see USB-IF, Device Class: Smart Card CCID, Revision 1.1
 */
export async function usbReaders(options: UsbReadersOptions): Promise<OpenedUsbReaders> {
  const place = { operation: "usbReaders", path: "options" };
  const { log, manager, readers = [{}], runtime = nodeRuntime() } = readersOptions(options, place);
  const transport = await findTransport(runtime);
  const installed = new BundleFolder();
  await installed.look();
  const opened = new UsbReaders({
    runtime,
    transport,
    host: manager,
    openDevice: openCcidDevice,
    openByDriver: (description, options) => openByDriver(description, options, log),
    // The devices that the drivers installed for pcscd name.
    foreignDevices: async () => {
      const bundles = await installed.look();
      return new Set(bundles.flatMap((bundle) => bundle.readers.map((reader) => usbId(reader))));
    },
    countedWith: (description, driver) => countedWith(installed.found, description, driver),
    selections: readers,
    ...(log !== undefined && { log }),
  });
  await opened.start();
  const close = (): Promise<void> => opened.close();
  return {
    get missing() {
      return opened.missing;
    },
    report: () => opened.report(),
    select: async (chosen) => opened.select(selections(chosen, { operation: "select", path: "readers" })),
    look: () => opened.look(),
    knows: (name) => opened.knows(text("the name of a reader")(name, { operation: "knows", path: "name" })),
    release: async (choice) => opened.release(choiceOf("release", choice)),
    claim: async (choice) => opened.claim(choiceOf("claim", choice)),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The library whose readers a reader is counted among, as pcscd counts; undefined for libccid's, in whose place our driver is. */
function countedWith(
  bundles: readonly DriverBundle[],
  description: Parameters<OpenByDriver>[0],
  driver: string,
): string | undefined {
  const chosen =
    driver === "pcsc-lite" ? bundles : bundles.filter(({ library }) => library.startsWith(join(driver, "/")));
  const [first] = driversFor(chosen, description);
  if (first === undefined) return driver;
  return bundles.find(({ library }) => library === first.library)?.isClassDriver ? undefined : first.library;
}

/** Has a driver of pcsc-lite open a reader. */
async function openByDriver(
  ...[description, { clock, describe, driver, ended, trace }, log]: [
    ...Parameters<OpenByDriver>,
    UsbReadersOptions["log"],
  ]
): Promise<DrivenDevice | undefined> {
  const bundles = driver === "pcsc-lite" ? (await driverBundles()).found : [await bundleFor(driver, description)];
  return openIfdUsb(description, bundles, {
    runtime: { clock, trace },
    log: ({ level, message, ...details }) => log?.({ level: level === "info" ? level : "warn", message, details }),
    release: ended,
    describe: (base, slot) => describe(slot, base),
  });
}

/** The way to USB on this machine. @throws unsupported-feature */
export async function findTransport({ clock }: Pick<Runtime, "clock">): Promise<UsbTransport> {
  return chooseTransport(clock).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SmartCardError("unsupported-feature", reason, { operation: "usbReaders" }, { cause });
  });
}

function choiceOf(operation: string, choice: string): string {
  return text("a choice of a reader")(choice, { operation, path: "choice" });
}
