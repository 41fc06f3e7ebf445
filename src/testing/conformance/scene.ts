// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import {
  type Connection,
  type ConnectOptions,
  type Context,
  type ContextOptions,
  pause,
  type ReaderFlags,
  type ReaderStateReport,
  type ResourceManager,
  SmartCardError,
  type WaitOptions,
  within,
} from "../../port/index.ts";
import { cardCommands } from "./conformance-card.ts";
import type { Stage } from "./stage.ts";

/** The acting program: the one on the manager under test, or another one. */
export type Who = "ours" | "theirs";

/** A harmless command that every card answers with one status word or another: SELECT, ISO/IEC 7816-4:2020, 11.2.2. */
const selectCommand = Uint8Array.of(0x00, 0xa4, 0x00, 0x00, 0x02, 0x3f, 0x00);

/** How long the manager may take to notice what happens to card and reader, in milliseconds. */
const NOTICE_MS = 10_000;

/** How long something may take that is to end soon, in milliseconds, where the stage does not say. */
const ENDS_MS = 2_000;

/** A connection in shared mode that takes either protocol. */
export const sharedMode: ConnectOptions = { shareMode: "shared", preferredProtocols: ["t0", "t1"] };

/** The helpers of one behaviour. Everything that it opens is closed at its end. */
export class Scene {
  readonly stage: Stage;
  readonly #contexts: Context[] = [];
  #isOver = false;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  get reader(): string {
    return this.stage.reader;
  }

  /** Whether the card is the suite's own. */
  get hasTestCard(): boolean {
    return this.stage.abilities.has("test-card");
  }

  async context(who: Who = "ours", options?: ContextOptions): Promise<Context> {
    const managers: Readonly<Record<Who, ResourceManager>> = { ours: this.stage.manager, theirs: this.stage.other };
    const context = await managers[who].establishContext(options);
    this.#contexts.push(context);
    // The behaviour has failed meanwhile: nothing of it is to be seen by the next.
    if (this.#isOver) await context.release();
    return context;
  }

  /** A connection in a context of its own; shared, with either protocol, unless told otherwise. */
  async connect(who: Who = "ours", options: Partial<ConnectOptions> = {}): Promise<Connection> {
    return (await this.context(who)).connect(this.reader, { ...sharedMode, ...options });
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await pause(this.stage.clock, ms, "pause of the suite");
  }

  /** `waits` where a call is not over after the time of a look, and its outcome otherwise. */
  stays(call: PromiseLike<unknown>): Promise<string> {
    return this.#watch(call, this.stage.watchMs);
  }

  /** The outcome of a call that is to end soon; `waits` where it does not. */
  ends(call: PromiseLike<unknown>): Promise<string> {
    return this.#watch(call, this.stage.endsMs ?? ENDS_MS);
  }

  /** The reader's state as it is. */
  async state(context: Context): Promise<ReaderStateReport> {
    const [report] = await context.getStatusChange([{ reader: this.reader }]);
    if (report === undefined) throw new SmartCardError("unexpected", "a report without the reader that was asked for");
    return report;
  }

  /** Waits until the manager says that the card is there, or is not. */
  async until(flag: "empty" | "present", who: Who = "ours"): Promise<void> {
    const context = await this.context(who);
    const report = await this.state(context);
    if (report.flags[flag]) return;
    const opposite: ReaderFlags = flag === "empty" ? { present: true } : { empty: true };
    await context.getStatusChange([{ reader: this.reader, flags: opposite }], { timeoutMs: NOTICE_MS });
  }

  /** Takes the card out, and waits until both programs are told. */
  async remove(): Promise<void> {
    await this.stage.removeCard();
    await this.until("empty");
    await this.until("empty", "theirs");
  }

  /** Puts the card in, and waits until both programs are told. */
  async insert(): Promise<void> {
    await this.stage.insertCard();
    await this.until("present");
    await this.until("present", "theirs");
  }

  /** Takes the card out, and puts one in that answers no reset. */
  async insertSilent(): Promise<void> {
    await this.remove();
    await this.stage.insertSilentCard();
    await this.until("present");
    await this.until("present", "theirs");
  }

  /** Waits until the reader is listed, or is not. */
  async untilListed(isListed: boolean): Promise<void> {
    for (const who of ["ours", "theirs"] as const) {
      const context = await this.context(who);
      for (let waited = 0; waited < NOTICE_MS; waited += 10) {
        if ((await context.listReaders()).includes(this.reader) === isListed) break;
        await this.pass(10);
      }
    }
  }

  /** One exchange with the card: `ok`, what is wrong with its answer, or what it failed with. */
  exchange(connection: Connection, wait?: WaitOptions): Promise<string> {
    const command = this.hasTestCard ? cardCommands.echo(Uint8Array.of(1, 2, 3)) : selectCommand;
    const answer = this.hasTestCard ? "0102039000" : undefined;
    return outcome(connection.transmit(command, wait), (bytes) => {
      return answer === undefined || encodeHex(bytes) === answer ? "ok" : `the answer ${encodeHex(bytes)}`;
    });
  }

  /** Has the card remember something until it is reset; nothing where the card cannot. */
  async mark(connection: Connection): Promise<void> {
    if (this.hasTestCard) await connection.transmit(cardCommands.mark(7));
  }

  /** Whether the card was reset since {@link mark}. */
  async card(connection: Connection): Promise<string> {
    return outcome(connection.transmit(cardCommands.recall()), (answer) => {
      if (answer.length !== 3) return "without power";
      return answer[0] === 7 ? "left as it was" : "reset";
    });
  }

  /**
   * Resets the card, so that it has no protocol yet and remembers nothing. Over a direct connection, which is possible in
   * every state of the card.
   */
  async fresh(): Promise<void> {
    const connection = await this.connect("ours", { shareMode: "direct", preferredProtocols: [] });
    await connection.disconnect("reset");
  }

  #watch(call: PromiseLike<unknown>, ms: number): Promise<string> {
    return within(this.stage.clock, ms, "look of the suite", outcome(call), () => "waits");
  }

  /** Begins a behaviour with a freshly reset card in the reader. */
  async begin(): Promise<void> {
    const { flags } = await this.state(await this.context());
    if (flags.empty && this.stage.abilities.has("card-moves")) await this.insert();
    await this.fresh();
  }

  /** Releases every context that was opened. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(
      this.#contexts.map(async (context) => {
        if (await context.isValid()) await outcome(context.release());
      }),
    );
  }
}

/** `ok`, or what `show` makes of the result, or the code of the failure. Anything else that is thrown is thrown on. */
export async function outcome<T>(call: PromiseLike<T>, show?: (result: T) => string): Promise<string> {
  try {
    const result = await call;
    return show?.(result) ?? "ok";
  } catch (error) {
    if (error instanceof SmartCardError) return error.code;
    throw error;
  }
}

/** The outcome of a wait that was aborted: with its cause, where that is the signal's reason. */
export async function abortOutcome(call: Promise<unknown>, reason: string): Promise<string> {
  try {
    await call;
    return "ok";
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    return error.cause === reason ? `${error.code}, with the reason` : error.code;
  }
}

/** Marks a call whose outcome is looked at later, so that a failure does not count as unhandled meanwhile. */
export function later<T>(call: Promise<T>): Promise<T> {
  call.catch(() => {});
  return call;
}

/** The flags of a state, in the order of their bits. */
export function flagsOf({ flags }: { readonly flags: ReaderFlags }): string {
  return Object.keys(flags).sort().join(" ") || "none";
}

/** How far an event count has gone on since. */
export function countedSince(before: number, after: number): string {
  return String((after - before + 0x1_0000) % 0x1_0000);
}

/** Runs one thing after the other, and gives what came out for each point. */
export async function points<T>(
  items: Readonly<Record<string, T>>,
  observe: (item: T) => Promise<string>,
): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const [point, item] of Object.entries(items)) seen[point] = await observe(item);
  return seen;
}
