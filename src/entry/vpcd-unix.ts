// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../base/binary/index.ts";
import { koffiRemedy } from "../platform/node/koffi/index.ts";
import {
  admitsOthers,
  listenUnix,
  loadPeerCredentials,
  PeerPrograms,
  tryUnix,
  type UnixConnection,
  type UnixListener,
} from "../platform/node/unix/index.ts";
import { asksForCredentials, type PeerRule, type Runtime, SmartCardError } from "../port/index.ts";
import {
  admitsAnybody,
  type BytePipe,
  CardDoor,
  type CardPeer,
  defaultVpcdLimits,
  type VpcdLimits,
  type VpcdLog,
  VpcdReader,
} from "../readers/vpcd/index.ts";

/** How slots are opened on Unix sockets; all of it is checked by then. */
export interface UnixSlotsOptions {
  readonly runtime: Pick<Runtime, "clock" | "trace">;
  /** Absolute path of the first slot's socket. */
  readonly path: string;
  readonly mode?: number;
  readonly group?: number;
  readonly slots: number;
  readonly name?: string;
  readonly limits?: Partial<VpcdLimits>;
  readonly access?: readonly PeerRule[];
  readonly log?: VpcdLog;
}

/** Slots on Unix sockets that are open. */
interface UnixSlots {
  readonly readers: readonly VpcdReader[];
  readonly paths: readonly string[];
  close(): Promise<void>;
}

/** For the user of this process alone, and root. */
const OWN_MODE = 0o600;

/** For all: rules say who may be the card. */
const RULED_MODE = 0o666;

/** Connections to one slot at once: one is the card, the others are being refused. */
const MAX_CONNECTIONS = 64;

/** So many more wait with the system: who they are takes a look into /proc each. */
const BACKLOG = 16;

type Credentials = Awaited<ReturnType<typeof loadPeerCredentials>>;

/** @throws see `listenVpcd`; no socket is left open then */
export async function openUnixSlots(options: UnixSlotsOptions): Promise<UnixSlots> {
  const credentials = await credentialsFor(options);
  const programs = new PeerPrograms(options.runtime.clock);
  const opened: { readonly reader: VpcdReader; readonly listener: UnixListener }[] = [];
  const close = async (): Promise<void> => {
    for (const { reader } of opened) reader.lose("the listener was closed");
    await Promise.all(opened.map(({ listener }) => listener.close()));
  };
  const paths = pathsOf(options);
  try {
    for (const path of paths) opened.push(await openSlot(options, path, credentials, programs));
  } catch (error) {
    await close();
    throw error;
  }
  return { readers: opened.map(({ reader }) => reader), paths, close };
}

/** Tries it out, and answers the paths. @throws as {@link openUnixSlots}, but for sharing-violation */
export async function tryUnixSlots(options: UnixSlotsOptions): Promise<readonly string[]> {
  await credentialsFor(options);
  const paths = pathsOf(options);
  for (const path of paths) {
    const at = placeOf(options, path);
    await tryUnix({ at, clock: options.runtime.clock, onConnection: () => {}, onTrouble: () => {} });
  }
  return paths;
}

async function openSlot(
  options: UnixSlotsOptions,
  path: string,
  credentials: Credentials,
  programs: PeerPrograms,
): Promise<{ readonly reader: VpcdReader; readonly listener: UnixListener }> {
  const { access, log = () => {}, name, runtime } = options;
  const { clock, trace } = runtime;
  const limits = { ...defaultVpcdLimits, ...options.limits };
  let listener: UnixListener | undefined;
  const reader = new VpcdReader({
    ...(name !== undefined && { name }),
    path,
    clock,
    trace,
    limits,
    release: async () => listener?.close(),
  });
  const door = new CardDoor({
    reader,
    clock,
    log,
    rules: access ?? [],
    ownUid: process.geteuid?.(),
    // The permissions of the socket let none but this user and root connect.
    admitsUnknown: credentials === undefined && access === undefined,
    unknownRemedy: `see that koffi works: ${koffiRemedy(process.platform, process.arch)}`,
  });
  const troubled = (detail: string): void => {
    trace({ at: clock.now(), kind: "vpcd-accept-failed", reader: reader.description.id, detail });
  };
  listener = await listenUnix({
    at: placeOf(options, path),
    clock,
    credentials,
    limits: {
      backlog: BACKLOG,
      connections: MAX_CONNECTIONS,
      maxUnsentBytes: limits.maxUnsentBytes,
      closeGraceMs: limits.closeGraceMs,
    },
    onTrouble: troubled,
    onConnection: (connection) => {
      const events = door.admit(pipeOver(connection), peerOf(connection, credentials, programs));
      // A connection that was refused is listened to as well: its end must not be waited for by reading what it sends.
      connection.listen(events ?? { received: () => {}, closed: () => {} });
    },
  });
  return { reader, listener };
}

/** What a reader writes is copied, and cleared when the system has it: it may hold a PIN. */
function pipeOver(connection: UnixConnection): BytePipe {
  return {
    write: (bytes) => {
      const sent = copyBytes(bytes);
      connection.send(sent, () => zeroBytes(sent));
    },
    close: (reason = "the reader closed the connection") => connection.close(reason),
  };
}

function peerOf(connection: UnixConnection, reads: Credentials, programs: PeerPrograms): CardPeer {
  const { credentials } = connection;
  if (credentials === undefined) {
    const reason = "the system does not tell who it is";
    return { credentials, program: undefined, ...(reads !== undefined && { reason }) };
  }
  const { pid, started = "", uid } = credentials;
  return { credentials, program: pid === undefined ? undefined : programs.lookUp(pid, uid, started) };
}

/** The path itself for the first slot, with a number behind it for the others. */
function pathsOf({ path, slots }: UnixSlotsOptions): readonly string[] {
  return Array.from({ length: slots }, (_, slot) => (slot === 0 ? path : `${path}.${slot}`));
}

function placeOf({ access, group, mode }: UnixSlotsOptions, path: string) {
  const usual = access === undefined ? OWN_MODE : RULED_MODE;
  return { path, mode: mode ?? usual, ...(group !== undefined && { group }), namedBy: "the path of the reader" };
}

/**
 * What tells who plugs in.
 *
 * @throws unsupported-feature where that has to be known and cannot be, not-supported where there are no such sockets
 */
async function credentialsFor({ access, mode = OWN_MODE }: UnixSlotsOptions): Promise<Credentials> {
  if (process.platform === "win32") {
    throw new SmartCardError("not-supported", "Windows has no Unix sockets here: give host and port", {
      operation: "listen",
    });
  }
  const credentials = await loadPeerCredentials();
  if (credentials !== undefined) return credentials;
  const isOpen = access === undefined && admitsOthers(mode);
  const asks = access !== undefined && !admitsAnybody(access);
  if (isOpen || asks || access?.some(asksForCredentials)) {
    const how = `install koffi (Linux only; ${koffiRemedy(process.platform, process.arch)})`;
    const message = `who plugs in is not known on this machine: ${how}, or leave mode and access out`;
    throw new SmartCardError("unsupported-feature", message, { operation: "listen" });
  }
  return undefined;
}
