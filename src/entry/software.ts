// SPDX-License-Identifier: MIT

/** The software parts, on this machine's clock, randomness and ciphers: importing it loads no socket. */

import { quoteUnlessBytes } from "../base/binary/index.ts";
import { demoCard, FileSystemCard, parseCardImage } from "../cards/file-system/index.ts";
import { EmbeddedManager, type EmbeddedManagerOptions } from "../managers/embedded/index.ts";
import { nodeBlockCipher, nodeRuntime, readTextFile } from "../platform/node/runtime/index.ts";
import { SmartCardError, text, withDefaults } from "../port/index.ts";
import { VirtualReader, type VirtualReaderOptions } from "../readers/virtual/index.ts";

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

/**
 * Makes a software card with this machine's randomness and ciphers.
 *
 * @param kind `demo`, or the path of a card image in JSON (docs/guide/software-cards.md)
 * @throws invalid-value (the file cannot be read, is not a regular file or has more than 32 MiB, or is no card image: each mistake is named by its place)
 * @throws unsupported-feature (the card has a key for a cipher that this machine does not have)
 */
export async function softwareCard(kind: string): Promise<FileSystemCard> {
  text("demo, or the path of a card image,")(kind, { operation: "softwareCard", path: "kind" });
  const { random } = nodeRuntime();
  if (kind === "demo") return demoCard(random);
  const image = parseCardImage(await readJson(kind));
  if (image.ok) return new FileSystemCard(image.value, random, nodeBlockCipher);
  const problems = image.error.map((problem) => `\n  ${problem.path}: ${problem.message}`).join("");
  throw new SmartCardError("invalid-value", `${kind} is no card image:${problems}`);
}

async function readJson(path: string): Promise<unknown> {
  const remedy = 'a kind of card is "demo" or the path of a card image';
  const json = await readTextFile(path, {
    mostBytes: MAX_IMAGE_BYTES,
    remedy,
    code: "invalid-value",
    shown: shownPath(path),
  });
  const document = parseJson(json);
  if (document === undefined) throw new SmartCardError("invalid-value", `${shownPath(path)} is not JSON`);
  return document;
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
