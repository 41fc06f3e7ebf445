// SPDX-License-Identifier: MIT

import { decodeAtr } from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { atrForPrograms, describeAtr } from "../reports/index.ts";
import { command, exitCodes } from "./command.ts";
import { withKnownCards } from "./database-option.ts";
import { hexOf, type ParsedLine, UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText } from "./text.ts";

/** `scard atr`: explains an answer to reset. */
export const atr = command({
  name: "atr",
  summary: "explain the ATR of a card, byte by byte",
  usage: ["HEX…"],
  description: [
    'Explains an ATR (ISO/IEC 7816-3, clause 8): each byte, protocols, speed, waiting times, historical bytes, and the name of the card where it is contactless (PC/SC part 3). The bytes may come in several arguments, with blanks, colons or hyphens between them. Breaches of the standard are listed as problems. Names of cards come from the card types that "scard types import" and "scard types introduce" have brought in.',
  ],
  options: {},
  run,
});

async function run({ positionals, values }: ParsedLine<Record<never, never>>, terminal: Terminal): Promise<number> {
  if (positionals.length === 0) throw new UsageError("the ATR is missing");
  const decoded = decodeAtr(hexOf("the ATR", positionals.join(" ")));
  if (!decoded.ok) {
    const { message, offset } = decoded.error;
    throw new SmartCardError("invalid-atr", `${message} (at byte ${offset + 1})`);
  }
  return withKnownCards(terminal, async (cards) => {
    const known = cards.find(decoded.value.bytes);
    if (values.json) {
      terminal.print(jsonText(atrForPrograms(decoded.value, known)));
      return exitCodes.ok;
    }
    for (const [title, text] of describeAtr(decoded.value, known)) {
      const line = `${title.padEnd(12)}${text}`.trimEnd();
      terminal.print(title === "Problem" ? terminal.paint("yellow", line) : line);
    }
    return exitCodes.ok;
  });
}
