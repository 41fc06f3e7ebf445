// SPDX-License-Identifier: MIT

import type { FixedTableSizes, ServerLimits } from "../../faces/pcsclite-server/index.ts";
import type { EmbeddedManagerOptions, ManagerLimits, ProfileName } from "../../managers/embedded/index.ts";
import type { AccessRule, PeerRule } from "../../port/index.ts";
import type { LogLevel } from "./log.ts";

/** Who may reach the daemon, and who may use which reader. In each list the first rule that matches counts. */
export interface AccessRules {
  readonly daemon: readonly AccessRule[];
  readonly readers: readonly AccessRule[];
}

/** A reader that the daemon has. */
export type ConfiguredReader =
  | {
      readonly kind: "virtual";
      /** Its name; readers without one are identified by their order. */
      readonly name?: string;
      /** Its card: `demo`, or the absolute path of a card image. */
      readonly card?: string;
    }
  | {
      readonly kind: "vpcd";
      readonly name?: string;
      readonly host?: string;
      readonly port?: number;
      readonly slots?: number;
      /** A Unix socket, in the place of host and port; its permissions and its group. */
      readonly path?: string;
      readonly mode?: number;
      readonly group?: number;
      /** Who may be the card. */
      readonly access?: readonly PeerRule[];
    };

/** Limits of the daemon's sockets, besides those of manager and server. */
interface SocketLimits {
  /** Bytes of answers that a client may leave unread; one that leaves more is disconnected. */
  readonly unsentBytes: number;
  /**
   * How long the daemon polls for the next request before it sleeps, in microseconds; 0: not at all. It costs processor time
   * and saves clients the wake-up time of the processor.
   */
  readonly awakeUs: number;
}

/** The contents of a daemon's configuration file. Members that are left out have their defaults. */
export interface DaemonConfig {
  readonly readers: readonly ConfiguredReader[];
  readonly profile?: ProfileName;
  readonly semantics: NonNullable<EmbeddedManagerOptions["semantics"]>;
  readonly limits: Partial<ManagerLimits & ServerLimits & SocketLimits>;
  /** Entries of the reader table that clients of protocol 4:4 and 4:5 were compiled for. */
  readonly maxReadersContexts?: number | Partial<FixedTableSizes>;
  readonly socket: { readonly path?: string; readonly mode?: number; readonly group?: number };
  readonly control: { readonly path?: string };
  readonly access: AccessRules;
  readonly log: { readonly level?: LogLevel };
}

/** {@link SocketLimits.awakeUs} where it is not given: the time between the calls of a busy client. */
export const DEFAULT_AWAKE_US = 200;

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
  return {
    ...config,
    readers: [...line.readers, ...config.readers],
    ...(line.profile !== undefined && { profile: line.profile }),
    ...(line.maxReadersContexts !== undefined && { maxReadersContexts: line.maxReadersContexts }),
    socket: { ...config.socket, ...(line.socketPath !== undefined && { path: line.socketPath }) },
    control: line.controlPath === undefined ? config.control : { path: line.controlPath },
    log: line.logLevel === undefined ? config.log : { level: line.logLevel },
  };
}
