// SPDX-License-Identifier: MIT

// Seeded programs for two faces: what a program does, step by step, and what happens around it.

import { encodeHex } from "../../src/base/binary/index.ts";
import { demoCard, type SoftwareCard, VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import type { Connection, Disposition, Protocol, ResourceManager, ShareMode } from "../../src/port/index.ts";
import { SimulatedRuntime, seededRandom } from "../../src/testing/runtime/index.ts";

/** What happens around the program. */
type Happening = { readonly kind: "remove" | "insert" | "lock" | "unlock" | "reset"; readonly reader: string };

/** One step of a program. */
export type Step =
  | { readonly kind: "happening"; readonly happening: Happening }
  | { readonly kind: "list" }
  | {
      readonly kind: "connect";
      readonly slot: number;
      readonly mode: ShareMode;
      readonly protocols: ("t0" | "t1" | "raw")[];
    }
  | {
      readonly kind: "transmit";
      readonly slot: number;
      readonly command: Uint8Array;
      readonly protocol?: "t0" | "t1" | "raw";
    }
  | { readonly kind: "status" | "attribute" | "control"; readonly slot: number }
  | { readonly kind: "disconnect"; readonly slot: number; readonly disposition: Disposition }
  | { readonly kind: "wait"; readonly reader: string; readonly present: boolean; readonly timeoutMs: number }
  | {
      readonly kind: "transaction";
      readonly slot: number;
      readonly steps: readonly Step[];
      /** How the callback ends: with a disposition, with an error, or while its last command is still under way. */
      readonly end: Disposition | "throw" | "dangling";
    };

/** A step that may wait: when what it waits for happens, and when it is aborted; milliseconds. */
export interface TimedStep {
  readonly step: Step;
  readonly happenings: readonly { readonly atMs: number; readonly happening: Happening }[];
  readonly abortMs: number | undefined;
}

/** A face under a program: what comes of each step, as a line of text. */
interface FaceUnderTest {
  run(step: Step, signal: AbortSignal): Promise<string>;
  /** Ends the connections, and what they are in. */
  end(): Promise<void>;
}

export type FaceMaker = (
  manager: ResourceManager,
  happen: (happening: Happening) => Promise<void>,
) => Promise<FaceUnderTest>;

const readers = ["Desk", "Wall"] as const;
/** Connections of a program: two of them to one reader. */
export const slots: readonly string[] = ["Desk", "Desk", "Wall"];

const commands = [
  "00A4000C023F00",
  "00A4000C022F00",
  "00B0000010",
  "00B0000000",
  "00CA010000",
  "0084000008",
  "00",
  "00A40004",
].map((text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));

/** Draws from a seed. */
class Draw {
  readonly #random;
  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }
  below(end: number): number {
    const [high = 0, low = 0] = this.#random.bytes(2);
    return (high * 256 + low) % end;
  }
  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

/** The program of a seed. */
export function programOf(seed: number): TimedStep[] {
  const draw = new Draw(seed);
  const steps: TimedStep[] = [];
  const length = 6 + draw.below(14);
  if (draw.chance(20)) {
    const happening: Happening = { kind: "remove", reader: draw.of(readers) };
    steps.push({ step: { kind: "happening", happening }, happenings: [], abortMs: undefined });
  }
  for (let index = 0; index < length; index++) {
    const happenings = Array.from({ length: draw.below(3) }, () => ({
      atMs: 50 * (1 + draw.below(20)),
      happening: happeningOf(draw),
    }));
    const step = index < slots.length ? connectOf(draw, index) : stepOf(draw);
    steps.push({ step, happenings, abortMs: draw.chance(30) ? 50 * draw.below(20) : undefined });
  }
  return steps;
}

function happeningOf(draw: Draw): Happening {
  return {
    kind: draw.of(["remove", "insert", "insert", "lock", "unlock", "unlock", "reset"]),
    reader: draw.of(readers),
  };
}

function connectOf(draw: Draw, slot: number): Step {
  const mode = draw.chance(70) ? "shared" : draw.of<ShareMode>(["exclusive", "direct"]);
  const either: ("t0" | "t1" | "raw")[] = ["t0", "t1"];
  const protocols = draw.chance(70) ? either : draw.of<("t0" | "t1" | "raw")[]>([["t1"], ["t0"], ["raw"], []]);
  return { kind: "connect", slot, mode, protocols };
}

function transmitOf(draw: Draw, slot: number): Step {
  const protocol = draw.chance(15) ? draw.of<"t0" | "t1" | "raw">(["t0", "t1", "raw"]) : undefined;
  return { kind: "transmit", slot, command: draw.of(commands), ...(protocol !== undefined && { protocol }) };
}

function stepOf(draw: Draw): Step {
  const slot = draw.below(slots.length);
  switch (draw.below(12)) {
    case 0:
      return { kind: "happening", happening: happeningOf(draw) };
    case 1:
      return { kind: "list" };
    case 2:
      return connectOf(draw, slot);
    case 3:
      return { kind: draw.of(["status", "attribute", "control"]), slot };
    case 4:
      return { kind: "disconnect", slot, disposition: draw.of<Disposition>(["leave", "reset", "unpower", "eject"]) };
    case 5:
      return {
        kind: "wait",
        reader: draw.of([...readers, "Nowhere"]),
        present: draw.chance(50),
        timeoutMs: 50 * draw.below(16),
      };
    case 6:
    case 7:
      return transmitOf(draw, slot);
    default: {
      const steps = Array.from({ length: draw.below(5) }, () => stepInTransaction(draw, slot));
      return {
        kind: "transaction",
        slot,
        steps,
        end: draw.of(["leave", "leave", "reset", "unpower", "throw", "dangling"]),
      };
    }
  }
}

/** In a transaction the face over the web refuses the other connections to the reader: a program on winscard keeps off them. */
function stepInTransaction(draw: Draw, slot: number): Step {
  if (draw.chance(15))
    return { kind: "happening", happening: { ...happeningOf(draw), kind: draw.of(["remove", "insert"]) } };
  if (draw.chance(6)) return { kind: "disconnect", slot, disposition: draw.of<Disposition>(["leave", "reset"]) };
  if (draw.chance(20)) return { kind: draw.of(["status", "attribute"]), slot };
  return transmitOf(draw, slot);
}

/** Writes down what reaches a card. */
function recorded(card: SoftwareCard, name: string, traffic: string[]): SoftwareCard {
  return {
    reset: (kind) => {
      traffic.push(`${name} ${kind} reset`);
      return card.reset(kind);
    },
    powerOff: () => {
      traffic.push(`${name} power off`);
      card.powerOff();
    },
    process: (command) => {
      traffic.push(`${name} ${encodeHex(command)}`);
      return card.process(command);
    },
  };
}

/** What came of a program. */
export interface History {
  readonly outcomes: readonly string[];
  readonly traffic: readonly string[];
}

const STEP_MS = 50;
/** Longer than any step of a program can wait: the last happening, and the limit of an idle transaction. */
const MOST_MS = 60_000;

/** Runs a program on a machine of its own. */
export async function historyOf(
  program: readonly TimedStep[],
  make: FaceMaker,
  profile: "windows" | "pcsclite",
): Promise<History> {
  const runtime = new SimulatedRuntime({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
  const manager = new EmbeddedManager({ runtime, profile });
  const traffic: string[] = [];
  const outcomes: string[] = [];
  const cards = new Map<string, { readonly reader: VirtualReader; readonly card: SoftwareCard }>();
  for (const name of readers) {
    const reader = new VirtualReader({ clock: runtime.clock, name });
    const card = recorded(demoCard(runtime.random), name, traffic);
    reader.insert(card);
    await manager.addReader(reader);
    cards.set(name, { reader, card });
  }
  const rival = await manager.client({ name: "rival", pid: 2 }).establishContext();
  const held = new Map<string, Connection>();
  const happen = async ({ kind, reader: name }: Happening): Promise<void> => {
    const { card, reader } = cards.get(name) as { readonly reader: VirtualReader; readonly card: SoftwareCard };
    if (kind === "remove") reader.remove();
    else if (kind === "insert" && reader.card === undefined) reader.insert(card);
    else if (kind === "lock") await lock(rival, held, name);
    else if (kind === "unlock") await unlock(held, name, "leave");
    else if (kind === "reset") await unlock(held, name, "reset");
    await runtime.settle();
  };
  const face = await make(manager.client({ name: "program", pid: 1 }), happen);
  for (const { abortMs, happenings, step } of program) {
    const controller = new AbortController();
    let outcome: string | undefined;
    void face.run(step, controller.signal).then((text) => {
      outcome = text;
    });
    await runtime.settle();
    for (let passedMs = 0; outcome === undefined && passedMs < MOST_MS; passedMs += STEP_MS) {
      if (passedMs === abortMs) controller.abort("aborted");
      for (const { atMs, happening } of happenings) if (atMs === passedMs) await happen(happening);
      // Nothing lasts: who holds a card lets go.
      if (passedMs === 20 * STEP_MS) for (const name of readers) await happen({ kind: "unlock", reader: name });
      await runtime.advance(STEP_MS);
    }
    outcomes.push(`${step.kind}: ${outcome ?? "never ends"}`);
  }
  for (const name of readers) await happen({ kind: "unlock", reader: name });
  await face.end();
  await runtime.settle();
  await manager.close();
  return { outcomes, traffic };
}

/** Another program begins a transaction, where it can at once. */
async function lock(
  rival: Awaited<ReturnType<ResourceManager["establishContext"]>>,
  held: Map<string, Connection>,
  name: string,
) {
  if (held.has(name)) return;
  try {
    const options = { shareMode: "shared", preferredProtocols: ["t0", "t1"] as Protocol[], timeoutMs: 0 } as const;
    const connection = await rival.connect(name, options);
    held.set(name, connection);
    await connection.beginTransaction({ timeoutMs: 0 });
  } catch {
    // The card is taken, or not there: it goes without.
    await held
      .get(name)
      ?.disconnect("leave")
      .catch(() => undefined);
    held.delete(name);
  }
}

async function unlock(held: Map<string, Connection>, name: string, disposition: Disposition): Promise<void> {
  const connection = held.get(name);
  held.delete(name);
  await connection?.disconnect(disposition).catch(() => undefined);
}
