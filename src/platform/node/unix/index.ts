// SPDX-License-Identifier: MIT

export { findGroup, findUser } from "./accounts.ts";
export { type InheritedSocket, inheritedSockets } from "./activation.ts";
export { connectUnix, refuseForeignSocket } from "./connect-unix.ts";
export { freeDescriptors } from "./descriptor-limit.ts";
export { listenUnix, tryUnix, type UnixListener } from "./listen-unix.ts";
export { admitsOthers } from "./may-connect.ts";
export { keepFreedMemory, loadMemoryReturn } from "./memory-return.ts";
export { loadPeerCredentials, type PeerCredentials, type PeerCredentialsReader } from "./peer-credentials.ts";
export { type PeerProgram, PeerPrograms } from "./peer-program.ts";
export { privateFolder } from "./private-folder.ts";
export { ReadingOrder } from "./reading-order.ts";
export {
  controlPathOf,
  isOwnSocketSafe,
  ownSocketPath,
  type SocketSurroundings,
  SYSTEM_SOCKET_PATH,
  sharedFolder,
} from "./service-sockets.ts";
export { thisUser, whyUnsafeFolder, whyUntrusted } from "./trusted-path.ts";
export type { UnixConnection, UnixConnectionEvents } from "./unix-connection.ts";
