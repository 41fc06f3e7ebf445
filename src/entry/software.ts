// SPDX-License-Identifier: MIT

/** The software parts, on this machine's clock, randomness and ciphers: importing it loads no socket. */

import { quoteUnlessBytes } from "../base/binary/index.ts";
import { cardKindNames } from "../cards/descriptions/constants.ts";
import type { CardKindName, CardPlan, CardSurroundings } from "../cards/descriptions/index.ts";
import { demoCard, type FileSystemCard } from "../cards/file-system/index.ts";
import type { SoftwareCard } from "../cards/software-card/index.ts";
import { EmbeddedManager, type EmbeddedManagerOptions } from "../managers/embedded/index.ts";
import {
  FileHold,
  fileStamp,
  nodeBlockCipher,
  nodeRuntime,
  readTextFile,
  replaceFile,
} from "../platform/node/runtime/index.ts";
import { listOfWords, type Place, SmartCardError, text, withDefaults } from "../port/index.ts";
import { VirtualReader, type VirtualReaderOptions } from "../readers/virtual/index.ts";
import { nodeCardCrypto } from "./card-crypto.ts";

/** Longest card image that is read: four times what a card that is full takes, written with line breaks. */
const MAX_IMAGE_BYTES = 33_554_432;

/** Makes a manager on this machine's clock. Readers are put into it with `addReader`. */
export function embeddedManager(options: Partial<EmbeddedManagerOptions> = {}): EmbeddedManager {
  return new EmbeddedManager(
    withDefaults(options, { runtime: nodeRuntime() }, { operation: "embeddedManager", path: "options" }),
  );
}

/** Makes a virtual reader on this machine's clock. */
export function virtualReader(options: Partial<VirtualReaderOptions> = {}): VirtualReader {
  return new VirtualReader(
    withDefaults(options, { clock: nodeRuntime().clock }, { operation: "virtualReader", path: "options" }),
  );
}

/** A software card that was opened by a word or from a file. */
export interface OpenedCard {
  readonly card: SoftwareCard;
  /** The word that names its kind: `piv`, `filesystem`. */
  readonly kind: string;
  /** The name that its reader should have, where programs look for one. */
  readonly readerName: string | undefined;
  /** What its reader should be: the name that programs look for, and the protocols. For a virtual reader. */
  readonly readerOptions: Pick<VirtualReaderOptions, "name" | "protocols">;
  /** What is on it, for people: `PIV`. */
  readonly contents: readonly string[];
  /** Whether its changes are written back into its file. */
  readonly saved: boolean;
  /**
   * The description of the card as it is now, for `JSON.stringify`: a card that is made from it behaves as this one does after
   * a reset. It holds all PINs and keys in plain text: store it safely.
   */
  describe(): object;
}

/**
 * Makes a software card with this machine's randomness and ciphers.
 *
 * @param kind `demo`, a kind of card (`piv`, `openpgp`, `gids`, `yubikey`, `ntag215`, …) for a new one, or the path of a card's
 * description in JSON (docs/guide/software-cards.md)
 * @throws invalid-value (the file cannot be read, is not a regular file or has more than 32 MiB, or is no description of a card: each mistake is named by its place)
 * @throws unsupported-feature (the card has a key for a cipher that this machine does not have)
 */
export function softwareCard(kind: "demo"): Promise<FileSystemCard>;
export function softwareCard(kind: string): Promise<SoftwareCard>;
export async function softwareCard(kind: string): Promise<SoftwareCard> {
  if (kind === "demo") return demoCard(nodeRuntime().random);
  return (await openCard(kind, { operation: "softwareCard", path: "kind" })).card;
}

/**
 * Makes a software card, and says what it is.
 *
 * @param kind as {@link softwareCard} has it
 * @throws as {@link softwareCard}
 */
export async function openSoftwareCard(kind: string): Promise<OpenedCard> {
  return openCard(kind, { operation: "openSoftwareCard", path: "kind" });
}

/**
 * Checks what names a card, without making one.
 *
 * @throws as {@link softwareCard}
 */
export async function checkSoftwareCard(kind: string): Promise<void> {
  if (!isCardWord(kind)) await planIn(kind);
}

/**
 * Makes a software card from its description, as JSON has it. Its changes are not kept.
 *
 * @throws invalid-value (it is no description of a card: each mistake is named by its place)
 */
export async function openDescribedCard(description: object): Promise<OpenedCard> {
  return opened(await checkedPlan(description, "the object"), undefined);
}

async function openCard(kind: string, place: Place): Promise<OpenedCard> {
  text("a kind of card, or the path of a card's description,")(kind, place);
  const word = kind === "demo" ? "filesystem" : kind;
  if (!isCardWord(word)) {
    const stamp = fileStamp(kind);
    return opened(await planIn(kind), { path: kind, stamp });
  }
  const { newCard } = await import("../cards/descriptions/index.ts");
  return opened(await checkedPlan(await newCard(word as CardKindName, surroundings()), kind), undefined);
}

/** The file that a card was read from, and what tells whether it is still as it was then. */
interface CardSource {
  readonly path: string;
  stamp: string | undefined;
}

/** @param source keeps the card's changes, where its description says so */
async function opened(plan: CardPlan, source: CardSource | undefined): Promise<OpenedCard> {
  const { SavedCard } = await import("../cards/descriptions/index.ts");
  let keeper: InstanceType<typeof SavedCard> | undefined;
  const { card, describe } = await plan.open(surroundings(), () => keeper?.changed());
  const saved = plan.keep === "file" && source !== undefined;
  if (saved) {
    const save = async (): Promise<void> => {
      await replaceFile(source.path, textOf(describe()));
      source.stamp = fileStamp(source.path);
    };
    keeper = new SavedCard(card, { take: () => takeCard(source), save });
  }
  const contents = plan.contents.map(({ name }) => name);
  const readerOptions = {
    ...(plan.reader !== undefined && { name: plan.reader }),
    ...(plan.readerProtocols !== undefined && { protocols: plan.readerProtocols }),
  };
  return { card: keeper ?? card, kind: plan.kind, readerName: plan.reader, readerOptions, contents, saved, describe };
}

/**
 * Takes the file of a card: two readers that had it would each write over what the other has written.
 *
 * @returns what gives it free
 * @throws sharing-violation (another reader has it, or it was changed since it was read)
 */
function takeCard({ path, stamp }: CardSource): () => void {
  const hold = FileHold.take(path);
  if (fileStamp(path) === stamp) return () => hold.release();
  hold.release();
  const reason = `${path} was changed by another program since it was read: read it again`;
  throw new SmartCardError("sharing-violation", reason);
}

/**
 * Checks the description of a card.
 *
 * @param name what it is, for messages: its path
 * @param what is wrong with it where it has mistakes
 * @throws invalid-value (each mistake is named by its place)
 */
export async function checkedPlan(
  description: unknown,
  name: string,
  what = "is no description of a card",
): Promise<CardPlan> {
  const { parseCard } = await import("../cards/descriptions/index.ts");
  const plan = parseCard(description);
  if (plan.ok) return plan.value;
  const members = typeof description === "object" && description !== null ? Object.keys(description) : [];
  const isForeign = members.every((member) =>
    plan.error.some(({ message, path }) => path === `$.${member}` && message.startsWith("is not known here")),
  );
  if (members.length > 0 && isForeign) {
    const remedy = "none of its members is a card's; scard card new makes a card";
    throw new SmartCardError("invalid-value", `${name} ${what}: ${remedy}`);
  }
  const problems = plan.error.map((problem) => `\n  ${problem.path}: ${problem.message}`).join("");
  throw new SmartCardError("invalid-value", `${name} ${what}:${problems}`);
}

/** Whether a word names a kind of card, and not a file: `demo`, `piv`. */
export function isCardWord(word: string): word is "demo" | CardKindName {
  return word === "demo" || cardKindNames.some((name) => name === word);
}

/** The text of a description, as it stands in a file. */
export function textOf(description: object): string {
  return `${JSON.stringify(description, null, 2)}\n`;
}

export { cardKindNames };

/** What cards need of this machine. */
export function surroundings(): CardSurroundings {
  const { random } = nodeRuntime();
  return { random, createCipher: nodeBlockCipher, crypto: () => nodeCardCrypto(random) };
}

/** The plan of the card in a file: of a description, or of a recording. @throws invalid-value */
async function planIn(path: string): Promise<CardPlan> {
  const text = await readCardText(path);
  const { isRecording, recordingPlan } = await import("./recorded-card.ts");
  return isRecording(text) ? recordingPlan(text, shownPath(path)) : checkedPlan(documentIn(text, path), path);
}

/** Reads what the file of a card says. @throws invalid-value (it cannot be read, or is not JSON) */
export async function readCardFile(path: string): Promise<object> {
  return documentIn(await readCardText(path), path);
}

async function readCardText(path: string): Promise<string> {
  const known = listOfWords(["demo", ...cardKindNames], "or");
  const remedy = `a card is ${known} for a new one, or the path of a description ("scard card new" writes one)`;
  return readTextFile(path, { mostBytes: MAX_IMAGE_BYTES, remedy, code: "invalid-value", shown: shownPath(path) });
}

function documentIn(json: string, path: string): object {
  const document = parseJson(json);
  if (document === undefined) throw new SmartCardError("invalid-value", `${shownPath(path)} is not JSON`);
  return document as object;
}

/** The path as it is, unless it may be bytes for a card in the wrong place. */
function shownPath(path: string): string {
  const quoted = quoteUnlessBytes(path);
  return quoted === `"${path}"` ? path : quoted;
}

/** Undefined where the text is not JSON: the parser's own message quotes it, and a card image holds PINs. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
