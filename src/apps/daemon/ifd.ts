// SPDX-License-Identifier: MIT

import type { EmbeddedManager } from "../../managers/embedded/index.ts";
import {
  type ConfiguredDriver,
  checkIfd,
  type IfdPlace,
  type openIfd,
  readerConf,
  usbDevicesOf,
} from "../../platform/node/ifd/index.ts";
import { type Runtime, SmartCardError, within } from "../../port/index.ts";
import type { IfdDevice, IfdLogEntry } from "../../readers/ifd/index.ts";
import type { UsbSelection } from "../../readers/usb/index.ts";
import type { ConfiguredReader } from "./config.ts";
import type { Log } from "./log.ts";

/** Readers whose drivers were written for pcsc-lite: one of the configuration, or those of reader.conf.d. */
export type IfdConfig = Extract<ConfiguredReader, { kind: "ifd" | "reader.conf" }>;

/** What readers with drivers of pcsc-lite need of the daemon. */
export interface DaemonIfdDeps {
  readonly manager: Pick<EmbeddedManager, "addReader" | "removeReader">;
  readonly runtime: Runtime;
  /** Opens a reader: `openIfd`, or for a check only says whether it could be tried. */
  readonly open: (...args: Parameters<typeof openIfd>) => Promise<IfdDevice | undefined>;
  readonly log: Log["write"];
}

/**
 * How long the start of the daemon waits for readers to be opened, in milliseconds. A serial driver takes a minute to find that its
 * reader is not connected; such a reader is put into service later, or not at all.
 */
const START_WAIT_MS = 5000;

interface Served {
  /** Settles when the reader is in service, or cannot be. */
  readonly opened: Promise<void>;
  /** The names of its slots with the manager. */
  readonly names: string[];
  /** Its number among the readers of its driver. */
  readonly number: number;
  readonly driver: string;
  isWanted: boolean;
}

/** A reader that the configuration asks for, and the entry that does. */
interface Wanted {
  readonly place: IfdPlace;
  /** Whether a file of reader.conf.d names it: it cannot keep the daemon from starting then. */
  readonly file: string | undefined;
}

/** The readers of a daemon that have drivers of pcsc-lite. */
export class DaemonIfd {
  readonly #deps: DaemonIfdDeps;
  readonly #served = new Map<string, Served>();

  constructor(deps: DaemonIfdDeps) {
    this.#deps = deps;
  }

  /**
   * A bundle that is named without a device is a choice of USB readers: all that it names, and that driver for them.
   *
   * @throws as {@link check}
   */
  async usbChoice(config: IfdConfig): Promise<UsbSelection | undefined> {
    if (config.kind !== "ifd" || config.device !== undefined || config.channel !== undefined) return undefined;
    const devices = await usbDevicesOf(config.driver ?? "");
    if (devices === undefined) return undefined;
    return { driver: config.driver ?? "", devices, ...(config.name !== undefined && { name: config.name }) };
  }

  /** Says whether a reader can be tried. @throws unsupported-feature, file-not-found, no-access, invalid-value */
  async check(config: IfdConfig): Promise<void> {
    if (config.kind === "ifd") await checkIfd(placeIn(config));
  }

  /**
   * Has those in service that are wanted. A reader that cannot be opened is told in the log.
   */
  async apply(configs: readonly IfdConfig[]): Promise<void> {
    const wanted = new Map<string, Wanted>();
    for (const config of configs) {
      for (const one of await this.#wantedBy(config)) wanted.set(keyOf(one.place), one);
    }
    for (const [key, served] of this.#served) if (!wanted.has(key)) await this.#takeOut(key, served);
    const opening = [...wanted].map(([key, one]) => (this.#served.get(key) ?? this.#serve(key, one)).opened);
    const { clock } = this.#deps.runtime;
    const late = (): void => {
      this.#deps.log("info", "some readers with drivers of pcsc-lite are still being opened", {});
    };
    await within(clock, START_WAIT_MS, "readers with drivers", Promise.all(opening).then(ignore), late);
  }

  /** Whether a reader of this name has such a driver. */
  knows(name: string): boolean {
    return [...this.#served.values()].some(({ names }) => names.includes(name));
  }

  /** No reader is put into service any more; those that are, the manager closes. */
  close(): void {
    for (const served of this.#served.values()) served.isWanted = false;
  }

  async #wantedBy(config: IfdConfig): Promise<readonly Wanted[]> {
    if (config.kind === "ifd") {
      return [{ place: placeIn(config), file: undefined }];
    }
    const { found, problems } = await readerConf(config.path);
    for (const problem of problems) this.#deps.log("warn", "a file of reader.conf.d is not taken", { reason: problem });
    return found.map((one) => ({ place: placeOf(one), file: one.file }));
  }

  #serve(key: string, { file, place }: Wanted): Served {
    const taken = [...this.#served.values()].filter(({ driver }) => driver === place.driver).map((one) => one.number);
    let number = 0;
    while (taken.includes(number)) number++;
    const names: string[] = [];
    const served: Served = {
      isWanted: true,
      names,
      number,
      driver: place.driver,
      opened: this.#open(key, { ...place, number }, () => served).catch((error: unknown) => {
        this.#served.delete(key);
        const reason = error instanceof SmartCardError ? error.reason : String(error);
        const remedy = "connect it, and reload the configuration (SIGHUP)";
        this.#deps.log("warn", "a reader cannot be used", { ...(file !== undefined && { file }), reason, remedy });
      }),
    };
    this.#served.set(key, served);
    return served;
  }

  async #open(key: string, place: IfdPlace, self: () => Served): Promise<void> {
    const { log, manager, open, runtime } = this.#deps;
    const device = await open(place, {
      runtime,
      log: (entry) => this.#tell(entry),
      release: () => {
        if (this.#served.get(key) === self()) this.#served.delete(key);
      },
    });
    if (device === undefined) return;
    if (!self().isWanted) {
      await device.close();
      return;
    }
    try {
      for (const reader of device.readers) self().names.push(await manager.addReader(reader));
    } catch (error) {
      await device.close();
      throw error;
    }
    log("info", "a driver of pcsc-lite has a reader", { driver: place.driver, readers: self().names.join(", ") });
  }

  async #takeOut(key: string, served: Served): Promise<void> {
    this.#served.delete(key);
    served.isWanted = false;
    for (const name of served.names) await this.#deps.manager.removeReader(name).catch(ignore);
  }

  #tell({ level, message, ...details }: IfdLogEntry): void {
    this.#deps.log(level, message, details);
  }
}

function placeIn({ driver = "", kind: _, ...rest }: Extract<IfdConfig, { kind: "ifd" }>): IfdPlace {
  return { driver, ...rest };
}

function placeOf({ channel, device, friendlyName, library }: ConfiguredDriver): IfdPlace {
  return { driver: library, device, channel, name: friendlyName };
}

function keyOf({ channel = 0, device = "", driver, name = "" }: IfdPlace): string {
  return JSON.stringify([driver, device, channel, name]);
}

function ignore(): void {}
