// SPDX-License-Identifier: MIT

import type { PcscliteServer } from "../../faces/pcsclite-server/index.ts";
import { BusyPoll } from "../../platform/node/runtime/index.ts";
import { PeerPrograms, type UnixConnection } from "../../platform/node/unix/index.ts";
import type { Clock } from "../../port/index.ts";
import { clientPeer } from "./client-peer.ts";
import type { AccessRules } from "./config.ts";
import type { Log } from "./log.ts";
import { MemoryReturn } from "./memory-return.ts";

/** What the clients of a daemon are served with. */
export interface ClientsDeps {
  readonly server: PcscliteServer;
  readonly clock: Clock;
  readonly log: Log;
  /** For log lines caused by clients. */
  readonly say: Log["write"];
  /** Who may connect, at the moment. */
  readonly rules: () => AccessRules;
  readonly isStopping: () => boolean;
  /** For so long the daemon stays awake after a call, in microseconds. */
  readonly awakeUs: number;
  /** Gives memory back to the system; it is kept for later without. */
  readonly giveBackMemory: (() => void) | undefined;
}

/** The clients of a daemon, from the moment at which they are let in. */
export class Clients {
  readonly #deps: ClientsDeps;
  readonly #programs: PeerPrograms;
  readonly #busyPoll: BusyPoll;
  readonly #memory: MemoryReturn;

  constructor(deps: ClientsDeps) {
    this.#deps = deps;
    this.#programs = new PeerPrograms(deps.clock);
    this.#busyPoll = new BusyPoll(deps.awakeUs / 1000);
    this.#memory = new MemoryReturn(deps.clock, deps.giveBackMemory);
  }

  accept(connection: UnixConnection): void {
    const { clock, isStopping, log, rules, say, server } = this.#deps;
    if (isStopping()) {
      connection.close("the daemon is stopping");
      return;
    }
    const peer = clientPeer(connection, {
      write: say,
      programs: this.#programs,
      rules,
      breathe: () => clock.breathe?.() ?? Promise.resolve(),
    });
    if (log.writes("debug")) log.write("debug", "a client has connected", { client: peer.identity });
    const session = server.accept(peer);
    this.#memory.came();
    this.#busyPoll.touch();
    connection.listen({
      received: (bytes) => {
        this.#busyPoll.touch();
        session.received(bytes);
      },
      drained: () => session.drained(),
      closed: (reason, dropped) => {
        session.closed();
        this.#memory.left();
        if (dropped) say("warn", `a client was cut off: ${reason}`, { client: peer.identity });
        else if (log.writes("debug")) log.write("debug", "a client has gone", { client: peer.identity, reason });
      },
    });
  }
}
