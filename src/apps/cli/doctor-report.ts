// SPDX-License-Identifier: MIT

import type { ConnectionInspection, LockInspection, WaiterInspection } from "../../port/index.ts";
import type { SocketOrigin, UsbReader, UserFacts } from "./doctor-machine.ts";
import type { FailureForPrograms } from "./failure.ts";

/** The state of a socket. */
export type SocketState =
  | "answers"
  /** There is no such file. */
  | "missing"
  /** The path has more bytes than that of a socket can have. */
  | "path-too-long"
  /** The file is no socket. */
  | "no-socket"
  /** The file of a service that has ended, or that only holds the place. */
  | "no-listener"
  /** Its permissions keep us out. */
  | "access-denied"
  /** The service refuses us. */
  | "refused"
  /** The service speaks no version of the protocol that we speak. */
  | "other-version"
  /** The service has reached its limit of clients. */
  | "busy"
  /** The listener is not such a service, or is stuck. */
  | "no-answer";

/** A socket, and what listens there. */
export interface SocketReport {
  readonly path: string;
  readonly origin: SocketOrigin;
  readonly state: SocketState;
  /** Whether it is the one that programs here use. */
  readonly used: boolean;
  readonly file?: { readonly owner: string; readonly group: string; readonly mode: string };
  /** Only our daemon can be recognized; any other service with this protocol counts as pcscd. */
  readonly service?: "scard daemon" | "pcscd";
  readonly protocol?: string;
  /** The releases of pcsc-lite that speak that version. */
  readonly releases?: string;
  /** Entries of the reader table that programs on libpcsclite up to 2.4 get. */
  readonly tableEntries?: number;
  readonly error?: FailureForPrograms;
}

/** A reader, as a service has it. */
export interface ReaderReport {
  /** The socket of its service; absent for the operating system's own. */
  readonly socket?: string;
  readonly name: string;
  /** As in `scard readers`: `empty`, `card present`, `mute`, `unpowered`, `in use`, `exclusive`. */
  readonly state: readonly string[];
  readonly atr?: Uint8Array;
  readonly summary?: string;
  /** What the database calls the card, the most specific first. */
  readonly cards?: readonly string[];
  /** Who is connected, has the lock, and waits; absent where the service does not tell. */
  readonly connections?: readonly ConnectionInspection[];
  readonly lock?: LockInspection;
  readonly queue?: readonly WaiterInspection[];
  /** Where programs plug in as cards of a vpcd reader, and whether any program may; the daemon alone tells it. */
  readonly door?: { readonly at: string; readonly open: boolean };
}

/** `problem`: cards cannot be used. `warning`: something needs attention. `note`: good to know. */
export type FindingLevel = "problem" | "warning" | "note";

/** The findings that there are. Programs may rely on their names. */
export type FindingId =
  | "runtime-too-old"
  | "koffi-missing"
  | "sqlite-missing"
  | "sqlite-broken"
  | "manager-senseless"
  | "manager-embedded"
  | "service-missing"
  | "service-stopped"
  | "socket-path"
  | "socket-stale"
  | "socket-denied"
  | "socket-elsewhere"
  | "service-refuses"
  | "service-busy"
  | "version-mismatch"
  | "reader-table-size"
  | "service-stuck"
  | "subsystem-failed"
  | "no-manager"
  | "windows-service-missing"
  | "windows-service-disabled"
  | "windows-service-stopped"
  | "remote-session"
  | "rsa-keys"
  | "readers-unknown"
  | "no-reader"
  | "reader-unseen"
  | "reader-taken"
  | "usb-permission"
  | "no-card"
  | "card-mute"
  | "card-locked"
  | "card-door-open"
  | "holders-unknown"
  | "cards-unnamed"
  | "scdaemon"
  | "modem-manager"
  | "second-pcscd";

/** One thing that was found. */
export interface Finding {
  readonly id: FindingId;
  readonly level: FindingLevel;
  /** The finding, in a sentence or two. */
  readonly message: string;
  /** Remedies, the likeliest first; may be empty. */
  readonly remedies: readonly string[];
  /** A file to write for it. */
  readonly example?: { readonly path: string; readonly text: string };
}

/** The whole diagnosis, as `scard doctor --json` has it. */
export interface Diagnosis {
  /** Of this shape. Members may be added without a new one. */
  readonly version: 1;
  /** Whether nothing needs attention: no finding is a problem or a warning. */
  readonly healthy: boolean;
  readonly platform: {
    readonly system: string;
    readonly name: string;
    readonly release: string;
    readonly architecture: string;
  };
  readonly runtime: { readonly name: "node"; readonly version: string; readonly supported: boolean };
  readonly packages: readonly {
    readonly name: string;
    /** Absent where it is not installed. */
    readonly version?: string;
    readonly purpose: string;
  }[];
  readonly user?: UserFacts;
  /** What programs use that name no manager. */
  readonly manager: {
    readonly kind: "embedded" | "pcscd" | "system" | "none";
    /** `SCARD_MANAGER`, where that decides. */
    readonly spec?: string;
    readonly socket?: string;
  };
  readonly sockets: readonly SocketReport[];
  readonly usbReaders: readonly UsbReader[];
  readonly readers: readonly ReaderReport[];
  readonly findings: readonly Finding[];
}
