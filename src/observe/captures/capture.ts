// SPDX-License-Identifier: MIT

import { checkMembers, checkTruth, checkWord, concatBytes } from "../../base/binary/index.ts";
import {
  bytesWithZeros,
  checkHeader,
  checkRecording,
  EventRedactor,
  type RecordedBytes,
  type RecordedEvent,
  type Recording,
  type RecordingHeader,
} from "../recordings/index.ts";
import type { Frame, FrameMaker } from "./frame.ts";
import { gsmtapFrames } from "./gsmtap.ts";
import { iso14443Frames } from "./iso14443.ts";
import { captureHead, capturePacket } from "./pcapng.ts";
import { usbFrames } from "./usb-ccid.ts";

/**
 * How a capture shows exchanges: `gsmtap` as SIM tracers send them, `usb` as messages of a USB reader, `iso14443` as blocks of a
 * contactless card.
 */
export type CaptureKind = "gsmtap" | "usb" | "iso14443";

/** The kinds of captures. */
export const captureKinds: readonly CaptureKind[] = ["gsmtap", "usb", "iso14443"];

const makers: Readonly<Record<CaptureKind, () => FrameMaker>> = {
  gsmtap: () => gsmtapFrames,
  usb: usbFrames,
  iso14443: iso14443Frames,
};

/** How a capture is written. */
export interface CaptureOptions {
  /** Keeps the bytes that may be secret, where the recording has them. @default false */
  readonly raw?: boolean;
}

/**
 * Writes a capture for Wireshark (pcapng), event by event. Bytes that are withheld are zeros, of the same length, and the packet has a
 * comment that says so; another comment at the beginning of the file says whether all bytes are there.
 */
export class CaptureWriter {
  readonly #frames: FrameMaker;
  readonly #header: RecordingHeader;
  readonly #redactor: EventRedactor | undefined;
  #isPowered = false;

  /** @throws TypeError (a kind or an option that there is not) */
  constructor(kind: CaptureKind, header: RecordingHeader, options: CaptureOptions = {}) {
    checkWord(kind, captureKinds, "CaptureWriter: kind");
    checkHeader(header, "CaptureWriter: header");
    checkMembers(options, ["raw"], "CaptureWriter: options");
    const { raw = false } = options;
    checkTruth(raw, "CaptureWriter: options.raw");
    this.#frames = makers[kind]();
    this.#header = header;
    // What is redacted already has bytes for no redactor.
    this.#redactor = raw || header.data === "redacted" ? undefined : new EventRedactor(true);
  }

  /** The beginning of the file. */
  begin(): Uint8Array {
    const isRaw = this.#header.data === "raw" && this.#redactor === undefined;
    const comment = isRaw ? "raw: PINs and keys may be in this file" : "redacted: withheld bytes are zeros";
    const { linkType, name } = this.#frames;
    const head = captureHead(linkType, this.#header.reader ?? name, comment);
    return concatBytes(head, ...this.#packets(this.#frames.begin(), 0, 0));
  }

  /**
   * The packets of an event. An exchange that failed has none. A card that was powered before the recording began has its reset in
   * front of the first event, so that the capture can be read.
   */
  event(event: RecordedEvent): Uint8Array {
    const isPowered = this.#isPowered || event.event === "reset";
    this.#isPowered = true;
    const packets = this.#packetsOf(this.#redactor?.redact(event) ?? event);
    return isPowered ? packets : concatBytes(this.#packetsOf({ event: "reset", atMs: 0 }), packets);
  }

  #packetsOf(shown: RecordedEvent): Uint8Array {
    if (shown.event === "removed") return new Uint8Array(0);
    if (shown.event === "reset") {
      return concatBytes(...this.#packets(this.#frames.reset(shown.atr ?? this.#header.atr), shown.atMs, 0));
    }
    const { atMs, command, response, tookMs = 0 } = shown;
    if (response === undefined) return new Uint8Array(0);
    const frames = this.#frames.exchange(bytesWithZeros(command), bytesWithZeros(response));
    return concatBytes(...this.#packets(frames, atMs, tookMs, withheldComment(command, response)));
  }

  #packets(frames: readonly Frame[], atMs: number, tookMs: number, comment?: string): Uint8Array[] {
    const { recorded } = this.#header;
    return frames.map(({ bytes, isAnswer }) =>
      capturePacket(recorded + atMs + (isAnswer ? tookMs : 0), bytes, comment),
    );
  }
}

/** A whole recording as a capture. @throws TypeError (anything but a recording, a kind or an option that there is not) */
export function captureOf(recording: Recording, kind: CaptureKind, options: CaptureOptions = {}): Uint8Array {
  checkRecording(recording, "captureOf: recording");
  const writer = new CaptureWriter(kind, recording.header, options);
  return concatBytes(writer.begin(), ...recording.events.map((event) => writer.event(event)));
}

function withheldComment(command: RecordedBytes, response: RecordedBytes): string | undefined {
  const parts = [
    ...(command.withheld > 0 ? [`${command.withheld} of the command`] : []),
    ...(response.withheld > 0 ? [`${response.withheld} of the response`] : []),
  ];
  return parts.length === 0 ? undefined : `bytes withheld, written as zeros: ${parts.join(", ")}`;
}
