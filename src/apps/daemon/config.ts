// SPDX-License-Identifier: MIT

import type { ValueOf } from "../../base/json/index.ts";
import type { EmbeddedManagerOptions, ProfileName } from "../../managers/embedded/index.ts";
import type { daemonConfig, IfdEntry, ReaderConfEntry, UsbEntry, VirtualEntry, VpcdEntry } from "./config-shape.ts";
import type { LogLevel } from "./log.ts";

/** A reader that the daemon has; one without a name is identified by its place in the list. */
export type ConfiguredReader =
  | Configured<"virtual", VirtualEntry>
  | Configured<"vpcd", VpcdEntry>
  | Configured<"ifd", IfdEntry>
  | Configured<"reader.conf", ReaderConfEntry>
  | (Configured<"usb", UsbEntry> & {
      /** Nothing is configured: like pcscd it takes all of them, and where it cannot it says so and goes on. */
      readonly isDefault?: true;
    });

/** An entry of the file, its paths absolute; the command line leaves more out. */
type Configured<Kind, Entry> = { readonly kind: Kind } & Partial<Omit<Entry, "type">>;

/** The contents of a daemon's configuration file. Members that are left out have their defaults. */
export type DaemonConfig = Omit<ValueOf<typeof daemonConfig>, "$schema" | "readers" | "semantics"> & {
  readonly readers: readonly ConfiguredReader[];
  readonly semantics: NonNullable<EmbeddedManagerOptions["semantics"]>;
};

/** Who may reach the daemon, and who may use which reader. In each list the first rule that matches counts. */
export type AccessRules = DaemonConfig["access"];

/** Where no configuration file is given. */
export const emptyConfig: DaemonConfig = {
  readers: [],
  semantics: {},
  limits: {},
  socket: {},
  control: {},
  access: { daemon: [], readers: [] },
  log: {},
};

/** Settings of the command line; they override the configuration file, also after a reload. */
export interface CommandLineSettings {
  /** In service beside those of the file. */
  readonly readers: readonly ConfiguredReader[];
  readonly socketPath?: string;
  readonly controlPath?: string;
  readonly profile?: ProfileName;
  readonly maxReadersContexts?: number;
  readonly logLevel?: LogLevel;
}

/** The configuration, overridden by the command line. */
export function withCommandLine(config: DaemonConfig, line: CommandLineSettings): DaemonConfig {
  const readers = [...line.readers, ...config.readers];
  return {
    ...config,
    readers: readers.length > 0 ? readers : [{ kind: "usb", isDefault: true }],
    ...(line.profile !== undefined && { profile: line.profile }),
    ...(line.maxReadersContexts !== undefined && { maxReadersContexts: line.maxReadersContexts }),
    socket: { ...config.socket, ...(line.socketPath !== undefined && { path: line.socketPath }) },
    control: line.controlPath === undefined ? config.control : { path: line.controlPath },
    log: line.logLevel === undefined ? config.log : { level: line.logLevel },
  };
}

/** What takes effect only at a start, except the policy, which may change where there was one. */
export const fixedSettings = [
  "metrics",
  "audit",
  "profile",
  "semantics",
  "limits",
  "maxReadersContexts",
  "socket",
  "control",
] as const satisfies readonly (keyof DaemonConfig)[];
