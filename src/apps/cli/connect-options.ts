// SPDX-License-Identifier: MIT

import { type Protocol, type ShareMode, shareModes } from "../../port/index.ts";

/** The option of commands that take one reader. */
export const readerOption = {
  reader: {
    type: "string",
    value: "R",
    help: `name of the reader, a part of it that no other has, or its number in "scard readers"; without it, the only \
reader, or the only one with a card`,
  },
} as const;

/** The options of commands that connect to a card. */
export const connectOptions = {
  share: {
    type: "string",
    value: "MODE",
    choices: Object.keys(shareModes) as ShareMode[],
    help: "how to share the card; default shared",
  },
  protocol: { type: "string", value: "P", choices: ["t0", "t1", "any"], help: "the protocol; default any" },
} as const;

/** The protocols that `--protocol` stands for, T=1 last. */
export function protocolsOf(choice: "t0" | "t1" | "any" = "any"): readonly Protocol[] {
  return choice === "any" ? ["t0", "t1"] : [choice];
}
