// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import type { CancelTimer, Clock } from "../../port/index.ts";
import { NOISE_TAG_BYTES, type NoiseCipher } from "../noise/index.ts";
import { FARM_WINDOW_BYTES, type FarmTimes, MAX_FRAME_DATA } from "./limits.ts";
import { decodeFrame, encodeFrame, type FarmFrame } from "./messages.ts";

const NUMBER_BYTES = 8;
/** Past it, numbers are not exact any more. It is not reached in a thousand years. */
const LAST_NUMBER = Number.MAX_SAFE_INTEGER;
/** The longest message of a session. */
const MAX_FRAME_BYTES = NUMBER_BYTES + 1 + MAX_FRAME_DATA + NOISE_TAG_BYTES;

/** What a session is made with. */
export interface FarmSessionOptions {
  readonly clock: Clock;
  readonly times: FarmTimes;
  readonly send: NoiseCipher;
  readonly receive: NoiseCipher;
  /** Sends a message to the other side. */
  readonly publish: (message: Uint8Array) => void;
  /** Takes bytes of the other's stream, which are cleared when it returns. */
  readonly received: (bytes: Uint8Array) => void;
  /** What had to wait for the other side has gone out. */
  readonly drained: () => void;
  /** The session has ended: called once, and nothing after it. */
  readonly closed: (reason: string) => void;
}

/**
 * One side of a session, after the handshake: two streams of bytes, sealed in numbered messages.
 *
 * - A message that is not the other side's, or was here before, is passed over: who can only send to the subject cannot end a session.
 * - A message that did not come is missed by the number of the next one. The session ends then: what was lost may have been a
 *   command, and nothing is ever sent twice.
 * - No more than a window of bytes is under way: the other side says how many it has taken.
 * - Both sides say now and then that they are there; who hears nothing for too long ends the session.
 */
export class FarmSession {
  readonly #options: FarmSessionOptions;
  /** The number of the next message that is due. */
  #due = 0;
  /** Bytes of ours that the other side has not taken. */
  #underWay = 0;
  /** Bytes of the other side that were taken here, and not told yet. */
  #untold = 0;
  /** What waits until the other side has taken more. */
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** What has come in while reading was paused. */
  readonly #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #isPaused = false;
  /** Whether something had to wait for room since `drained` was told. */
  #wasFull = false;
  #hasEnded = false;
  #passedOver = 0;
  #sentAt: number;
  #heardAt: number;
  #cancelTimer: CancelTimer = () => {};

  constructor(options: FarmSessionOptions) {
    this.#options = options;
    this.#sentAt = this.#heardAt = options.clock.now();
    this.#arm();
  }

  /** Bytes that were written and that the other side has not room for. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Messages that were not the other side's, were damaged, or had come before. */
  get passedOver(): number {
    return this.#passedOver;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Writes to the stream. The bytes are copied, and may be cleared then. After the end it does nothing. */
  write(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length && !this.#hasEnded; from += MAX_FRAME_DATA) {
      const piece = bytes.slice(from, from + MAX_FRAME_DATA);
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
    }
    this.#sendWaiting();
  }

  /** Takes a message of the subject on which the other side writes. */
  take(message: Uint8Array): void {
    if (this.#hasEnded) return;
    const frame = this.#opened(message);
    if (frame === undefined) this.#passedOver++;
    else this.#act(frame);
  }

  /** Nothing is told to `received` until `resume`. What the other side has sent by then waits here: a window of bytes at most. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliver();
  }

  /** Ends the session, and tells the other side why. */
  close(reason: string): void {
    if (this.#hasEnded) return;
    this.#send({ kind: "end", reason: reason.slice(0, 100) });
    this.#end();
  }

  /** The frame of a message that is due; undefined for one that is to be passed over. */
  #opened(message: Uint8Array): FarmFrame | undefined {
    if (message.length < NUMBER_BYTES + NOISE_TAG_BYTES || message.length > MAX_FRAME_BYTES) return undefined;
    const number = numberOf(message);
    if (number === undefined || number < this.#due) return undefined;
    const plain = this.#options.receive.open(number, message.subarray(NUMBER_BYTES));
    if (plain === undefined) return undefined;
    const isNext = number === this.#due;
    this.#due = number + 1;
    this.#heardAt = this.#options.clock.now();
    const decoded = decodeFrame(plain);
    zeroBytes(plain);
    if (!isNext) return { kind: "end", reason: "messages of the other side were lost" };
    return decoded.ok ? decoded.value : { kind: "end", reason: `a message is malformed: ${decoded.error.message}` };
  }

  #act(frame: FarmFrame): void {
    switch (frame.kind) {
      case "data":
        this.#unread.push(frame.data);
        this.#unreadBytes += frame.data.length;
        if (this.#unreadBytes + this.#untold > FARM_WINDOW_BYTES)
          this.#fail("the other side sends more than there is room for");
        else this.#deliver();
        break;
      case "taken":
        if (frame.bytes > this.#underWay) {
          this.#fail("the other side has taken more than was sent");
          break;
        }
        this.#underWay -= frame.bytes;
        this.#sendWaiting();
        break;
      case "beat":
        break;
      case "end":
        this.#fail(frame.reason);
        break;
    }
  }

  #deliver(): void {
    while (!this.#isPaused && !this.#hasEnded) {
      const bytes = this.#unread.shift();
      if (bytes === undefined) break;
      this.#unreadBytes -= bytes.length;
      this.#untold += bytes.length;
      this.#options.received(bytes);
      zeroBytes(bytes);
    }
    if (this.#untold < FARM_WINDOW_BYTES / 2 || this.#hasEnded) return;
    this.#send({ kind: "taken", bytes: this.#untold });
    this.#untold = 0;
  }

  #sendWaiting(): void {
    while (!this.#hasEnded) {
      const data = this.#waiting[0];
      if (data === undefined) break;
      if (this.#underWay + data.length > FARM_WINDOW_BYTES) {
        this.#wasFull = true;
        return;
      }
      this.#waiting.shift();
      this.#waitingBytes -= data.length;
      this.#underWay += data.length;
      this.#send({ kind: "data", data });
      zeroBytes(data);
    }
    if (!this.#wasFull || this.#hasEnded) return;
    this.#wasFull = false;
    this.#options.drained();
  }

  #send(frame: FarmFrame): void {
    const { clock, publish, send } = this.#options;
    if (send.next >= LAST_NUMBER) return;
    const plain = encodeFrame(frame);
    const number = send.next;
    const sealed = send.seal(plain);
    zeroBytes(plain);
    const message = new Uint8Array(NUMBER_BYTES + sealed.length);
    new DataView(message.buffer).setBigUint64(0, BigInt(number));
    message.set(sealed, NUMBER_BYTES);
    this.#sentAt = clock.now();
    publish(message);
  }

  /** Looks again when the next beat, or the end of the silence, is due. */
  #arm(): void {
    const { clock, times } = this.#options;
    const dueMs = Math.min(this.#sentAt + times.beatMs, this.#heardAt + times.silenceMs) - clock.now();
    this.#cancelTimer = clock.schedule(Math.max(0, dueMs), "farm: session", () => this.#look(), { background: true });
  }

  #look(): void {
    if (this.#hasEnded) return;
    const { clock, times } = this.#options;
    const now = clock.now();
    const silentMs = now - this.#heardAt;
    if (silentMs >= times.silenceMs) {
      this.#fail(`nothing was heard of the other side for ${Math.round(silentMs / 1000)} s`);
      return;
    }
    if (now - this.#sentAt >= times.beatMs) this.#send({ kind: "beat" });
    this.#arm();
  }

  #fail(reason: string): void {
    if (this.#hasEnded) return;
    this.#end();
    this.#options.closed(reason);
  }

  #end(): void {
    this.#hasEnded = true;
    this.#cancelTimer();
    for (const piece of [...this.#waiting, ...this.#unread]) zeroBytes(piece);
    this.#waiting.length = this.#unread.length = 0;
    this.#waitingBytes = this.#unreadBytes = 0;
    this.#options.send.clear();
    this.#options.receive.clear();
  }
}

/** The number of a message; undefined past the last one. */
function numberOf(message: Uint8Array): number | undefined {
  const number = new DataView(message.buffer, message.byteOffset).getBigUint64(0);
  return number > BigInt(LAST_NUMBER) ? undefined : Number(number);
}
