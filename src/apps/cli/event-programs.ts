// SPDX-License-Identifier: MIT

import { type ChildProcess, spawn } from "node:child_process";
import { encodeHex } from "../../base/binary/index.ts";
import type { ReaderUpdate } from "./reader-watch.ts";

/** What a card has done. */
export type CardMove = "insert" | "remove";

/** So many runs wait for the one before; of more the oldest are left out. */
const MOST_WAITING = 64;

/** What a run is told of, in its environment. */
interface Run {
  readonly move: CardMove;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Programs that run when cards come and go. */
export interface EventProgramsOptions {
  readonly onInsert?: readonly string[] | undefined;
  readonly onRemove?: readonly string[] | undefined;
  /** The environment of the programs, to which theirs is added. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Is told of programs that cannot run or fail. */
  readonly say: (message: string) => void;
}

/**
 * Runs programs when cards come and go, one after the other. No shell is between: the words are the program and its arguments, and
 * what is known of the card is in the environment (SCARD_EVENT, SCARD_READER, SCARD_ATR, SCARD_CARD), where nothing reads it as a
 * command. Cards that are there at the start have not been inserted.
 */
export class EventPrograms {
  readonly #options: EventProgramsOptions;
  readonly #cards = new Map<string, { readonly atr: string; readonly card: string }>();
  #waiting: Run[] = [];
  #running: ChildProcess | undefined;
  #ended: (() => void) | undefined;
  #closed = false;

  constructor(options: EventProgramsOptions) {
    this.#options = options;
  }

  /** Takes what was seen of a reader. @param names what the smart card database calls the card */
  update({ atr, flags, happenings, reader }: ReaderUpdate, names: readonly string[]): void {
    const before = this.#cards.get(reader);
    if (flags.includes("present")) this.#cards.set(reader, { atr: encodeHex(atr), card: names[0] ?? "" });
    else this.#cards.delete(reader);
    const now = this.#cards.get(reader);
    // With a reader that is unplugged its card goes too; with one that is plugged in it comes.
    const isFirstLook = happenings.includes("reader-present");
    if (before !== undefined && now === undefined) this.#queue("remove", reader, before);
    if (before === undefined && now !== undefined && !isFirstLook) this.#queue("insert", reader, now);
  }

  /** Ends: what runs is asked to end, and what waits is left out. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting = [];
    if (this.#running === undefined) return;
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    this.#running.kill("SIGTERM");
    await ended;
  }

  #queue(move: CardMove, reader: string, { atr, card }: { readonly atr: string; readonly card: string }): void {
    const { onInsert, onRemove, say } = this.#options;
    const words = move === "insert" ? onInsert : onRemove;
    if (words === undefined || this.#closed) return;
    if (this.#waiting.length >= MOST_WAITING) {
      this.#waiting.shift();
      say(`the program for --on-${move} is slower than the cards: a run is left out`);
    }
    // No variable can hold the character that ends it.
    const clean = (text: string): string => text.replaceAll("\0", "");
    const environment = { SCARD_EVENT: move, SCARD_READER: clean(reader), SCARD_ATR: atr, SCARD_CARD: clean(card) };
    this.#waiting.push({ move, words, environment });
    this.#next();
  }

  #next(): void {
    if (this.#running !== undefined || this.#closed) return;
    const run = this.#waiting.shift();
    if (run === undefined) return;
    const { environment, say } = this.#options;
    const { move, words } = run;
    const [program = "", ...args] = words;
    let isOver = false;
    const over = (problem: string | undefined): void => {
      if (isOver) return;
      isOver = true;
      this.#running = undefined;
      if (problem !== undefined && !this.#closed) say(`--on-${move}: ${program} ${problem}`);
      this.#ended?.();
      this.#next();
    };
    const child = spawn(program, args, {
      shell: false,
      // What is printed must not stand among the data of this program.
      stdio: ["ignore", 2, 2],
      env: { ...environment, ...run.environment },
      windowsHide: true,
    });
    this.#running = child;
    child.on("error", (error: NodeJS.ErrnoException) => over(`cannot be run: ${error.code ?? error.message}`));
    child.on("exit", (code, signal) => over(code === 0 ? undefined : `has ended with ${signal ?? code}`));
  }
}

/** What a removal policy can do, and the program that does it: that of the session of the user who runs `scard watch`. */
export const removalPolicies = ["lock", "end-session"] as const;

type RemovalPolicy = (typeof removalPolicies)[number];

const removalPrograms: Readonly<Record<RemovalPolicy, Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>>>> =
  {
    lock: {
      linux: ["loginctl", "lock-session"],
      darwin: ["pmset", "displaysleepnow"],
      win32: ["rundll32.exe", "user32.dll,LockWorkStation"],
    },
    "end-session": {
      linux: ["loginctl", "terminate-session"],
      darwin: ["osascript", "-e", 'tell application "System Events" to log out'],
      win32: ["shutdown.exe", "/l"],
    },
  };

/**
 * The program of a removal policy. On Linux it is for the session that `XDG_SESSION_ID` names.
 *
 * @returns undefined where this system has none, or the session has no name
 */
export function removalProgram(
  policy: RemovalPolicy,
  platform: NodeJS.Platform,
  { XDG_SESSION_ID: session }: Readonly<Record<string, string | undefined>>,
): readonly string[] | undefined {
  const words = removalPrograms[policy][platform];
  if (platform !== "linux" || words === undefined) return words;
  // A name that begins with a hyphen would be an option of loginctl.
  return session === undefined || !/^[\w]+$/.test(session) ? undefined : [...words, session];
}

/** The program and its arguments: the words between blanks. */
export function wordsOf(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
