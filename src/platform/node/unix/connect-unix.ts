// SPDX-License-Identifier: MIT

import { connect } from "node:net";
import { SmartCardError } from "../../../port/index.ts";
import { socketPathProblem } from "../../../wire/pcsclite/index.ts";
import { thisUser, whyUntrusted } from "./trusted-path.ts";

/** The client's end of a Unix stream socket. */
export interface UnixClient {
  /** What comes in, in pieces of any size; ends when the other side closes. @throws comm-error */
  readonly received: AsyncIterable<Uint8Array>;
  send(bytes: Uint8Array): void;
  close(): void;
}

/**
 * Refuses a socket that another user may have created in our place, such as in /tmp, because its answers would be trusted.
 * A path that does not exist is not refused.
 *
 * @throws no-access
 */
export function refuseForeignSocket(path: string): void {
  const user = thisUser();
  if (user === undefined) return;
  let why: string | undefined;
  try {
    why = whyUntrusted(path, user);
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    if (failure.code === "ENOENT" || failure.code === "ENOTDIR") return;
    throw connectError(path, failure);
  }
  if (why === undefined) return;
  const message = `${path} is not trusted: ${why}`;
  throw new SmartCardError("no-access", message, { operation: "connect" });
}

/**
 * Connects to a Unix stream socket.
 *
 * @throws no-service (nothing listens there), no-access (the socket belongs to another user), comm-error (anything else
 * the system says)
 */
export function connectUnix(path: string): Promise<UnixClient> {
  return new Promise((resolve, reject) => {
    // Node cuts a longer path off, and would look somewhere else.
    const problem = socketPathProblem(path, process.platform);
    if (problem !== undefined)
      throw new SmartCardError("invalid-parameter", `${path} ${problem}`, { operation: "connect" });
    const socket = connect({ path });
    const failed = (error: NodeJS.ErrnoException): void => reject(connectError(path, error));
    socket.once("error", failed);
    socket.once("connect", () => {
      socket.off("error", failed);
      // The reader is told by the stream itself; without a listener an error would end the process.
      socket.on("error", () => {});
      resolve({
        received: socket,
        send: (bytes) => socket.write(bytes),
        close: () => socket.destroy(),
      });
    });
  });
}

function connectError(path: string, error: NodeJS.ErrnoException): SmartCardError {
  const details = { operation: "connect" };
  switch (error.code) {
    case "ENOENT":
    case "ENOTSOCK":
    case "ECONNREFUSED":
      return new SmartCardError("no-service", `nothing listens on ${path}`, details, { cause: error });
    case "EACCES":
    case "EPERM":
      return new SmartCardError("no-access", `${path} belongs to another user`, details, { cause: error });
    default:
      return new SmartCardError("comm-error", `cannot connect to ${path}: ${error.message}`, details, { cause: error });
  }
}
