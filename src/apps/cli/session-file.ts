// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import { MAX_RECORDING_BYTES } from "../../entry/recorded-card.ts";
import type { ObservedEvent } from "../../observe/calls/index.ts";
import { CaptureWriter } from "../../observe/captures/index.ts";
import {
  MAX_RECORDING_LINES,
  type RecordedEvent,
  Recorder,
  type RecordingHeader,
  RecordingWriter,
} from "../../observe/recordings/index.ts";
import { GrowingFile } from "../../platform/node/runtime/index.ts";
import { captureKindOf, type FileForm } from "./recording-file.ts";

/** So many resets and removals wait for the first command, with which the protocol is known. */
const MOST_WAITING = 64;

/** What a session is written to. */
export interface SessionFileOptions {
  readonly path: string;
  readonly form: FileForm;
  /** What is known of the session when it begins: the reader at least. */
  readonly header: RecordingHeader;
  readonly mustBeNew: boolean;
}

/** A session with a card as it goes into a file, event by event: after each the file is whole. */
export class SessionFile {
  readonly #file: GrowingFile;
  readonly #form: FileForm;
  readonly #recorder: Recorder;
  #header: RecordingHeader;
  #writer: RecordingWriter | CaptureWriter | undefined;
  #waiting: RecordedEvent[] = [];
  #events = 0;
  #exchanges = 0;
  #isFull = false;

  private constructor(file: GrowingFile, { form, header }: SessionFileOptions) {
    this.#file = file;
    this.#form = form;
    this.#header = header;
    this.#recorder = new Recorder(header);
  }

  /** @throws invalid-value, no-access, file-not-found: the file cannot be made */
  static async open(options: SessionFileOptions): Promise<SessionFile> {
    return new SessionFile(await GrowingFile.open(options.path, options.mustBeNew), options);
  }

  /** How many exchanges are in it. */
  get exchanges(): number {
    return this.#exchanges;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  /** Whether no more can be added: it has as many events, or bytes, as a recording may have. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Adds what an event tells of the card. @throws invalid-value, where the disk is full */
  async add(event: ObservedEvent): Promise<void> {
    this.#learn(event);
    const taken = this.#recorder.take(event);
    if (taken === undefined) return;
    if (this.#writer === undefined && taken.event !== "exchange" && this.#waiting.length < MOST_WAITING) {
      this.#waiting.push(taken);
      return;
    }
    await this.#begin();
    await this.#write(taken);
  }

  /** Ends it. */
  async close(): Promise<void> {
    try {
      await this.#begin();
    } finally {
      await this.#file.close();
    }
  }

  /** Removes it. */
  discard(): Promise<void> {
    return this.#file.discard();
  }

  /** What comes before the first command may tell more of the card. */
  #learn(event: ObservedEvent): void {
    if (this.#writer !== undefined || event.reader !== this.#header.reader) return;
    if (event.kind === "call") {
      const { protocol } = event;
      if (protocol !== undefined) this.#header = { ...this.#header, protocol };
      return;
    }
    const atr = decodeHex(event.atr);
    if (atr.ok && atr.value.length >= 2) this.#header = { ...this.#header, atr: atr.value };
  }

  async #begin(): Promise<void> {
    if (this.#writer !== undefined) return;
    const kind = captureKindOf(this.#form);
    const raw = this.#header.data === "raw";
    const writer =
      kind === undefined ? new RecordingWriter(this.#header) : new CaptureWriter(kind, this.#header, { raw });
    this.#writer = writer;
    await this.#file.append(writer.begin());
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const event of waiting) await this.#write(event);
  }

  async #write(event: RecordedEvent): Promise<void> {
    if (this.#isFull || this.#writer === undefined) return;
    const piece = this.#writer.event(event);
    // Its header is a line too.
    this.#isFull = this.#events + 1 >= MAX_RECORDING_LINES || this.#file.bytes + piece.length > MAX_RECORDING_BYTES;
    if (this.#isFull) return;
    await this.#file.append(piece);
    this.#events++;
    if (event.event === "exchange") this.#exchanges++;
  }
}
