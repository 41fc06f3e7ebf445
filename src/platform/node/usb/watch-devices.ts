// SPDX-License-Identifier: MIT

import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CancelTimer, Clock } from "../../../port/index.ts";
import type { UsbFolders } from "./folders.ts";

/** How often it looks where nothing tells of changes, and as a safeguard where something does; in milliseconds. */
const lookMs = { alone: 1000, besides: 10_000 } as const;

/**
 * Tells of devices that come and go, by the device files: the kernel makes and removes one with each device, and udev changes
 * its owner and permissions. Where these files cannot be watched, it looks once a second. It tells once at the beginning, when
 * nothing can be missed any more.
 */
export function watchDevices(folders: UsbFolders, clock: Clock, changed: () => void): () => void {
  const watcher = new DeviceWatch(folders, clock, changed);
  return () => watcher.close();
}

class DeviceWatch {
  readonly #root: string;
  readonly #tree: string;
  readonly #clock: Clock;
  readonly #changed: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #known: string | undefined;
  #cancelTimer: CancelTimer | undefined;
  #closed = false;
  #isLooking = false;
  /** Something happened while it looked. */
  #isDue = false;

  constructor(folders: UsbFolders, clock: Clock, changed: () => void) {
    this.#root = join(folders.dev, "bus/usb");
    this.#tree = join(folders.sys, "bus/usb/devices");
    this.#clock = clock;
    this.#changed = changed;
    void this.#look(false);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** @param knows whether what is found was told already */
  async #look(knows: boolean): Promise<void> {
    this.#isDue = this.#isLooking;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#cancelTimer?.();
    const list = async (path: string): Promise<string[]> => readdir(path).catch(() => []);
    const buses = (await list(this.#root)).sort();
    const devices = await Promise.all(buses.map(async (bus) => (await list(join(this.#root, bus))).sort().join()));
    const known = [...buses, ...devices, ...(await list(this.#tree)).sort()].join(" ");
    this.#isLooking = false;
    if (this.#closed) return;
    this.#watch(this.#root);
    for (const bus of buses) this.#watch(join(this.#root, bus));
    const isNew = known !== this.#known;
    this.#known = known;
    if (isNew && !knows) this.#changed();
    if (this.#isDue) {
      void this.#look(knows);
      return;
    }
    const pause = this.#watchers.size > 0 ? lookMs.besides : lookMs.alone;
    this.#cancelTimer = this.#clock.schedule(pause, "usb-devices", () => void this.#look(false));
  }

  #watch(path: string): void {
    if (this.#watchers.has(path)) return;
    try {
      const watcher = watch(path, () => this.#happened());
      watcher.on("error", () => this.#forget(path, watcher));
      this.#watchers.set(path, watcher);
    } catch {
      // The folder is not there, or the user has no watches left: it looks once a second then.
    }
  }

  #forget(path: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.#watchers.get(path) === watcher) this.#watchers.delete(path);
  }

  #happened(): void {
    if (this.#closed) return;
    this.#changed();
    void this.#look(true);
  }
}
