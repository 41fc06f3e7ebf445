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
  /**
   * All groups: the effective one, then the supplementary ones. Looked up when first wanted. Undefined where the system does not
   * tell, and where the connection had ended by then.
   */
  readonly groups: readonly number[] | undefined;
  /**
   * When the process began, in the system's ticks: see `startOf`. Looked up when first wanted. Undefined where the process or the
   * connection had ended by then.
   */
  readonly started: string | undefined;
}

/**
 * Reads the credentials of a socket's peer, with one call of the system; undefined where the system does not tell. Never throws.
 *
 * @param isOpen whether the connection is still there: the number of its descriptor is another's afterwards
 */
export type PeerCredentialsReader = (of: Socket | AcceptedHandle, isOpen: () => boolean) => PeerCredentials | undefined;

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
  return (of, isOpen) => {
    /** What the system tells of the connection; undefined where it tells nothing, or nothing more. */
    const ask = <T>(question: (fd: number) => T | undefined): T | undefined => {
      const fd = isOpen() ? descriptorOf(of) : undefined;
      try {
        return fd === undefined ? undefined : question(fd);
      } catch {
        return undefined;
      }
    };
    const peer = ask((fd) => readPeer(getSocketOption, fd));
    return peer && withDetails(peer, getSocketOption, ask);
  };
}

/** The system writes here. One for all: nothing else happens between the call and the reading of its result. */
const credential = new Uint32Array(CREDENTIAL_BYTES / 4);
const credentialBytes = new Uint8Array(credential.buffer);
const supplementary = new Uint32Array(MAX_GROUPS);
const supplementaryBytes = new Uint8Array(supplementary.buffer);

type Peer = Pick<PeerCredentials, "pid" | "uid" | "gid">;

function readPeer(getSocketOption: GetSocketOption, fd: number): Peer | undefined {
  if (getSocketOption(fd, SOL_SOCKET, SO_PEERCRED, credentialBytes, [CREDENTIAL_BYTES]) !== 0) return undefined;
  const [pid = 0, uid = 0, gid = 0] = credential;
  return { pid: pid === 0 ? undefined : pid, uid, gid };
}

/** Most clients are never asked for these, and a look into /proc takes longer than an answer. */
function withDetails(
  { gid, pid, uid }: Peer,
  getSocketOption: GetSocketOption,
  ask: <T>(question: (fd: number) => T | undefined) => T | undefined,
): PeerCredentials {
  let groups: { readonly known: readonly number[] | undefined } | undefined;
  let started: { readonly known: string | undefined } | undefined;
  return {
    pid,
    uid,
    gid,
    get groups() {
      groups ??= { known: ask((fd) => readGroups(getSocketOption, fd, gid)) };
      return groups.known;
    },
    get started() {
      started ??= { known: pid === undefined ? undefined : ask((fd) => readStart(getSocketOption, fd, pid)) };
      return started.known;
    },
  };
}

/** Undefined before Linux 4.13, and of a process with too many. */
function readGroups(getSocketOption: GetSocketOption, fd: number, gid: number): readonly number[] | undefined {
  const size: [number] = [supplementary.byteLength];
  if (getSocketOption(fd, SOL_SOCKET, SO_PEERGROUPS, supplementaryBytes, size) !== 0) return undefined;
  return [gid, ...supplementary.subarray(0, size[0] / 4)];
}

function readStart(getSocketOption: GetSocketOption, fd: number, pid: number): string | undefined {
  const started = startOf(pid);
  // The number is that process's for as long as the process is there; later it may be another's.
  return livesAs(getSocketOption, fd, pid) ? started : undefined;
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
