// SPDX-License-Identifier: MIT

export { type CaptureKind, type CaptureOptions, CaptureWriter, captureKinds, captureOf } from "./capture.ts";
