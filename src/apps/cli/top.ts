// SPDX-License-Identifier: MIT

import { nodeClock } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { askDaemon, type ControlCommand, type WhoReport } from "../daemon/index.ts";
import { command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption } from "./control-option.ts";
import { type KnownCards, withKnownCards } from "./database-option.ts";
import { millisecondsOf, type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import type { Screen, Terminal } from "./terminal.ts";
import { jsonText } from "./text.ts";
import { clientsShown, emptyTop, stepTop, type TopAction, type TopEvent, type TopState } from "./top-model.ts";
import { FullScreen } from "./top-screen.ts";
import { followCalls } from "./top-trace.ts";
import { describeTop, renderTop } from "./top-view.ts";
import { waiting } from "./waiting.ts";

const LEAST_INTERVAL_MS = 100;
const USUAL_INTERVAL_MS = 1000;
/** The screen is drawn at most so often, in milliseconds, however much happens. */
const DRAW_MS = 50;

const optionTable = {
  interval: {
    type: "string",
    value: "SEC",
    reads: intervalOf,
    help: "how often the daemon is asked; default 1 second, 0.1 at least",
  },
  once: { type: "boolean", help: "print everything once, without keys; so does --json" },
  ...controlOption,
} as const satisfies OptionTable;

/** `scard top`: the daemon's readers and clients, live. */
export const top = command({
  name: "top",
  summary: "watch readers, cards, clients and commands of scard daemon",
  usage: ["[OPTION…]"],
  description: [
    "Shows what scard daemon does, until q: each reader with the name of its card, who holds it and for how long, and who waits; the clients and what they are connected to; the calls of all clients as they happen, the rate of commands and the slowest of the last minute. A key disconnects a client, resets or ejects a card, each after a question. ? lists the keys.",
    "Only the user whose daemon it is, and root, may do so.",
  ],
  options: optionTable,
  run,
});

function intervalOf(option: string, text: string): number {
  return Math.max(LEAST_INTERVAL_MS, millisecondsOf(option, text));
}

async function run({ values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  // The first answer also finds the socket: a daemon that is not there is an error, and not an empty screen.
  const first = await askLikelyDaemon({ command: "who" }, values.control, terminal);
  return withKnownCards(terminal, async (cards) => {
    const start = stepTop(emptyTop, { kind: "report", report: first.result }).state;
    if (values.once || values.json) return printOnce(start, values.json === true, cards, terminal);
    const { screen } = terminal;
    if (screen === undefined) throw new UsageError("this is no terminal: --once or --json prints everything once");
    const intervalMs = values.interval ?? USUAL_INTERVAL_MS;
    return waiting(terminal, undefined, ({ signal }) =>
      new TopLoop({ start, path: first.path, intervalMs, screen, cards, terminal, signal }).run(),
    );
  });
}

function printOnce(state: TopState, asJson: boolean, cards: KnownCards, terminal: Terminal): number {
  const cardNames = namesIn(cards);
  if (!asJson) {
    for (const line of describeTop(state, { now: nodeClock.now(), paint: terminal.paint, cardNames }))
      terminal.print(line);
    return exitCodes.ok;
  }
  const { daemon, readers } = state.report as WhoReport;
  const named = readers.map(({ card, ...reader }) => ({
    ...reader,
    card: card && { ...card, names: cardNames(Buffer.from(card.atr, "hex")) },
  }));
  terminal.print(jsonText({ daemon, readers: named, clients: clientsShown(state) }));
  return exitCodes.ok;
}

function namesIn(cards: KnownCards): (atr: Uint8Array) => readonly string[] {
  return (atr) => cards.find(atr).map(({ name }) => name);
}

/** What the loop works with. */
interface TopSetting {
  readonly start: TopState;
  /** The control socket. */
  readonly path: string;
  readonly intervalMs: number;
  readonly screen: Screen;
  readonly cards: KnownCards;
  readonly terminal: Terminal;
  /** Aborted when the program should end. */
  readonly signal: AbortSignal;
}

/** Asks the daemon again and again, and draws what it tells. */
class TopLoop {
  readonly #setting: TopSetting;
  readonly #over = new AbortController();
  #state: TopState;
  #screen: FullScreen | undefined;
  #cancelDraw: (() => void) | undefined;
  #isAsking = false;

  constructor(setting: TopSetting) {
    this.#setting = setting;
    this.#state = setting.start;
  }

  /** @throws cancelled, where the program is asked to end */
  async run(): Promise<number> {
    const { screen, signal, terminal } = this.#setting;
    const end = (): void => this.#over.abort();
    signal.addEventListener("abort", end, { once: true });
    const takeInterrupts = terminal.onInterrupt(end);
    const stopAsking = this.#repeat();
    void followCalls(this.#setting.path, this.#over.signal, {
      state: (isOn) => this.#take({ kind: "trace", isOn }),
      call: (call) => this.#take({ kind: "call", call }),
    });
    this.#screen = new FullScreen(screen, {
      key: (name, text) => this.#take({ kind: "key", name, text }),
      resized: () => this.#draw(),
    });
    try {
      this.#draw();
      await new Promise<void>((resolve) => {
        if (this.#over.signal.aborted || signal.aborted) resolve();
        else this.#over.signal.addEventListener("abort", () => resolve(), { once: true });
      });
    } finally {
      stopAsking();
      this.#cancelDraw?.();
      this.#screen.close();
      takeInterrupts();
      signal.removeEventListener("abort", end);
    }
    if (signal.aborted) throw new SmartCardError("cancelled", "the program was asked to end");
    return exitCodes.ok;
  }

  /** Asks at once where nothing is asked already, and then at the interval. */
  #repeat(): () => void {
    const timer = setInterval(() => void this.#ask(), this.#setting.intervalMs);
    return () => clearInterval(timer);
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      this.#take({ kind: "report", report: await this.#request({ command: "who" }) });
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      this.#take({ kind: "problem", message: `the daemon does not answer (${error.code})` });
    } finally {
      this.#isAsking = false;
    }
  }

  #request<C extends ControlCommand>(request: C): ReturnType<typeof askDaemon<C>> {
    return askDaemon(this.#setting.path, request, nodeClock);
  }

  #take(event: TopEvent): void {
    if (this.#over.signal.aborted) return;
    const { effect, state } = stepTop(this.#state, event);
    this.#state = state;
    if (effect?.kind === "quit") this.#over.abort();
    if (effect?.kind === "act") void this.#act(effect.action);
    if (event.kind === "key") this.#draw();
    else this.#cancelDraw ??= nodeClock.schedule(DRAW_MS, "draw", () => this.#draw());
  }

  async #act(action: TopAction): Promise<void> {
    try {
      if (action.kind === "disconnect") await this.#request({ command: "disconnect", pid: action.pid });
      else await this.#request({ command: action.kind, reader: action.reader });
      this.#take({ kind: "remark", text: doneTexts[action.kind] });
      await this.#ask();
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      this.#take({ kind: "remark", text: error.message });
    }
  }

  #draw(): void {
    this.#cancelDraw?.();
    this.#cancelDraw = undefined;
    const screen = this.#screen;
    if (screen === undefined) return;
    const { cards, terminal } = this.#setting;
    const { columns, rows } = screen;
    const setting = { columns, rows, now: nodeClock.now(), paint: terminal.paint, cardNames: namesIn(cards) };
    screen.draw(renderTop(this.#state, setting));
  }
}

const doneTexts: Readonly<Record<TopAction["kind"], string>> = {
  disconnect: "the client was disconnected",
  reset: "the card was reset",
  eject: "the card was ejected",
};
