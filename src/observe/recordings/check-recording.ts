// SPDX-License-Identifier: MIT

import { checkList, checkObject, checkWhole, checkWord } from "../../base/binary/index.ts";
import type { Recording, RecordingHeader } from "./recorded-event.ts";

/** Refuses anything but a recording. What is inside, `parseRecording` has checked. @throws TypeError */
export function checkRecording(value: unknown, name: string): asserts value is Recording {
  const remedy = "pass what parseRecording() gives";
  checkObject(value, name, remedy);
  const { events, header } = value as Partial<Recording>;
  checkList(events, "events", `${name}.events`);
  checkHeader(header, `${name}.header`);
}

/** The last time that JavaScript has. */
const MAX_TIME = 8_640_000_000_000_000;

/** Refuses anything but a header of a recording. @throws TypeError, RangeError */
export function checkHeader(value: unknown, name: string): asserts value is RecordingHeader {
  checkObject(value, name, "pass the header of a recording");
  const { data, recorded } = value as Partial<RecordingHeader>;
  checkWhole(recorded, 0, MAX_TIME, `${name}.recorded`);
  checkWord(data, ["redacted", "raw"], `${name}.data`);
}
