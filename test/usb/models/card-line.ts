// SPDX-License-Identifier: MIT

import { copyBytes } from "../../../src/base/binary/index.ts";
import { type Atr, decodeAtr, decodePps } from "../../../src/base/iso7816/index.ts";
import { type SoftwareCard, T0Adapter } from "../../../src/cards/software-card/index.ts";
import { T0Characters } from "./t0-characters.ts";
import { T1Card } from "./t1-card.ts";

/** Supply voltages, as bVoltageSupport counts. */
export const supplies = { fiveVolts: 1, threeVolts: 2, oneVoltEight: 4 } as const;

/** What happens to a block on the line. `late` doubles the time that the reader has to wait. */
export type BlockFault = "lost" | "corrupted" | "doubled" | "late";

/** A block on its way. */
export interface BlockStep {
  /** Counts from 1, both ways together, over the life of the line. */
  readonly number: number;
  readonly direction: "to-card" | "from-card";
}

export interface CardLineOptions {
  /** Voltages that the card works at; at any other it stays mute. @default all */
  readonly supplies?: number;
  /** Whether the card keeps silent at every reset. @default false */
  readonly mute?: boolean;
  /** S(WTX request)s or NULL bytes before an answer: the multipliers, one each. @default none */
  readonly waits?: (command: Uint8Array) => readonly number[];
  /** What goes wrong with blocks of T=1. @default nothing */
  readonly faults?: (step: BlockStep) => BlockFault | undefined;
  /** T=0: acknowledges each byte by itself. @default false */
  readonly oneByOne?: boolean;
}

/** What the reader's hardware sees after it has sent something to the card. */
export type LineAnswer =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly late: boolean }
  | { readonly kind: "silence" }
  | { readonly kind: "parity" };

const FIRST_FACTORS = 0x11;

/** A software card at its contacts: reset, PPS, and T=0 and T=1 in the units that readers of each exchange level carry. */
export class CardLine {
  readonly #card: SoftwareCard;
  readonly #options: CardLineOptions;
  #atr: Atr | undefined;
  #protocol: number | undefined;
  #factors = FIRST_FACTORS;
  #fresh = false;
  #t0: T0Adapter | undefined;
  #characters: T0Characters | undefined;
  #t1: T1Card | undefined;
  #blocks = 0;
  #held: Uint8Array | undefined;

  constructor(card: SoftwareCard, options: CardLineOptions = {}) {
    this.#card = card;
    this.#options = options;
  }

  get card(): SoftwareCard {
    return this.#card;
  }

  /** The ATR of this session; undefined without power. */
  get atr(): Atr | undefined {
    return this.#atr;
  }

  /** The protocol that the card speaks: by its ATR, or as the PPS said. */
  get protocol(): number | undefined {
    return this.#protocol;
  }

  /** Fi and Di that the card's line works at now, coded as TA1 is. */
  get factors(): number {
    return this.#factors;
  }

  /** Whether nothing was exchanged since the reset, so that a PPS request may come. */
  get fresh(): boolean {
    return this.#fresh;
  }

  /** The answer to reset; undefined where the card keeps silent. */
  reset(kind: "cold" | "warm", supply: number): Uint8Array | undefined {
    if (this.#options.mute || ((this.#options.supplies ?? 7) & supply) === 0) return undefined;
    let bytes: Uint8Array;
    try {
      bytes = copyBytes(this.#card.reset(kind));
    } catch {
      return undefined;
    }
    const atr = decodeAtr(bytes);
    if (!atr.ok) return bytes;
    this.#atr = atr.value;
    const { mode, factors } = atr.value;
    this.#protocol = atr.value.defaultProtocol;
    this.#factors = mode.kind === "specific" && !mode.implicitFactors ? factors.code : FIRST_FACTORS;
    this.#fresh = true;
    this.#held = undefined;
    this.#t0 = new T0Adapter(this.#card);
    const { waits, oneByOne } = this.#options;
    this.#characters = new T0Characters({
      process: (tpdu) => this.tpdu(tpdu),
      ...(waits === undefined ? {} : { nulls: waits(new Uint8Array(0)).length }),
      ...(oneByOne === undefined ? {} : { oneByOne }),
    });
    this.#t1 = new T1Card({
      process: async (command) => this.apdu(command),
      edc: atr.value.t1?.edc ?? "lrc",
      ifsc: atr.value.t1?.ifsc ?? 32,
      ...(waits === undefined ? {} : { waits }),
    });
    return bytes;
  }

  powerOff(): void {
    if (this.#atr !== undefined) this.#card.powerOff();
    this.#atr = undefined;
    this.#protocol = undefined;
    this.#fresh = false;
  }

  /** Answers a PPS request, and works as it says from then on. An empty answer is silence. */
  pps(request: Uint8Array): Uint8Array {
    const wanted = decodePps(request);
    if (!wanted.ok || !this.#fresh || this.#atr?.mode.kind === "specific") return new Uint8Array(0);
    this.#fresh = false;
    const response = this.#card.pps === undefined ? copyBytes(request) : copyBytes(this.#card.pps(copyBytes(request)));
    const agreed = decodePps(response);
    if (agreed.ok) {
      this.#protocol = agreed.value.protocol;
      this.#factors = agreed.value.pps1 ?? FIRST_FACTORS;
    }
    return response;
  }

  /** A whole command, whatever the protocol: what readers of an APDU level do with the card is their own affair. */
  async apdu(command: Uint8Array): Promise<Uint8Array> {
    this.#fresh = false;
    return copyBytes(await this.#card.process(copyBytes(command)));
  }

  /** The waits that the card asks for before it answers a command. */
  waits(command: Uint8Array): readonly number[] {
    return this.#options.waits?.(command) ?? [];
  }

  /** A command TPDU of T=0. */
  async tpdu(command: Uint8Array): Promise<Uint8Array> {
    this.#fresh = false;
    if (this.#t0 === undefined) return new Uint8Array(0);
    return this.#t0.transmit(command);
  }

  /** Bytes of T=0 as they come, and what the card sends until it needs more. */
  async characters(bytes: Uint8Array): Promise<Uint8Array> {
    this.#fresh = false;
    return (await this.#characters?.receive(bytes)) ?? new Uint8Array(0);
  }

  /** A block of T=1. */
  async block(block: Uint8Array): Promise<LineAnswer> {
    this.#fresh = false;
    if (this.#held !== undefined) {
      // The second of two blocks that came as one: it is on the line already.
      const bytes = this.#held;
      this.#held = undefined;
      await this.#t1?.receive(copyBytes(block));
      return { kind: "bytes", bytes, late: false };
    }
    const there = this.#fault("to-card");
    if (there === "lost") return { kind: "silence" };
    const sent = there === "corrupted" ? corrupted(block) : copyBytes(block);
    if (there === "doubled") await this.#t1?.receive(copyBytes(block));
    const answer = await this.#t1?.receive(sent);
    if (answer === undefined) return { kind: "silence" };
    const back = this.#fault("from-card");
    if (back === "lost") return { kind: "silence" };
    if (back === "doubled") this.#held = copyBytes(answer);
    return {
      kind: "bytes",
      bytes: back === "corrupted" ? corrupted(answer) : copyBytes(answer),
      late: there === "late" || back === "late",
    };
  }

  #fault(direction: BlockStep["direction"]): BlockFault | undefined {
    return this.#options.faults?.({ number: ++this.#blocks, direction });
  }
}

/** One bit is wrong, in the last byte but one: the prologue keeps its length. */
function corrupted(block: Uint8Array): Uint8Array {
  const bytes = copyBytes(block);
  const at = Math.max(3, bytes.length - 2) % bytes.length;
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  return bytes;
}
