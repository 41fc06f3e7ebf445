// SPDX-License-Identifier: MIT

import { concatBytes } from "../../src/base/binary/index.ts";
import { PcscliteServer } from "../../src/faces/pcsclite-server/index.ts";
import { type Dial, type PcscdLimits, PcscdManager, type PipeEvents } from "../../src/managers/pcscd/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { encodeResponse, type ProtocolVersion, versions } from "../../src/wire/pcsclite/index.ts";
import { type World, world } from "../manager/world.ts";

/** How the pipes of a joined world behave. */
export interface JoinOptions {
  /** The newest version that the service speaks, 4:6 by default: it refuses newer ones, as pcscd up to 2.4.0 does. */
  readonly newest?: ProtocolVersion;
  /** True for a service that takes no notice of our extension, as pcscd. */
  readonly stock?: boolean;
  /** How many bytes go through in one piece, asked anew for every piece. All of them by default. */
  readonly pieceBytes?: () => number;
  readonly limits?: Partial<PcscdLimits>;
  readonly world?: Parameters<typeof world>[0];
}

/** Our client and our server, joined by pipes in memory, on one simulated clock. */
export interface JoinedWorld extends World {
  readonly client: PcscdManager;
  /** Wire connections that are open. */
  readonly connections: () => number;
  /** Timers that are set, but for that of the manager which powers cards down. */
  readonly timers: () => readonly string[];
  /** Wire connections that were made so far. */
  readonly dialled: () => number;
  /** The service stops, as at a SIGTERM. */
  stop(): Promise<void>;
  /** The service is killed: its connections are gone. */
  kill(): void;
  /** A service is there again, over the same readers. */
  start(): void;
  /** From now on the service closes every new connection, as pcscd does where polkit refuses. */
  refuse(): void;
}

interface Joint {
  end(reason: string): void;
}

export async function joinedWorld(options: JoinOptions = {}): Promise<JoinedWorld> {
  const inner = await world({ profile: "pcsclite", ...options.world });
  const { manager, runtime } = inner;
  const joints = new Set<Joint>();
  let server: PcscliteServer | undefined;
  let refusing = false;
  let dialled = 0;
  const start = (): void => {
    refusing = false;
    server = new PcscliteServer({ runtime, manager });
  };
  start();
  const dial: Dial = async (events) => {
    dialled++;
    if (server === undefined) throw new SmartCardError("no-service", "nothing listens in memory");
    return join(server, events, options, joints, refusing);
  };
  return {
    ...inner,
    client: new PcscdManager({ dial, runtime, limits: options.limits ?? {} }),
    connections: () => joints.size,
    timers: () => runtime.pendingTimers.filter((name) => name !== "power off"),
    dialled: () => dialled,
    start,
    refuse: () => {
      refusing = true;
    },
    async stop() {
      const stopping = server;
      server = undefined;
      await stopping?.close();
    },
    kill() {
      server = undefined;
      for (const joint of [...joints]) joint.end("killed");
    },
  };
}

/** One direction of a pipe: pieces of any size, in order, each in a step of its own. */
class Way {
  readonly #deliver: (piece: Uint8Array) => void;
  readonly #pieceBytes: () => number;
  #pending: Uint8Array = new Uint8Array();
  #moving = false;
  #closed = false;

  constructor(deliver: (piece: Uint8Array) => void, pieceBytes: () => number) {
    this.#deliver = deliver;
    this.#pieceBytes = pieceBytes;
  }

  push(bytes: Uint8Array): void {
    this.#pending = concatBytes(this.#pending, bytes);
    void this.#move();
  }

  close(): void {
    this.#closed = true;
  }

  /** Resolves when everything that was sent has been delivered. */
  async #move(): Promise<void> {
    if (this.#moving) return;
    this.#moving = true;
    await Promise.resolve();
    while (this.#pending.length > 0 && !this.#closed) {
      const piece = this.#pending.slice(0, Math.max(1, this.#pieceBytes()));
      this.#pending = this.#pending.slice(piece.length);
      this.#deliver(piece);
      await Promise.resolve();
    }
    this.#moving = false;
  }
}

function join(
  server: PcscliteServer,
  events: PipeEvents,
  { newest = "4:6", pieceBytes = () => 1 << 20, stock = false }: JoinOptions,
  joints: Set<Joint>,
  refusing: boolean,
): { write(bytes: Uint8Array): void; close(): void } {
  let open = true;
  const end = (reason: string): void => {
    if (!open) return;
    open = false;
    joints.delete(joint);
    toClient.close();
    toServer.close();
    session.closed();
    events.closed(reason);
  };
  const toClient = new Way((piece) => events.received(piece), pieceBytes);
  const session = server.accept({
    identity: { name: "client" },
    admitted: true,
    mayUse: () => true,
    send: (bytes) => toClient.push(bytes),
    // What was sent before goes out first.
    close: (reason) => void Promise.resolve().then(() => setImmediate(() => end(reason))),
    pause: () => {},
    resume: () => {},
  });
  const gate = new VersionGate(newest, stock);
  const toServer = new Way((piece) => {
    const { refusal, rest } = gate.filter(piece);
    if (refusal !== undefined) toClient.push(refusal);
    if (rest.length > 0) session.received(rest);
  }, pieceBytes);
  const joint: Joint = { end };
  joints.add(joint);
  if (refusing) void Promise.resolve().then(() => end("it hung up"));
  return { write: (bytes) => toServer.push(bytes), close: () => end("closed by the client") };
}

/** Refuses versions that are newer than the service's, and lets everything else through; the extension only where it is ours. */
class VersionGate {
  readonly #minor: number;
  readonly #stock: boolean;
  #seen: Uint8Array = new Uint8Array();
  #passed = false;

  constructor(newest: ProtocolVersion, stock: boolean) {
    this.#minor = versions[newest].minor;
    this.#stock = stock;
  }

  filter(piece: Uint8Array): { readonly refusal?: Uint8Array; readonly rest: Uint8Array } {
    if (this.#passed) return { rest: piece };
    this.#seen = concatBytes(this.#seen, piece);
    // A header of 8 bytes, whose second word is the command; then major and minor. A cancel comes without a version.
    const view = new DataView(this.#seen.buffer, this.#seen.byteOffset);
    const isVersion = this.#seen.length >= 8 && view.getUint32(4, true) === 0x11;
    if (this.#seen.length < (isVersion ? 20 : 8)) return { rest: new Uint8Array() };
    if (isVersion && view.getUint32(12, true) > this.#minor) {
      const request = { kind: "version", major: 4, minor: this.#minor } as const;
      this.#seen = this.#seen.slice(20);
      const refusal = encodeResponse(request, { major: 4, minor: this.#minor, rv: 0x8010_001e });
      return { refusal, rest: new Uint8Array() };
    }
    this.#passed = true;
    // The field in which we offer our extension: pcscd does not look at it.
    if (isVersion && this.#stock) this.#seen.fill(0, 16, 20);
    return { rest: this.#seen };
  }
}
