// SPDX-License-Identifier: MIT

import type { Socket } from "node:net";
import { loadKoffi } from "../koffi/index.ts";

/** Who the program at the other end of a Unix socket was when it connected, as the kernel noted it. */
export interface PeerCredentials {
  /** Undefined for a process of a PID namespace that cannot be seen from here, such as outside of our container. */
  readonly pid: number | undefined;
  /** Effective user and group. */
  readonly uid: number;
  readonly gid: number;
  /** All groups: the effective one, then the supplementary ones. */
  readonly groups: readonly number[];
}

/** Reads the credentials of a socket's peer; undefined where the system does not tell. Never throws. */
export type PeerCredentialsReader = (socket: Socket) => PeerCredentials | undefined;

/** `getsockopt(2)`: fills in `value` and the number of its bytes, `size[0]`, and answers 0. */
type GetSocketOption = (fd: number, level: number, name: number, value: Uint8Array, size: [number]) => number;

// Linux, asm-generic/socket.h. The three architectures with other numbers (alpha, parisc, sparc) have no Node.
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;

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
  return (socket) => {
    try {
      return readCredentials(getSocketOption, descriptorOf(socket));
    } catch {
      return undefined;
    }
  };
}

/** The system writes here. One for all: nothing else happens between the call and the reading of its result. */
const credential = new Uint32Array(CREDENTIAL_BYTES / 4);
const credentialBytes = new Uint8Array(credential.buffer);
const groups = new Uint32Array(MAX_GROUPS);
const groupBytes = new Uint8Array(groups.buffer);

function readCredentials(getSocketOption: GetSocketOption, fd: number | undefined): PeerCredentials | undefined {
  if (fd === undefined) return undefined;
  if (getSocketOption(fd, SOL_SOCKET, SO_PEERCRED, credentialBytes, [CREDENTIAL_BYTES]) !== 0) return undefined;
  const [pid = 0, uid = 0, gid = 0] = credential;
  // No supplementary groups are told before Linux 4.13, nor of a process with too many.
  const size: [number] = [groups.byteLength];
  const told = getSocketOption(fd, SOL_SOCKET, SO_PEERGROUPS, groupBytes, size) === 0 ? size[0] / 4 : 0;
  return { pid: pid === 0 ? undefined : pid, uid, gid, groups: [gid, ...groups.subarray(0, told)] };
}

/** The socket's file descriptor. Node shows it nowhere else; where a later Node hides it, the peer is unknown. */
function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}
