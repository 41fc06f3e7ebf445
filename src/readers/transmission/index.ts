// SPDX-License-Identifier: MIT

export type { ErrorDetectionCode } from "./error-detection.ts";
export { type LineTimes, lineTimes } from "./line-times.ts";
export { confirmTransmission, planTransmission, type ReaderSpeeds, type TransmissionPlan } from "./speed.ts";
export type {
  LineFault,
  T0Step,
  T1Step,
  TransmissionDone,
  TransmissionFailure,
  TransmissionFailureCode,
} from "./step.ts";
export { T0Exchange, type T0ExchangeOptions } from "./t0-exchange.ts";
export { T1Exchange } from "./t1-exchange.ts";
export { DEFAULT_IFSD, type T1ExchangeOptions, type T1Options, t1OptionsOf } from "./t1-options.ts";
