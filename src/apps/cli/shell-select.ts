// SPDX-License-Identifier: MIT

import { concatBytes, decodeHex, hexWord } from "../../base/binary/index.ts";
import { type DecodedFileControl, decodeFileControl, encodeFileIds, statusWords } from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { answerForPrograms } from "./answer.ts";
import { type Outcome, outcomeForPrograms } from "./card-outcome.ts";
import { UsageError } from "./options.ts";
import type { ShellCard } from "./shell-card.ts";
import { applicationByName, applicationNames, byName, fileNames } from "./shell-names.ts";

/** What SELECT can name. */
export type SelectTarget =
  | { readonly kind: "application"; readonly aid: Uint8Array }
  /** File identifiers, each below the one before. */
  | { readonly kind: "path"; readonly ids: readonly number[] };

const LEAST_AID_BYTES = 5;
const MOST_AID_BYTES = 16;
/** A path of ISO/IEC 7816-4 has no such depth on any card. */
const MOST_PATH_FILES = 16;

/**
 * Reads what is to be selected: the name of an application or of a file, an application identifier, a file identifier,
 * a path with slashes.
 *
 * @throws UsageError, which does not repeat it
 */
export function selectTarget(word: string): SelectTarget {
  const aid = applicationByName(word);
  if (aid !== undefined) return { kind: "application", aid };
  const file = byName(fileNames, word);
  if (file !== undefined) return { kind: "path", ids: [file] };
  if (word.includes("/")) return { kind: "path", ids: pathOf(word) };
  const bytes = decodeHex(word);
  if (bytes.ok && bytes.value.length === 2) return { kind: "path", ids: pathOf(word) };
  if (bytes.ok && bytes.value.length >= LEAST_AID_BYTES && bytes.value.length <= MOST_AID_BYTES)
    return { kind: "application", aid: bytes.value };
  const names = [...Object.keys(applicationNames), ...Object.keys(fileNames)].join(", ");
  throw new UsageError(
    `what is selected is a name (${names}), an application identifier of ${LEAST_AID_BYTES} to ${MOST_AID_BYTES} bytes, \
a file identifier of 2 bytes, or a path as 3F00/5000`,
  );
}

function pathOf(word: string): number[] {
  const parts = word.split("/").filter((part) => part !== "");
  if (parts.length === 0 || parts.length > MOST_PATH_FILES)
    throw new UsageError(`a path has 1 to ${MOST_PATH_FILES} file identifiers`);
  return parts.map(fileId);
}

/** A file identifier in four digits. @throws UsageError */
export function fileId(word: string): number {
  if (/^[0-9a-f]{4}$/i.test(word)) return Number.parseInt(word, 16);
  throw new UsageError("a file identifier has 4 hexadecimal digits");
}

/** What was selected, with each answer of the card. */
export interface Selected {
  readonly outcomes: readonly Outcome[];
  /** What the card says of it. */
  readonly control: DecodedFileControl;
}

/**
 * Selects an application, or one file after the other.
 *
 * @throws file-not-found and the like: what {@link refusal} makes of a status word that is no success
 */
export async function select(card: ShellCard, target: SelectTarget, signal: AbortSignal): Promise<Selected> {
  const outcomes: Outcome[] = [];
  if (target.kind === "application")
    outcomes.push(checked(await card.send(selectByName(target.aid), signal), "select the application"));
  else {
    for (const id of target.ids) outcomes.push(await selectFile(card, id, signal));
  }
  const last = outcomes.at(-1);
  return { outcomes, control: decodeFileControl(last?.response.data ?? new Uint8Array()) };
}

/** SELECT by name, first or only occurrence, with file control information. ISO/IEC 7816-4:2005, 7.1.1. */
function selectByName(aid: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0x00, 0xa4, 0x04, 0x00, aid.length), aid, Uint8Array.of(0x00));
}

async function selectFile(card: ShellCard, id: number, signal: AbortSignal): Promise<Outcome> {
  const bytes = encodeFileIds([id]);
  const header = (p2: number): Uint8Array => Uint8Array.of(0x00, 0xa4, 0x00, p2, bytes.length);
  const outcome = await card.send(concatBytes(header(0x00), bytes, Uint8Array.of(0x00)), signal);
  // Some cards select files, and tell nothing of them.
  const silent = outcome.response.sw === statusWords.wrongP1P2 || outcome.response.sw === statusWords.wrongLength;
  const last = silent ? await card.send(concatBytes(header(0x0c), bytes), signal) : outcome;
  return checked(last, `select the file ${hexWord(id)}`);
}

/** An answer that is a success, or a warning. @throws what {@link refusal} makes of any other */
export function checked(outcome: Outcome, what: string): Outcome {
  const { kind } = answerForPrograms(outcome.response, outcome.withheldBytes, outcome.ins);
  if (kind === "success" || kind === "warning") return outcome;
  throw refusal(outcome, what);
}

/** The error for a command that the card has refused. */
export function refusal({ ins, response, withheldBytes }: Outcome, what: string): SmartCardError {
  const { meaning } = answerForPrograms(response, withheldBytes, ins);
  const code =
    response.sw === statusWords.fileNotFound
      ? "file-not-found"
      : response.sw === statusWords.securityNotSatisfied
        ? "security-violation"
        : "unexpected";
  return new SmartCardError(code, `the card refuses to ${what}: ${hexWord(response.sw)} ${meaning}`);
}

/** What a card says of a file, on one line; undefined where it says nothing. */
export function describeControl(control: DecodedFileControl): string | undefined {
  const { dataBytes, descriptor, dfName, fileId: id, label, lifeCycle, totalBytes } = control;
  const structure = descriptor?.structure;
  const size = dataBytes ?? totalBytes;
  const parts = [
    id === undefined ? undefined : `file ${hexWord(id)}`,
    structure === "df" ? "directory" : structure,
    size === undefined || structure === "df" ? undefined : `${size} bytes`,
    descriptor?.records === undefined ? undefined : `${descriptor.records} records`,
    descriptor?.recordBytes === undefined ? undefined : `of ${descriptor.recordBytes} bytes`,
    dfName === undefined ? undefined : "an application",
    label,
    lifeCycle === undefined || lifeCycle === "activated" ? undefined : lifeCycle,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(", ");
}

/** The same as JSON has it. */
export function selectedForPrograms({ control, outcomes }: Selected): object {
  const { dataBytes, descriptor, dfName, fileId: id, label, lifeCycle, shortId, totalBytes } = control;
  const file = { fileId: id === undefined ? undefined : hexWord(id), dfName, label, lifeCycle, shortId };
  return {
    commands: outcomes.map(outcomeForPrograms),
    file: { ...file, structure: descriptor?.structure, dataBytes, totalBytes },
  };
}
