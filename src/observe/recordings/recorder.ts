// SPDX-License-Identifier: MIT

import { checkObject, decodeHex } from "../../base/binary/index.ts";
import type { ClientIdentity } from "../../port/index.ts";
import type { ObservedCall, ObservedCardEvent, ObservedEvent } from "../calls/index.ts";
import { checkHeader } from "./check-recording.ts";
import { type RecordedBytes, shownBytes, wholeBytes } from "./recorded-bytes.ts";
import type { RecordedEvent, RecordingHeader } from "./recorded-event.ts";

/** Outcomes of a command that reached the card, or may have. Others were refused before they did. */
const failuresOfCards: ReadonlySet<string> = new Set(["comm-error", "comm-data-lost", "unresponsive-card"]);
/** Dispositions after which the card has forgotten what was selected and verified. */
const resettingDispositions: ReadonlySet<string> = new Set(["reset", "unpower", "eject"]);

/** Makes the lines of a recording out of what an observer tells of one reader. */
export class Recorder {
  readonly #header: RecordingHeader;
  #isReset = false;

  /**
   * @param header of the recording: `reader` is the reader that is recorded, all readers without it; with `data: "raw"` the bytes
   * are kept as they are, where the observer tells them
   * @throws TypeError, RangeError (anything but a header)
   */
  constructor(header: RecordingHeader) {
    checkHeader(header, "Recorder: header");
    this.#header = header;
  }

  /** The line for an event; undefined for one that no card sees: of another reader, or a call without an exchange. */
  take(event: ObservedEvent): RecordedEvent | undefined {
    checkObject(event, "Recorder.take: event", "pass an event of an observer");
    const { reader } = this.#header;
    if (reader !== undefined && event.reader !== reader) return undefined;
    const atMs = Math.max(0, event.time - this.#header.recorded);
    const taken = event.kind === "card" ? cardEvent(event, atMs) : this.#call(event, atMs);
    // A reset is told by the reader, which knows the ATR, and by the call that asked for it.
    if (taken?.event === "reset" && taken.atr === undefined && this.#isReset) return undefined;
    if (taken !== undefined) this.#isReset = taken.event === "reset";
    return taken;
  }

  #call({ client, disposition, exchange, outcome, tookMs }: ObservedCall, atMs: number): RecordedEvent | undefined {
    if (exchange === undefined) {
      const isReset = outcome === "success" && resettingDispositions.has(disposition ?? "");
      return isReset ? { event: "reset", atMs: atMs + tookMs } : undefined;
    }
    const { command, commandBytes, name, raw, response, responseBytes } = exchange;
    const isRaw = this.#header.data === "raw" && raw !== undefined;
    const common = { event: "exchange", atMs, tookMs, client: nameOf(client), name } as const;
    const sent = isRaw ? wholeBytes(raw.command) : shownBytes(command.bytes, commandBytes);
    if (outcome !== "success" || response === undefined) {
      return failuresOfCards.has(outcome) ? { ...common, command: sent, failed: outcome } : undefined;
    }
    const answer: RecordedBytes =
      isRaw && raw.response !== undefined ? wholeBytes(raw.response) : shownBytes(response.bytes, responseBytes);
    return { ...common, command: sent, response: answer };
  }
}

function cardEvent({ atr, change }: ObservedCardEvent, atMs: number): RecordedEvent | undefined {
  if (change === "removed" || change === "reader-removed") return { event: "removed", atMs };
  if (change === "reader-added") return undefined;
  const decoded = decodeHex(atr);
  const known = decoded.ok && decoded.value.length >= 2 && decoded.value.length <= 33;
  return { event: "reset", atMs, ...(known && { atr: decoded.value }) };
}

function nameOf({ name, pid }: ClientIdentity): string | undefined {
  if (name === "") return pid === undefined ? undefined : `process ${pid}`;
  return pid === undefined ? name : `${name} (${pid})`;
}
