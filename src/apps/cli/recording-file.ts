// SPDX-License-Identifier: MIT

import { isRecording, MAX_RECORDING_BYTES, recordingIn } from "../../entry/recorded-card.ts";
import { type CaptureKind, captureKinds } from "../../observe/captures/index.ts";
import type { Recording } from "../../observe/recordings/index.ts";
import { readTextFile } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { UsageError } from "./options.ts";

const REMEDY = "scard record makes a recording, and scard convert makes one of a log";

/** Reads the recording in a file. @throws invalid-value, and what the system does not allow */
export async function readRecording(path: string): Promise<Recording> {
  const text = await readTextFile(path, { mostBytes: MAX_RECORDING_BYTES, remedy: REMEDY });
  if (!isRecording(text)) throw new SmartCardError("invalid-value", `${path} is not a recording: ${REMEDY}`);
  return recordingIn(text, path);
}

/** What a file can be written as: a recording, or a capture for Wireshark. */
export type FileForm = "recording" | `pcap:${CaptureKind}`;

const fileForms: readonly FileForm[] = ["recording", ...captureKinds.map((kind): FileForm => `pcap:${kind}`)];

/** What a command writes its file as. */
export const formOption = {
  type: "string",
  value: "FORM",
  choices: fileForms,
  help: "recording (the default), or a capture for Wireshark: as SIM tracers send it, as a USB reader, as a contactless card",
} as const;

/** The option of commands that write a file. */
export const forceOption = { force: { type: "boolean", help: "write over the file that is there" } } as const;

/** The kind of capture that a form is; undefined for a recording. */
export function captureKindOf(form: FileForm): CaptureKind | undefined {
  return captureKinds.find((kind) => form === `pcap:${kind}`);
}

/** The option of commands whose comparisons ignore what differs each time. */
export const ignoringOption = {
  ignoring: {
    type: "string",
    value: "COMMAND",
    multiple: true,
    help: 'compare only the header of this command of ISO/IEC 7816-4, such as "PERFORM SECURITY OPERATION"; may be given several times. Challenges and authentications are so anyway',
  },
} as const;

/** The one file of a command line. @throws UsageError */
export function oneFile(positionals: readonly string[], what: string): string {
  const [path, ...others] = positionals;
  if (path === undefined) throw new UsageError(`${what} is missing`);
  if (others.length > 0) throw new UsageError(`${what} is one file; ${positionals.length} were given`);
  return path;
}
