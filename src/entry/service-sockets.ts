// SPDX-License-Identifier: MIT

import { dialPcscd, pcscdSockets } from "../platform/node/pcscd/index.ts";
import {
  connectUnix,
  controlPathOf,
  isOwnSocketSafe,
  ownSocketPath,
  SYSTEM_SOCKET_PATH,
} from "../platform/node/unix/index.ts";
import { SmartCardError } from "../port/index.ts";
import type { Surroundings } from "./surroundings.ts";

/**
 * The sockets on which the smart card service of this machine may listen, in the order in which they are tried: only the
 * one that `PCSCLITE_CSOCK_NAME` names, if it is set; otherwise pcscd's paths, followed by that of the user's own `scard
 * daemon`. Programs on libpcsclite look in the same order, without the last one.
 */
export function serviceSockets({ environment, platform, uid }: Surroundings): readonly string[] {
  const sockets = pcscdSockets({ environment, platform });
  if (environment.PCSCLITE_CSOCK_NAME || platform === "win32") return sockets;
  const own = isOwnSocketSafe({ environment, uid }) ? [ownSocketPath({ environment, uid })] : [];
  return [...new Set([...sockets, ...own])];
}

/** The same for `scard daemon`, and nothing but that: the user's own comes first. */
export function daemonSockets({ environment, uid }: Surroundings): readonly string[] {
  const named = environment.PCSCLITE_CSOCK_NAME;
  if (named) return [named];
  const own = isOwnSocketSafe({ environment, uid }) ? [ownSocketPath({ environment, uid })] : [];
  return [...new Set([...own, SYSTEM_SOCKET_PATH])];
}

/** A socket without a usable service, and the reason. */
export interface SilentSocket {
  readonly path: string;
  readonly error: SmartCardError;
}

/**
 * The first of the sockets with a listener. A manager stays with one socket: a service that starts later on another
 * socket does not have its contexts.
 *
 * @returns its path, or why none can be used
 */
export async function firstListening(
  sockets: readonly string[],
  isMeant: (path: string) => Promise<boolean> = async () => true,
): Promise<string | readonly SilentSocket[]> {
  const silent: SilentSocket[] = [];
  for (const path of sockets) {
    try {
      const pipe = await dialPcscd({ sockets: [path] })({ received: () => {}, closed: () => {} });
      pipe.close();
      if (await isMeant(path)) return path;
      silent.push({ path, error: new SmartCardError("no-service", `what listens on ${path} is no scard daemon`) });
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      silent.push({ path, error });
    }
  }
  return silent;
}

/** Whether a service is a `scard daemon`: only that has a control socket, which may be closed to us. */
export async function isDaemon(socket: string): Promise<boolean> {
  for (const control of controlPathsOf(socket)) {
    try {
      (await connectUnix(control)).close();
      return true;
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      if (error.code === "no-access") return true;
    }
  }
  return false;
}

/** Where the control socket of the daemon on a socket may be, if it is a daemon. */
export function controlPathsOf(socket: string): readonly string[] {
  return [controlPathOf(socket), ...(socket === SYSTEM_SOCKET_PATH ? [controlPathOf(undefined)] : [])];
}
