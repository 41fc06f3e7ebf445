// SPDX-License-Identifier: MIT

export { checkHeader, checkRecording } from "./check-recording.ts";
export {
  type ComparedExchange,
  type CompareOptions,
  compareRecordings,
  differenceText,
  type RecordingComparison,
  type RecordingDifference,
} from "./compare-recordings.ts";
export { randomCommands } from "./ignored-commands.ts";
export {
  isRecording,
  MAX_RECORDING_LINES,
  parseRecording,
  type RecordingProblem,
} from "./parse-recording.ts";
export {
  bytesWithZeros,
  MAX_APDU_BYTES,
  type RecordedBytes,
  recordedLength,
  recordedText,
  shownBytes,
  wholeBytes,
} from "./recorded-bytes.ts";
export {
  RecordedCard,
  type RecordedCardOptions,
  type ReplayDifference,
  recordedCard,
  withheldResponses,
} from "./recorded-card.ts";
export type {
  RecordedEvent,
  RecordedExchange,
  RecordedRemoval,
  RecordedReset,
  Recording,
  RecordingHeader,
} from "./recorded-event.ts";
export { Recorder } from "./recorder.ts";
export { formatRecording, RecordingWriter } from "./recording.ts";
export { EventRedactor, redactRecording } from "./redact-recording.ts";
export { type ReplayClientOptions, type ReplayResult, type ReplayTarget, replayToCard } from "./replay-client.ts";
