// SPDX-License-Identifier: MIT

import type { ProbeOptions, ServiceInfo } from "../../managers/pcscd/index.ts";
import type { Clock, ResourceManager, SmartCardError } from "../../port/index.ts";
import type { WhoReport } from "../daemon/index.ts";

/** Owner and permissions of a file. */
export interface FileFacts {
  readonly kind: "socket" | "folder" | "file" | "other";
  /** Name of the user and of the group; their numbers where there is no name. */
  readonly owner: string;
  readonly group: string;
  /** Permission bits. */
  readonly mode: number;
  /** The same for two paths that lead to one file. */
  readonly identity: string;
}

/** A process that runs. */
export interface ProcessFacts {
  readonly pid: number;
  /** Name of the program, its first 15 characters. */
  readonly name: string;
}

/** The library through which other programs reach the service. */
export interface ClientLibrary {
  readonly path: string;
  /** How many readers its table has room for; undefined from pcsc-lite 2.5 on, which takes any number. */
  readonly tableEntries: number | undefined;
}

/** The connections that a service's socket has. */
export interface SocketUse {
  /** How many there are, without those of this process. */
  readonly connections: number;
  /** The programs at their other ends, as far as this user may know. */
  readonly programs: readonly ProcessFacts[];
}

/** A smart card reader that is plugged in, whether a service knows it or not. */
export interface UsbReader {
  /** Vendor and product, four digits each: `072f:2200`. */
  readonly id: string;
  readonly name: string;
  /** The driver of the kernel that has it; `usbfs` where a program has it; undefined where none does. */
  readonly driver: string | undefined;
  /** Present where this user lacks the permission to open its device file. */
  readonly isDenied?: true;
}

/** Why a socket is examined. */
export type SocketOrigin =
  /** `SCARD_MANAGER` or `PCSCLITE_CSOCK_NAME` names it. */
  | "SCARD_MANAGER"
  | "PCSCLITE_CSOCK_NAME"
  /** pcscd's usual place. */
  | "system"
  /** The place of the user's own `scard daemon`. */
  | "own";

/** A socket that is looked at. */
export interface SocketPlace {
  readonly path: string;
  readonly origin: SocketOrigin;
  /** Whether programs here look there; else it is only looked at to see what they miss. */
  readonly considered: boolean;
}

/** A service behind a socket. */
export interface ProbedService extends ResourceManager {
  /** Asks for its version. @throws no-service, no-access, security-violation, server-too-busy, comm-error */
  probe(options?: ProbeOptions): Promise<ServiceInfo>;
}

/** The user of a program. */
export interface UserFacts {
  readonly uid: number;
  readonly name: string;
  /** Names of the groups that this process has; a group that was joined since the login is not among them. */
  readonly groups: readonly string[];
}

/** A service of Windows, as `sc` tells of it. */
export interface WindowsService {
  readonly state: "running" | "stopped" | "changing" | "not-installed";
  readonly isDisabled: boolean;
}

/** A device of Windows that is a smart card reader. */
export interface WindowsDevice {
  readonly name: string;
  /** What is wrong with it: the number of the Device Manager, 0 for nothing. */
  readonly problem: number;
}

/** What only Windows has. A member is undefined where Windows did not tell. */
export interface WindowsFacts {
  /** The smart card service, SCardSvr. */
  readonly service?: WindowsService;
  /** The service that copies a card's certificates into the user's store, CertPropSvc. */
  readonly certificatePropagation?: WindowsService;
  /** The readers that are plugged in, with a driver or without. */
  readonly devices?: readonly WindowsDevice[];
  /** DisableCapiOverrideForRSA in the registry; undefined where it is not set. */
  readonly disableCapiOverrideForRsa?: number;
}

/** A machine as `scard doctor` sees it. Nothing that is asked here changes anything, or touches a card. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly architecture: string;
  readonly release: string;
  readonly nodeVersion: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Undefined where users have no numbers. */
  readonly user: UserFacts | undefined;
  readonly clock: Clock;
  readonly sockets: readonly SocketPlace[];
  /** Version of an installed package; undefined where it is missing. */
  packageVersion(name: string): Promise<string | undefined>;
  /** Why the database cannot be used: there is no SQLite, or what there is does not load; undefined where it works. */
  sqlite(): Promise<SmartCardError | undefined>;
  /** What Windows alone has; empty elsewhere. */
  windows(): Promise<WindowsFacts>;
  /** Undefined where the file is missing; "denied" where that cannot be determined. */
  file(path: string): Promise<FileFacts | "denied" | undefined>;
  /** A text of configuration; undefined where it cannot be read. */
  readText(path: string): Promise<string | undefined>;
  processes(): Promise<readonly ProcessFacts[]>;
  /** The programs that use pcscd's library, as far as this user may know. */
  libraryUsers(): Promise<readonly ProcessFacts[]>;
  /** The number of readers of the system's libpcsclite; undefined without that library, or if it cannot be determined. */
  clientLibrary(): Promise<ClientLibrary | undefined>;
  /** Who is connected to a service's socket; undefined where the system does not tell. */
  socketUse(socket: string): Promise<SocketUse | undefined>;
  usbReaders(): Promise<readonly UsbReader[]>;
  /** Serial ports on USB, by name: `ttyACM0`. */
  serialPorts(): Promise<readonly string[]>;
  /** The service on a socket; nothing is connected yet. */
  service(socket: string): ProbedService;
  /** Asks a daemon on its control socket who holds what. @throws no-service, no-access, timeout, comm-error */
  who(control: string): Promise<WhoReport>;
  /** The operating system's own subsystem. @throws unsupported-feature, no-service */
  system(library?: string): Promise<ResourceManager>;
}
