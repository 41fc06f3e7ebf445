// SPDX-License-Identifier: MIT

import type { OpenedUsbReaders, UsbReadersOptions } from "../../entry/embedded.ts";
import { SmartCardError } from "../../port/index.ts";
import type { UsbReaderReport, UsbSelection } from "../../readers/usb/index.ts";
import type { ConfiguredReader } from "./config.ts";
import type { Log } from "./log.ts";

/** USB readers as the configuration chooses them. */
export type UsbConfig = Omit<Extract<ConfiguredReader, { kind: "usb" }>, "driver"> &
  Pick<UsbSelection, "devices" | "driver">;

/** What USB readers need of the daemon. */
export interface DaemonUsbDeps extends Pick<UsbReadersOptions, "manager"> {
  readonly runtime: NonNullable<UsbReadersOptions["runtime"]>;
  /** Takes USB readers: `usbReaders`, or for a check what only says whether that would work. */
  readonly open: (options: UsbReadersOptions) => Promise<OpenedUsbReaders | undefined>;
  readonly log: Log["write"];
}

/** The USB readers of a daemon, from the time that the configuration has an entry for them. */
export class DaemonUsb {
  readonly #deps: DaemonUsbDeps;
  #opened: OpenedUsbReaders | undefined;

  constructor(deps: DaemonUsbDeps) {
    this.#deps = deps;
  }

  /**
   * Has those in service that are chosen. Where they cannot be reached at all, a default says so in the log.
   *
   * @throws unsupported-feature (a package is missing, and the configuration names USB readers)
   */
  async apply(wanted: readonly UsbConfig[]): Promise<void> {
    const readers = wanted.map(selectionOf);
    if (this.#opened !== undefined) return this.#opened.select(readers);
    if (readers.length === 0) return;
    const { log, manager, open, runtime } = this.#deps;
    try {
      this.#opened = await open({
        manager,
        runtime,
        readers,
        log: ({ details, level, message }) => log(level, message, details),
      });
    } catch (error) {
      if (!(error instanceof SmartCardError) || !wanted.every(({ isDefault }) => isDefault)) throw error;
      log("warn", "there are no USB readers", { reason: error.reason });
    }
  }

  /** Looks anew, and tries again what failed. */
  async look(): Promise<void> {
    await this.#opened?.look();
  }

  /** What is known of USB readers. */
  report(): { readonly missing?: string; readonly interfaces: readonly UsbReaderReport[] } {
    if (this.#opened === undefined) return { missing: "the daemon has no USB readers configured", interfaces: [] };
    const { missing } = this.#opened;
    return { ...(missing !== undefined && { missing }), interfaces: this.#opened.report() };
  }

  /** Whether a reader of this name is a USB reader. */
  knows(name: string): boolean {
    return this.#opened?.knows(name) ?? false;
  }

  /** @returns the names of its readers @throws unknown-reader */
  async release(choice: string): Promise<readonly string[]> {
    return this.#inUse(choice).release(choice);
  }

  /** @returns the names of its readers @throws unknown-reader, and why it cannot be taken */
  async claim(choice: string): Promise<readonly string[]> {
    return this.#inUse(choice).claim(choice);
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#opened?.close();
  }

  #inUse(choice: string): OpenedUsbReaders {
    if (this.#opened !== undefined) return this.#opened;
    const remedy = 'add --reader usb, or { "type": "usb" } to its configuration';
    const message = `the daemon has no USB readers configured: ${remedy}`;
    throw new SmartCardError("unknown-reader", message, { reader: choice });
  }
}

function selectionOf({ isDefault: _, kind: __, ...selection }: UsbConfig): UsbSelection {
  return selection;
}
