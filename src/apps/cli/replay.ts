// SPDX-License-Identifier: MIT

import { plugIntoVpcd } from "../../entry/vpcd-card.ts";
import {
  differenceText,
  RecordedCard,
  type Recording,
  type ReplayResult,
  replayToCard,
  withheldResponses,
} from "../../observe/recordings/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { DEFAULT_VPCD_PORT } from "../../readers/vpcd/index.ts";
import { placeOf } from "./card-run.ts";
import { command, exitCodes } from "./command.ts";
import { connectOptions, protocolsOf, readerOption } from "./connect-options.ts";
import { checkedNames } from "./diff.ts";
import { managerOption, withManager } from "./manager-option.ts";
import { type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import { chooseReader } from "./reader-choice.ts";
import { ignoringOption, oneFile, readRecording } from "./recording-file.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText } from "./text.ts";
import { waiting } from "./waiting.ts";

const optionTable = {
  vpcd: {
    type: "string",
    value: "HOST:PORT",
    reads: placeOf,
    help: `as a card: where the reader of vpcd listens; default 127.0.0.1:${DEFAULT_VPCD_PORT}`,
  },
  "reads-in-any-order": {
    type: "boolean",
    help: "as a card: READ BINARY, READ RECORD and GET DATA between two other commands may come in another order, again, or not at all",
  },
  ...readerOption,
  "skip-withheld": { type: "boolean", help: "with --reader: leave out the commands that the recording has withheld" },
  ...ignoringOption,
  ...connectOptions,
  ...managerOption,
} as const satisfies OptionTable;

type Values = ParsedLine<typeof optionTable>["values"];

/** `scard replay`: a recording as a card, or against a card. */
export const replay = command({
  name: "replay",
  summary: "play a recording as a card, or run it against another card",
  usage: ["[OPTION…] FILE", "--reader R [OPTION…] FILE"],
  description: [
    "Plays a recording as a card to a reader of vpcd: pcscd with the package vsmartcard-vpcd, or scard daemon --reader vpcd. The first command that is not the recorded one is shown beside it, and ends it with 1. Ctrl-C pulls the card.",
    "With --reader it sends the recorded commands to the card in that reader, and stops at the first answer that is another one, which it shows: 1 then, 0 where all were as recorded.",
    "Of a withheld response only the status word can be played; of a withheld command only the header and the length are compared.",
  ],
  options: optionTable,
  argumentWords: "file",
  run,
});

async function run({ positionals, values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  const path = oneFile(positionals, "the recording");
  const ignoring = checkedNames(values.ignoring);
  const recording = await readRecording(path);
  if (values.reader === undefined) return asCard(recording, values, ignoring, terminal);
  if (values.vpcd !== undefined)
    throw new UsageError("--vpcd plays a card, and --reader uses one: leave one of them out");
  return againstCard(recording, values, ignoring, terminal);
}

async function asCard(
  recording: Recording,
  values: Values,
  ignoring: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const withheld = withheldResponses(recording);
  if (withheld > 0) terminal.say(`${withheld} responses are withheld: the card answers their status words alone`);
  const place = values.vpcd ?? { host: "127.0.0.1", port: DEFAULT_VPCD_PORT };
  return waiting(terminal, undefined, async ({ signal }) => {
    const lost = new AbortController();
    const card = new RecordedCard(recording, {
      ignoring,
      readsInAnyOrder: values["reads-in-any-order"] === true,
      onDifference: () => lost.abort(),
    });
    await plugIntoVpcd(card, {
      ...place,
      signal: AbortSignal.any([signal, lost.signal]),
      changed: (state) => {
        if (values.json === true) terminal.print(jsonText({ ...place, state }, "compact"));
        else
          terminal.say(
            `${state === "inserted" ? "the card is in" : "waiting for"} the reader at ${place.host}:${place.port}`,
          );
      },
    });
    const { difference, remaining } = card;
    if (values.json === true) terminal.print(jsonText({ difference: difference ?? null, remaining }, "compact"));
    else if (difference !== undefined) terminal.print(difference.text);
    else if (remaining > 0) terminal.say(`${remaining} recorded commands did not come`);
    return difference === undefined ? exitCodes.ok : exitCodes.failed;
  });
}

async function againstCard(
  recording: Recording,
  values: Values,
  ignoring: readonly string[],
  terminal: Terminal,
): Promise<number> {
  return withManager(values.manager, terminal, async ({ context }) => {
    const reader = await chooseReader(context, values.reader);
    const preferredProtocols = protocolsOf(values.protocol);
    const shareMode = values.share ?? "exclusive";
    const connection = await context.connect(reader, { shareMode, preferredProtocols });
    try {
      const result = await waiting(terminal, undefined, ({ signal }) =>
        replayToCard(
          recording,
          {
            transmit: (command) => connection.transmit(command),
            reset: async () => {
              await connection.reconnect({ shareMode, preferredProtocols, initialization: "reset" });
            },
          },
          { ignoring, skipWithheld: values["skip-withheld"] === true, signal },
        ),
      );
      return report(result, reader, values.json === true, terminal);
    } finally {
      await connection.disconnect("reset").catch(ignoreFailure);
    }
  });
}

function report(
  { difference, sent, skipped }: ReplayResult,
  reader: string,
  json: boolean,
  terminal: Terminal,
): number {
  if (json) terminal.print(jsonText({ reader, sent, skipped, difference: difference ?? null }));
  else {
    if (difference !== undefined) terminal.print(differenceText(difference));
    const left = skipped > 0 ? `, ${skipped} withheld ones were left out` : "";
    terminal.say(`${sent} commands were sent${left}${difference === undefined ? ": all answers are as recorded" : ""}`);
  }
  return difference === undefined ? exitCodes.ok : exitCodes.failed;
}

/** The card may be gone by now. */
function ignoreFailure(error: unknown): void {
  if (!(error instanceof SmartCardError)) throw error;
}
