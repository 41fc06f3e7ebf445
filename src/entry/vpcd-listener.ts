// SPDX-License-Identifier: MIT

import { resolve } from "node:path";
import { nodeRuntime } from "../platform/node/runtime/index.ts";
import { closeTcpSlots, openTcpSlots } from "../platform/node/tcp/index.ts";
import {
  anyText,
  asksForCredentials,
  type Check,
  callback,
  checkNewReaderName,
  clockObject,
  limitsOf,
  listOf,
  optional,
  optionsOf,
  type PeerRule,
  partsOf,
  type Runtime,
  refuse,
  SmartCardError,
  text,
  wholeNumber,
  word,
} from "../port/index.ts";
import {
  DEFAULT_VPCD_PORT,
  defaultVpcdLimits,
  MAX_SLOTS,
  type VpcdLimits,
  type VpcdLog,
  VpcdReader,
} from "../readers/vpcd/index.ts";
import { openUnixSlots, tryUnixSlots } from "./vpcd-unix.ts";

/** How virtual cards can plug in: by TCP at host and port, or at the path of a Unix socket. */
export interface VpcdListenerOptions {
  /** Time for the limits, and where the readers' trace goes; by default this machine's clock, and no trace. */
  readonly runtime?: Pick<Runtime, "clock" | "trace">;
  /**
   * Address to listen on; 127.0.0.1 by default. One that other machines can reach is refused, unless `access` admits every
   * program: the protocol has no authentication, and the card sees the PINs that programs send to it.
   */
  readonly host?: string;
  /** Port of the first slot, 35,963 by default; slot n listens on `port + n`. With 0 the system chooses for each. */
  readonly port?: number;
  /**
   * Path of a Unix socket, in the place of host and port; slot n listens on `path.n`, the first on `path`. It is made in a folder
   * that others cannot change, which is made where it is missing, and is gone with the listener.
   */
  readonly path?: string;
  /** Permissions of the Unix socket: 0o600 by default, and 0o666 where `access` says who may be the card. */
  readonly mode?: number;
  /** Number of the group that the Unix socket belongs to; that of this process by default. */
  readonly group?: number;
  /**
   * Who may be the card: the first rule that matches counts. What no rule is about is decided as without rules: the effective
   * user of this process and root may, and all others may not. Over TCP only `uid` is known of a program of this machine, and
   * nothing of one elsewhere. `[{ effect: "allow" }]` admits every program that reaches the port or the socket.
   */
  readonly access?: readonly PeerRule[];
  /**
   * The name to show, 1 to 127 bytes of UTF-8; "Virtual PCD" by default. Several slots have the same, and the manager numbers
   * them: `Name`, `Name 1`, `Name 2`.
   */
  readonly name?: string;
  /** How many slots, 1 to 64; one by default. Each is a reader of its own. */
  readonly slots?: number;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<VpcdLimits>;
  /** Is told who plugs in, who is refused and why, and who is gone. Must not throw. */
  readonly log?: VpcdLog;
}

/** User and group -1 stand for none. */
const account = wholeNumber(0, 2 ** 32 - 2);

const peerRule = optionsOf<PeerRule>({
  effect: word<PeerRule["effect"]>({ allow: true, deny: true }, "effect"),
  uid: optional(account),
  gid: optional(account),
  program: optional(text("a pattern on the path of a program", 4096)),
});

const listenerOptions = optionsOf<VpcdListenerOptions>({
  runtime: optional(
    partsOf<NonNullable<VpcdListenerOptions["runtime"]>>(
      { clock: clockObject, trace: callback("a function that is told what happens") },
      "a runtime: nodeRuntime() makes one",
    ),
  ),
  host: optional(text("an address", 255)),
  port: optional(wholeNumber(0, 65_535)),
  path: optional(text("the path of a socket", 4096)),
  mode: optional(wholeNumber(0, 0o777)),
  group: optional(account),
  access: optional(listOf(peerRule, "rules of access", 1024)),
  name: optional(anyText),
  slots: optional(wholeNumber(1, MAX_SLOTS)),
  limits: optional(limitsOf(defaultVpcdLimits) as Check<Partial<VpcdLimits>>),
  log: optional(callback<VpcdLog>("a function that takes entries")),
});

/** Slots that are open to virtual cards. */
export interface VpcdListener extends AsyncDisposable {
  /** One reader for each slot, in order of the slots: to be handed to a manager, which closes them. */
  readonly readers: readonly VpcdReader[];
  /** The address that the slots listen on; undefined where they listen on Unix sockets. */
  readonly host: string | undefined;
  /** The port of each slot, as it really is; none where they listen on Unix sockets. */
  readonly ports: readonly number[];
  /** The path of each slot's Unix socket; none where they listen by TCP. */
  readonly paths: readonly string[];
  /** Takes the readers out of service (a manager is told that they are lost) and closes every socket. Never rejects. */
  close(): Promise<void>;
}

/**
 * Opens virtual readers that cards of the vsmartcard project plug into: Debian's `vicc`, the Android card emulators,
 * JavaCard simulators. They connect to host and port, or to a Unix socket; a connection is a card in the reader. Only
 * programs of this process' user and of root may be the card, or those that `access` admits: a card sees PINs.
 *
 * Portability: over TCP the user of a program is known on Linux alone; elsewhere every program of this machine can be the card
 * where `access` is not given. Over a Unix socket the system's permissions hold everywhere; rules, and permissions for others, take Linux and
 * `koffi`. Windows has no Unix sockets here.
 *
 * @throws reader-unavailable (a port is taken: most often by pcscd with vpcd's driver), sharing-violation (another program
 * answers on the path), no-access (the system reserves the port; the folder of the socket is not ours, or others can change
 * it), invalid-value (invalid reader name), invalid-parameter (port or slots out of range, an address that
 * this machine does not have, or that others reach; a path beside a port; a rule that asks for what cannot be known),
 * unsupported-feature (who plugs in has to be known, and the system or the lack of koffi hides it), comm-error (anything else
 * the system says)
 * @see virtualsmartcard/doc/api.txt of the vsmartcard project
 */
export async function listenVpcd(options: VpcdListenerOptions = {}): Promise<VpcdListener> {
  const { access, host, name, path, place, port, slots, ...rest } = checkedOptions(options);
  const common = {
    ...rest,
    slots,
    log: rest.log ?? (() => {}),
    ...(name !== undefined && { name }),
    ...(access !== undefined && { access }),
  };
  if (path !== undefined) {
    const opened = await openUnixSlots({ ...common, path });
    return listener(opened.readers, { paths: opened.paths }, opened.close);
  }
  wholeNumber(0, 65_535 - (slots - 1))(port, place("port"));
  const opened = await openTcpSlots({ ...common, host, port });
  const readers = opened.map((slot) => slot.reader);
  return listener(readers, { host, ports: opened.map((slot) => slot.port) }, () => closeTcpSlots(opened));
}

/**
 * Says whether {@link listenVpcd} would work, but for ports and paths that another program has at this moment: opens each and
 * closes it. The readers that it answers have no sockets.
 *
 * @throws as `listenVpcd`, but for reader-unavailable and sharing-violation
 */
export async function tryVpcd(options: VpcdListenerOptions = {}): Promise<VpcdListener> {
  const { access, host, name, path, port, runtime, slots, ...rest } = checkedOptions(options);
  const { clock, trace } = runtime;
  const named = name === undefined ? {} : { name };
  if (path !== undefined) {
    const paths = await tryUnixSlots({ ...rest, runtime, slots, path, ...(access !== undefined && { access }) });
    const readers = paths.map((each) => new VpcdReader({ ...named, path: each, clock, trace }));
    return listener(readers, { paths }, async () => {});
  }
  try {
    const opened = await listenVpcd(options);
    await opened.close();
  } catch (error) {
    if (!(error instanceof SmartCardError) || error.code !== "reader-unavailable") throw error;
  }
  const ports = Array.from({ length: slots }, (_, slot) => port + slot);
  const readers = ports.map((each) => new VpcdReader({ ...named, host, port: each, clock, trace }));
  return listener(readers, { host, ports }, async () => {});
}

function checkedOptions(options: VpcdListenerOptions) {
  const place = (member: string) => ({ operation: "listenVpcd", path: `options.${member}` });
  const { path: given, ...checked } = listenerOptions(options, { operation: "listenVpcd", path: "options" });
  const { access = [], group, host, mode, name, port, runtime = nodeRuntime(), slots = 1 } = checked;
  if (name !== undefined) checkNewReaderName(name);
  if (given === undefined) {
    if (mode !== undefined || group !== undefined) {
      refuse(
        place(mode === undefined ? "group" : "mode"),
        "given without a path",
        "a TCP port has none: give the path of a Unix socket",
      );
    }
    const rule = access.findIndex(({ gid, program }) => gid !== undefined || program !== undefined);
    if (rule >= 0) refuse(place(`access[${rule}]`), "about a group or a program", ONLY_USERS);
    if (process.platform !== "linux" && access.some(asksForCredentials)) {
      refuse(
        place("access"),
        "about users",
        `${process.platform} tells none of a TCP connection`,
        "unsupported-feature",
      );
    }
  } else if (host !== undefined || port !== undefined) {
    refuse(place("path"), "given beside host or port", "give the path of a Unix socket, or host and port");
  }
  const path = given === undefined ? {} : { path: resolve(given) };
  return {
    ...checked,
    host: host ?? "127.0.0.1",
    port: port ?? DEFAULT_VPCD_PORT,
    runtime,
    slots,
    ...path,
    place,
  };
}

/** Why a rule of a TCP port cannot ask for more. */
export const ONLY_USERS =
  "of a TCP connection only the user is known: give uid, or let the card plug into a Unix socket (path)";

function listener(
  readers: readonly VpcdReader[],
  at: { readonly host?: string; readonly ports?: readonly number[]; readonly paths?: readonly string[] },
  close: () => Promise<void>,
): VpcdListener {
  const { host, paths = [], ports = [] } = at;
  return { readers, host, ports, paths, close, [Symbol.asyncDispose]: close };
}
