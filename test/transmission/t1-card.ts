// SPDX-License-Identifier: MIT

// The card's side of T=1, for the tests of ours: written from the standard as a conversation, and sharing no code with
// src/readers/transmission, so that both are not wrong in the same way.

/** What a card does on its own account. Everything is left out by default: a card that answers at once, in full blocks. */
export interface T1CardHabits {
  /** Bytes of the next block of its response, 0 to `most`; where 0 comes too often the chain is hostile. @default most */
  readonly pieceBytes?: (most: number) => number;
  /** The multiplier of S(WTX request), 1 to 255; asked before each block of its own, until it is undefined. @default never */
  readonly moreTime?: () => number | undefined;
  /** The IFSC that it announces, 1 to 254; asked once a command. @default never */
  readonly newIfsc?: () => number | undefined;
  /** Whether it ends the chain that is under way, its own or ours; asked after each chained block. @default never */
  readonly abortsChain?: () => boolean;
}

export interface T1CardOptions {
  readonly edc: "lrc" | "crc";
  /** What its ATR says. */
  readonly ifsc: number;
  /** Takes a whole command and gives the response. */
  readonly answer: (command: Uint8Array) => Uint8Array;
  readonly habits?: T1CardHabits;
}

/** A block as the card reads it. */
interface Frame {
  readonly pcb: number;
  readonly inf: Uint8Array;
}

/** What is sent, and how it may have to be sent again. */
type Sending = Uint8Array | undefined;

type Conversation<T> = Generator<Sending, T, Uint8Array>;

/** The interface device wants to start anew, or to end a chain. */
class Interruption {
  readonly response: number;

  constructor(response: number) {
    this.response = response;
  }
}

const RESYNCH_REQUEST = 0xc0;
const IFS_REQUEST = 0xc1;
const ABORT_REQUEST = 0xc2;
const WTX_REQUEST = 0xc3;
const AS_RESPONSE = 0x20;
const nothing = new Uint8Array(0);

/** A card at the other end of the line. It gets one block at a time, and answers each with one block or with silence. */
export class T1Card {
  readonly #options: T1CardOptions;
  #conversation: Conversation<never>;
  /** N(S) of the card's I-block to come, and of the one to come from the other side. */
  #mine = 0;
  #theirs = 0;
  #ifsc: number;
  #ifsd = 32;
  #lastSent: Uint8Array | undefined;
  /** How many invalid blocks came in a row. It asks again twice; then it only listens. */
  #asked = 0;
  /** Commands that were executed, and blocks that broke a rule that the interface device has to keep. */
  executions = 0;
  readonly offences: string[] = [];

  constructor(options: T1CardOptions) {
    this.#options = options;
    this.#ifsc = options.ifsc;
    this.#conversation = this.#live(undefined);
    this.#conversation.next();
  }

  /** What the card sends when it has received bytes; undefined for silence. */
  receive(bytes: Uint8Array): Uint8Array | undefined {
    return this.#conversation.next(bytes).value;
  }

  *#live(first: Sending): Conversation<never> {
    let sending = first;
    for (;;) {
      try {
        let frame = yield* this.#hear(sending);
        for (;;) frame = yield* this.#serve(frame);
      } catch (interruption) {
        if (!(interruption instanceof Interruption)) throw interruption;
        if (interruption.response === (RESYNCH_REQUEST | AS_RESPONSE)) {
          this.#mine = 0;
          this.#theirs = 0;
          this.#ifsc = this.#options.ifsc;
          this.#ifsd = 32;
        }
        sending = this.#block(interruption.response, nothing);
      }
    }
  }

  /** One command and its response. @returns the block that begins the next command */
  *#serve(first: Frame): Conversation<Frame> {
    const command: number[] = [];
    let frame = first;
    let aborted = false;
    for (;;) {
      if (!this.#isExpectedInformation(frame)) {
        frame = yield* this.#hear(this.#askAgain(frame));
        continue;
      }
      this.#theirs ^= 1;
      command.push(...frame.inf);
      if ((frame.pcb & 0x20) === 0) break;
      if (this.#options.habits?.abortsChain?.() === true) {
        yield* this.#request(ABORT_REQUEST, nothing);
        aborted = true;
        break;
      }
      yield* this.#takeTime();
      frame = yield* this.#hear(this.#ready(0));
    }
    if (aborted) return yield* this.#hear(this.#ready(0));
    const ifsc = this.#options.habits?.newIfsc?.();
    if (ifsc !== undefined) {
      yield* this.#request(IFS_REQUEST, Uint8Array.of(ifsc));
      this.#ifsc = ifsc;
    }
    yield* this.#takeTime();
    this.executions++;
    return yield* this.#respond(this.#options.answer(Uint8Array.from(command)));
  }

  *#respond(response: Uint8Array): Conversation<Frame> {
    const pieceBytes = this.#options.habits?.pieceBytes ?? ((most: number) => most);
    let at = 0;
    for (;;) {
      const piece = response.subarray(at, at + pieceBytes(Math.min(this.#ifsd, response.length - at)));
      at += piece.length;
      const more = at < response.length;
      const block = this.#block((this.#mine << 6) | (more ? 0x20 : 0), piece);
      let frame = yield* this.#hear(block);
      // The next I-block of the other side acknowledges the last block; R(next) acknowledges one of the chain.
      while (!(more ? isReady(frame, this.#mine ^ 1) : this.#isExpectedInformation(frame))) {
        frame = yield* this.#hear(isReady(frame, this.#mine) ? block : this.#askAgain(frame));
      }
      this.#mine ^= 1;
      if (!more) return frame;
      if (this.#options.habits?.abortsChain?.() === true) {
        yield* this.#request(ABORT_REQUEST, nothing);
        return yield* this.#hear(this.#ready(0));
      }
      yield* this.#takeTime();
    }
  }

  *#takeTime(): Conversation<void> {
    for (;;) {
      const multiplier = this.#options.habits?.moreTime?.();
      if (multiplier === undefined) return;
      yield* this.#request(WTX_REQUEST, Uint8Array.of(multiplier));
    }
  }

  /** An S-block request of the card, until it has its response. Rule 7.3: it is sent again whatever else comes. */
  *#request(pcb: number, inf: Uint8Array): Conversation<void> {
    const block = this.#block(pcb, inf);
    let frame = yield* this.#hear(block);
    while (frame.pcb !== (pcb | AS_RESPONSE) || frame.inf[0] !== inf[0] || frame.inf.length !== inf.length) {
      frame = yield* this.#hear(block);
    }
  }

  /** Sends, and listens until a block comes that is no matter of every moment. */
  *#hear(sending: Sending): Conversation<Frame> {
    let next = sending;
    for (;;) {
      if (next !== undefined) this.#lastSent = next;
      const bytes = yield next;
      const frame = this.#read(bytes);
      if (typeof frame === "string") {
        next = this.#askAgain(undefined);
        continue;
      }
      this.#asked = 0;
      if (frame.pcb === RESYNCH_REQUEST || frame.pcb === ABORT_REQUEST) {
        throw new Interruption(frame.pcb | AS_RESPONSE);
      } else if (frame.pcb === IFS_REQUEST) {
        this.#ifsd = frame.inf[0] ?? this.#ifsd;
        next = this.#block(IFS_REQUEST | AS_RESPONSE, frame.inf);
      } else {
        return frame;
      }
    }
  }

  /** Rules 7.1, 7.2, 7.3 and 7.5: the block is not valid here. */
  #askAgain(frame: Frame | undefined): Sending {
    const last = this.#lastSent;
    if (++this.#asked > 2) return undefined;
    const pcb = last?.[1] ?? RESYNCH_REQUEST | AS_RESPONSE;
    // An R-block, or a request of its own, goes again. After a response of its own it says what it expects.
    if ((pcb & 0xc0) === 0x80 || (pcb & 0xe0) === RESYNCH_REQUEST) return last;
    const isWanted = (pcb & 0x80) === 0 && frame !== undefined && isReady(frame, (pcb >> 6) & 1);
    return isWanted ? last : this.#ready(frame === undefined ? 1 : 2);
  }

  #isExpectedInformation({ inf, pcb }: Frame): boolean {
    if ((pcb & 0x80) !== 0 || ((pcb >> 6) & 1) !== this.#theirs) return false;
    if (inf.length > this.#ifsc) this.offences.push(`an I-block of ${inf.length} bytes, and IFSC is ${this.#ifsc}`);
    return true;
  }

  #ready(error: number): Uint8Array {
    return this.#block(0x80 | (this.#theirs << 4) | error, nothing);
  }

  #block(pcb: number, inf: Uint8Array): Uint8Array {
    const body = [0, pcb, inf.length, ...inf];
    return Uint8Array.from([...body, ...checkBytes(body, this.#options.edc)]);
  }

  /** @returns what is wrong with the bytes */
  #read(bytes: Uint8Array): Frame | string {
    const edcLength = this.#options.edc === "lrc" ? 1 : 2;
    const body = [...bytes.subarray(0, -edcLength)];
    if (body.length < 3 || body.length !== 3 + (body[2] ?? 0)) return "length";
    const check = checkBytes(body, this.#options.edc);
    if (check.some((byte, index) => byte !== bytes[body.length + index])) return "check bytes";
    return { pcb: body[1] ?? 0, inf: Uint8Array.from(body.slice(3)) };
  }
}

function isReady({ pcb }: Frame, sequence: number): boolean {
  return (pcb & 0xe0) === 0x80 && ((pcb >> 4) & 1) === sequence;
}

/** LRC, or CRC by polynomial division bit by bit: 1 + x^5 + x^12 + x^16, the bits of a byte from the lowest on. */
export function checkBytes(body: readonly number[], edc: "lrc" | "crc"): number[] {
  if (edc === "lrc") return [body.reduce((sum, byte) => sum ^ byte, 0)];
  // The register as a row of bits, its first one the next to fall out.
  const register = new Array<number>(16).fill(1);
  for (const byte of body) {
    for (let bit = 0; bit < 8; bit++) {
      const feedback = (register.shift() ?? 0) ^ ((byte >> bit) & 1);
      register.push(0);
      if (feedback === 1) for (const tap of [3, 10, 15]) register[tap] = (register[tap] ?? 0) ^ 1;
    }
  }
  const value = register.reduce((sum, bit, index) => sum | (bit << index), 0);
  return [value >> 8, value & 0xff];
}
