// SPDX-License-Identifier: MIT

import { afterAll, beforeAll, expect, it } from "vitest";
import { clientLibrary, compileC } from "./compile.ts";
import { type ScardService, startScard } from "./daemon.ts";
import { describePeer } from "./peers.ts";
import { Program } from "./program.ts";
import { VpcdCard } from "./vpcd-card.ts";

const KILLS = 200;
/** How many clients there are at once. One of them is killed at a time. */
const CROWD = 4;

const states = ["lock", "turns", "exchange", "watch", "connect"] as const;

/** A row of numbers from 0 to 1 that is the same for the same seed: mulberry32. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describePeer(clientLibrary, () => {
  let service: ScardService;
  let card: VpcdCard;
  let program: string;

  beforeAll(async () => {
    program = compileC("killable", ["test/peers/killable.c"]);
    service = await startScard();
    card = await VpcdCard.insert(service.ports[0]);
    await service.seesCards(1);
  });

  afterAll(async () => {
    await card.end();
    await service.stop();
  });

  /** What the daemon still has of clients, when all that came in before has been served. */
  async function remains() {
    const { clients, daemon, readers } = await service.who();
    const { connections, lock, queue } = readers[0] ?? {};
    return { clients, sessions: daemon.sessions, connections, lock, queue };
  }

  it(`are forgotten: ${KILLS} are killed in any state, and nothing of them is left`, async () => {
    const seed = Number(process.env.SCARD_SEED ?? Date.now() % 2 ** 31);
    const random = numbers(seed);
    const start = (state: string) => new Program(program, [state, "Virtual PCD"], service.environment);
    const steady = start("steady");
    expect(await steady.line()).toBe("connected");
    const crowd: { state: string; client: Program }[] = [];
    try {
      for (let kills = 0; kills < KILLS; kills++) {
        while (crowd.length < CROWD) {
          const state = states[Math.floor(random() * states.length)] ?? "lock";
          crowd.push({ state, client: start(state) });
        }
        // The moment is what is tried here: while it starts, connects, waits for its turn, or has it.
        await new Promise((resolve) => setTimeout(resolve, random() * 30));
        const [victim] = crowd.splice(Math.floor(random() * crowd.length), 1);
        const ending = await victim?.client.end("SIGKILL");
        expect(ending?.signal, `seed ${seed}: "${victim?.state}" ended by itself: ${ending?.stdout}`).toBe("SIGKILL");
      }
    } finally {
      for (const { client } of crowd) await client.end("SIGKILL");
    }
    steady.endInput();
    const { stdout } = await steady.ended;
    expect(stdout, `seed ${seed}`).toMatch(/^connected\nhad [1-9]\d*\n$/);
    // The daemon learns of an end when it reads the connection's; it may have commands of the card to wait for.
    await expect.poll(remains).toEqual({ clients: [], sessions: 0, connections: [], lock: undefined, queue: [] });
  });
});
