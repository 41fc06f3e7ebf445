// SPDX-License-Identifier: MIT

import { cardKindNames, openSoftwareCard } from "../../entry/software.ts";
import { plugIntoVpcd } from "../../entry/vpcd-card.ts";
import { DEFAULT_VPCD_PORT } from "../../readers/vpcd/index.ts";
import { command, exitCodes } from "./command.ts";
import { type OptionTable, refuseArguments, UsageError } from "./options.ts";
import { jsonText } from "./text.ts";
import { waiting } from "./waiting.ts";

const MAX_PORT = 65_535;
const options = {
  vpcd: {
    type: "string",
    value: "HOST:PORT",
    reads: placeOf,
    help: `where the reader listens; default 127.0.0.1:${DEFAULT_VPCD_PORT}`,
  },
} as const satisfies OptionTable;

/** `scard card run`: plays a card to a reader of vpcd. */
export const cardRun = command({
  name: "run",
  summary: "play a card to a vpcd reader of pcscd or of scard daemon",
  usage: ["[OPTION…] CARD"],
  description: [
    "Plays CARD, a kind of card or a file, to a reader of vpcd: pcscd with the package vsmartcard-vpcd, or scard daemon --reader vpcd. It waits for the reader where there is none yet, and comes back when it was gone. Ctrl-C pulls the card.",
  ],
  options,
  argumentWords: ["demo", ...cardKindNames],
  argumentFiles: true,
  async run({ positionals, values }, terminal) {
    const [name, ...others] = positionals;
    if (name === undefined) throw new UsageError("the card is missing");
    refuseArguments(others);
    const place = values.vpcd ?? { host: "127.0.0.1", port: DEFAULT_VPCD_PORT };
    const { card, kind } = await openSoftwareCard(name);
    await waiting(terminal, undefined, async ({ signal }) => {
      await plugIntoVpcd(card, {
        ...place,
        signal,
        changed: (state) => {
          if (values.json === true) terminal.print(jsonText({ card: kind, ...place, state }));
          else terminal.say(`${kind}: ${sentences[state]} ${place.host}:${place.port}`);
        },
      });
    });
    return exitCodes.ok;
  },
});

const sentences = {
  waiting: "waits for a reader at",
  inserted: "is in the reader at",
  removed: "the reader is gone from",
} as const;

export function placeOf(option: string, text: string): { readonly host: string; readonly port: number } {
  const [, host, digits] = /^(?:(.+):)?([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port < 1 || port > MAX_PORT) throw new UsageError(`${option} is HOST:PORT, or PORT`);
  return { host: host?.replace(/^\[(.*)\]$/, "$1") ?? "127.0.0.1", port };
}
