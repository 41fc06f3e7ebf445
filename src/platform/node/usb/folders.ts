// SPDX-License-Identifier: MIT

/** Where Linux keeps what is read here; folders of their own in tests. */
export interface UsbFolders {
  readonly sys: string;
  readonly dev: string;
  readonly run: string;
  readonly proc: string;
}

export const usualFolders: UsbFolders = { sys: "/sys", dev: "/dev", run: "/run", proc: "/proc" };
