// SPDX-License-Identifier: MIT

import {
  type PowerAction,
  type Protocol,
  type Reader,
  type ReaderDescription,
  type ReaderEvents,
  SmartCardError,
} from "../../../src/port/index.ts";
import { type BytePipeEvents, encodeFrame, VpcdReader } from "../../../src/readers/vpcd/index.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must } from "../target.ts";
import { answerOf, makeProgramme, nonsense } from "./hostile-card.ts";
import { addReader, Stage } from "./stage.ts";

/** A driver that follows a tape and ignores its contract. */
class HostileReader implements Reader {
  readonly description: ReaderDescription;
  readonly #tape: Tape;
  readonly #stage: Stage;
  #events: ReaderEvents | undefined;

  constructor(tape: Tape, stage: Stage) {
    this.#tape = tape;
    this.#stage = stage;
    this.description = {
      name: tape.pick("Hostile", "", "\u0000\n", "€".repeat(60), " Reader  "),
      id: "hostile",
      vendor: tape.pick("vendor", ""),
      product: "product",
      type: "vendor",
      protocols: tape.pick<readonly Protocol[]>(["t0", "t1"], ["t1"], ["raw"], []),
      canEject: tape.pick(true, false),
    };
  }

  open(events: ReaderEvents): Promise<void> {
    this.#events = events;
    this.upset();
    return this.#act(() => undefined) as Promise<void>;
  }

  power(action: PowerAction, signal: AbortSignal): Promise<Uint8Array> {
    const atr = this.#tape.pick(Uint8Array.of(0x3b, 0x00), Uint8Array.of(0x3b, 0x80, 0x01, 0x81), new Uint8Array(40));
    return this.#act(() => (action === "power-down" ? new Uint8Array(0) : atr), signal) as Promise<Uint8Array>;
  }

  setProtocol(_protocol: Protocol, signal: AbortSignal): Promise<void> {
    return this.#act(() => undefined, signal) as Promise<void>;
  }

  transmit(_command: Uint8Array, _protocol: Protocol, signal: AbortSignal): Promise<Uint8Array> {
    return this.#act(() => answerOf(this.#tape), signal) as Promise<Uint8Array>;
  }

  control(_code: number, input: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return this.#act(() => input, signal) as Promise<Uint8Array>;
  }

  getAttribute(): Uint8Array | undefined {
    return this.#atOnce("getAttribute", () => this.#tape.bytes(4)) as Uint8Array | undefined;
  }

  setAttribute(): boolean {
    return this.#atOnce("setAttribute", () => true) as boolean;
  }

  eject(signal: AbortSignal): Promise<void> {
    return this.#act(() => this.#events?.removed(), signal) as Promise<void>;
  }

  close(): Promise<void> {
    return this.#act(() => undefined) as Promise<void>;
  }

  /** Unexpected events, in any order, also after the last. */
  upset(): void {
    for (let count = this.#tape.below(4); count > 0; count--) {
      const what = this.#tape.below(8);
      if (what === 7) this.#events?.lost("it says so");
      else if (what % 2 === 0) this.#events?.inserted();
      else this.#events?.removed();
    }
  }

  #failure(): unknown {
    return this.#tape.pick<unknown>(
      new Error("a driver's error"),
      new SmartCardError("removed-card", "it says so"),
      new SmartCardError("cancelled", "it says so"),
      new SmartCardError("reader-unavailable", "it says so"),
      new TypeError("undefined is not a function"),
      undefined,
      null,
      "text",
      {},
      Object.create(null),
      Object.freeze([]),
    );
  }

  #atOnce(what: string, value: () => unknown): unknown {
    const tape = this.#tape;
    switch (tape.below(6)) {
      case 0:
        throw this.#failure();
      case 1:
        return nonsense(tape);
      case 2:
        this.upset();
        return what === "getAttribute" ? new Uint8Array(tape.pick(0, 300, 70_000)) : value();
      default:
        return value();
    }
  }

  /** One operation: as it should be, late, never, twice, with nonsense, or with a failure of any kind. */
  #act(value: () => unknown, signal?: AbortSignal): unknown {
    const tape = this.#tape;
    const { clock } = this.#stage.runtime;
    switch (tape.below(14)) {
      case 0:
        throw this.#failure();
      case 1:
        return Promise.reject(this.#failure());
      case 2:
        return nonsense(tape);
      case 3:
        return Promise.resolve(nonsense(tape));
      case 4:
        // It hears an abort, and nothing else.
        return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(this.#failure())));
      case 5:
        return new Promise(() => {});
      case 6: {
        const delayMs = tape.pick(0, 10, 1000, 10_000, 100_000);
        return new Promise((resolve) => {
          clock.schedule(delayMs, "driver", () => {
            this.upset();
            resolve(value());
          });
        });
      }
      case 7:
        this.upset();
        return Promise.resolve(value());
      case 8:
        return Promise.resolve(value()).finally(() => this.upset());
      case 9:
        return strangePromise(value(), this.#failure());
      default:
        return Promise.resolve(value());
    }
  }
}

/** A foreign promise: it calls back at once, both ways, and throws. */
function strangePromise(value: unknown, failure: unknown): unknown {
  const promise = {};
  Reflect.set(promise, "then", (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => {
    resolve(value);
    reject(failure);
    throw failure;
  });
  return promise;
}

export const hostileReader: FuzzTarget = {
  name: "hostile-reader",
  about: "A driver that answers nonsense, throws, rejects, is late and tells of what never was: the manager bears it",
  covers: [],
  measures: ["managers/embedded/"],
  maxBytes: 600,
  generate: makeProgramme,
  async run(input) {
    const tape = new Tape(input);
    const stage = new Stage(tape);
    const reader = new HostileReader(tape, stage);
    const name = await addReader(stage, reader);
    await stage.play(name ?? "Hostile", () => reader.upset());
    await stage.end();
    stage.checkTimers();
  },
};

/** What a peer on the vpcd port sends, drawn from a tape: it does not care what it was asked. */
export const vpcdPeer: FuzzTarget = {
  name: "vpcd-peer",
  about: "A program on the vpcd port that sends anything at any time, beside two programs that use the reader",
  covers: [],
  measures: ["readers/vpcd/", "managers/embedded/"],
  maxBytes: 600,
  generate: makeProgramme,
  async run(input) {
    const tape = new Tape(input);
    const stage = new Stage(tape);
    const { clock, trace } = stage.runtime;
    const limits = { atrWaitMs: 1000, apduWaitMs: 2000 };
    const reader = new VpcdReader({ host: "127.0.0.1", port: 1, clock, trace, limits });
    const name = await addReader(stage, reader);
    must(name !== undefined, "a vpcd reader can be put into service");
    let peer: BytePipeEvents | undefined;
    const plug = (): void => {
      let asked = 0;
      let plugged: BytePipeEvents | undefined;
      plugged = reader.attach({
        write: (message) => {
          const [, length = 0, code] = message;
          const answer = length === 1 && code === 4 ? Uint8Array.of(0x3b, 0x80, 0x01, 0x81) : answerOf(tape);
          // Most questions are answered, and some of them twice or in pieces.
          const isAnswered = length !== 1 || code === 4;
          if (!isAnswered || asked++ > 200) return;
          const frame = encodeFrame(answer);
          const pieces = tape.pick(
            [frame],
            [frame],
            [frame, frame],
            [frame.slice(0, 1), frame.slice(1)],
            [],
            [frame.slice(1)],
          );
          clock.schedule(tape.pick(0, 0, 10, 1500), "peer", () => {
            for (const piece of pieces) plugged?.received(piece);
          });
        },
        close: () => {
          if (peer === plugged) peer = undefined;
        },
      });
      peer = plugged ?? peer;
    };
    plug();
    await stage.play(name, () => {
      const what = tape.below(5);
      if (what === 0) plug();
      else if (what === 1) {
        peer?.closed("it hung up");
        peer = undefined;
      } else peer?.received(what === 2 ? encodeFrame(tape.bytes(tape.below(8))) : tape.bytes(tape.below(20)));
    });
    await stage.end();
    stage.checkTimers();
  },
};
