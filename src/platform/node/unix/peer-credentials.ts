// SPDX-License-Identifier: MIT

import { closeSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { loadKoffi } from "../koffi/index.ts";
import type { AcceptedHandle } from "./accepted-handle.ts";
import { startOf } from "./peer-program.ts";

/** Who the program at the other end of a Unix socket was when it connected, as the kernel noted it. */
export interface PeerCredentials {
  /** Undefined for a process of a PID namespace that cannot be seen from here, such as outside of our container. */
  readonly pid: number | undefined;
  /** Effective user and group. */
  readonly uid: number;
  readonly gid: number;
  /** All groups: the effective one, then the supplementary ones. */
  readonly groups: readonly number[];
  /** When the process began, in the system's ticks: see `startOf`. Undefined where it had ended when it was looked at. */
  readonly started?: string;
}

/** Reads the credentials of a socket's peer; undefined where the system does not tell. Never throws. */
export interface PeerCredentialsReader {
  (of: Socket | AcceptedHandle): PeerCredentials | undefined;
  /** The user alone, which costs one call of the system and no look into /proc. */
  uidOf(of: Socket | AcceptedHandle): number | undefined;
}

/** `getsockopt(2)`: fills in `value` and the number of its bytes, `size[0]`, and answers 0. */
type GetSocketOption = (fd: number, level: number, name: number, value: Uint8Array, size: [number]) => number;

// Linux, asm-generic/socket.h. The three architectures with other numbers (alpha, parisc, sparc) have no Node.
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
/** From Linux 6.5 on: a descriptor that stands for the process itself, and not for its number. */
const SO_PEERPIDFD = 77;

/** struct ucred: pid, uid, gid, 32 bits each in the machine's order. */
const CREDENTIAL_BYTES = 12;

/** A process has at most NGROUPS_MAX = 65,536 groups; those beyond the first thousand are not looked at. */
const MAX_GROUPS = 1024;

/**
 * Makes ready to read credentials: Node cannot, so `koffi` calls the system. Undefined where its optional
 * package is missing, and outside Linux.
 */
export async function loadPeerCredentials(): Promise<PeerCredentialsReader | undefined> {
  if (process.platform !== "linux") return undefined;
  let getSocketOption: GetSocketOption;
  try {
    const prototype = "int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *size)";
    getSocketOption = loadKoffi().load(null).func(prototype) as unknown as GetSocketOption;
  } catch {
    return undefined;
  }
  const unlessRefused = <T>(of: Socket | AcceptedHandle, read: (fd: number) => T | undefined): T | undefined => {
    const fd = descriptorOf(of);
    try {
      return fd === undefined ? undefined : read(fd);
    } catch {
      return undefined;
    }
  };
  return Object.assign(
    (of: Socket | AcceptedHandle) => unlessRefused(of, (fd) => readCredentials(getSocketOption, fd)),
    { uidOf: (of: Socket | AcceptedHandle) => unlessRefused(of, (fd) => readUid(getSocketOption, fd)) },
  );
}

/** The system writes here. One for all: nothing else happens between the call and the reading of its result. */
const credential = new Uint32Array(CREDENTIAL_BYTES / 4);
const credentialBytes = new Uint8Array(credential.buffer);
const groups = new Uint32Array(MAX_GROUPS);
const groupBytes = new Uint8Array(groups.buffer);

function readUid(getSocketOption: GetSocketOption, fd: number): number | undefined {
  const failed = getSocketOption(fd, SOL_SOCKET, SO_PEERCRED, credentialBytes, [CREDENTIAL_BYTES]) !== 0;
  return failed ? undefined : credential[1];
}

function readCredentials(getSocketOption: GetSocketOption, fd: number): PeerCredentials | undefined {
  if (getSocketOption(fd, SOL_SOCKET, SO_PEERCRED, credentialBytes, [CREDENTIAL_BYTES]) !== 0) return undefined;
  const [pid = 0, uid = 0, gid = 0] = credential;
  // No supplementary groups are told before Linux 4.13, nor of a process with too many.
  const size: [number] = [groups.byteLength];
  const told = getSocketOption(fd, SOL_SOCKET, SO_PEERGROUPS, groupBytes, size) === 0 ? size[0] / 4 : 0;
  const known = { uid, gid, groups: [gid, ...groups.subarray(0, told)] };
  if (pid === 0) return { pid: undefined, ...known };
  const started = startOf(pid);
  // The number is that process's for as long as the process is there; later it may be another's.
  const isThere = livesAs(getSocketOption, fd, pid);
  return { pid, ...known, ...(started !== undefined && isThere && { started }) };
}

/** Whether the process that connected is there under that number; true where the system cannot tell. */
function livesAs(getSocketOption: GetSocketOption, fd: number, pid: number): boolean {
  const descriptor = new Int32Array(1);
  const failed = getSocketOption(fd, SOL_SOCKET, SO_PEERPIDFD, new Uint8Array(descriptor.buffer), [4]) !== 0;
  const [pidfd = -1] = descriptor;
  // An older system, or a process that has been waited for: then its number leads nowhere.
  if (failed || pidfd <= 2) return true;
  try {
    return readFileSync(`/proc/self/fdinfo/${pidfd}`, "utf8").split("\n").includes(`Pid:\t${pid}`);
  } finally {
    closeSync(pidfd);
  }
}

/** The file descriptor. Node shows that of a socket nowhere else; where a later Node hides it, the peer is unknown. */
function descriptorOf(of: Socket | AcceptedHandle): number | undefined {
  const handle: unknown = "fd" in of ? of : Reflect.get(of, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}
