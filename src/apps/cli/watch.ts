// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { clockTime, summarizeAtr } from "../reports/index.ts";
import type { CertificateChange } from "./certificate-export.ts";
import { command, exitCodes } from "./command.ts";
import { type KnownCards, namesInBrief, withKnownCards } from "./database-option.ts";
import { EventPrograms, removalPolicies, removalProgram, wordsOf } from "./event-programs.ts";
import { managerOption, withManager } from "./manager-option.ts";
import { millisecondsOf, type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import { type Happening, type ReaderUpdate, watchUpdates } from "./reader-watch.ts";
import type { Paint, Style, Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";
import { waiting } from "./waiting.ts";
import { certificatesOption, watchCertificates } from "./watch-certificates.ts";

const optionTable = {
  once: { type: "boolean", help: "only the present state" },
  timeout: { type: "string", value: "SEC", reads: millisecondsOf, help: "end after that many seconds" },
  "on-insert": { type: "string", value: "CMD", help: "run a program when a card comes" },
  "on-remove": { type: "string", value: "CMD", help: "run a program when a card goes" },
  "removal-policy": {
    type: "string",
    value: "POLICY",
    choices: removalPolicies,
    help: "when a card goes: lock the screen of this user's session, or end the session",
  },
  ...certificatesOption,
  ...managerOption,
} as const satisfies OptionTable;

/** `scard watch`: what happens to readers and cards, as it happens. */
export const watch = command({
  name: "watch",
  summary: "report readers and cards that come and go",
  usage: ["[OPTION…]"],
  description: [
    'Prints the state of each reader, and then every change, until it is interrupted (Ctrl-C; it ends with 0 then). Cards that "scard types" knows have their names behind them. With --json each line is one JSON object.',
    "With --certificates it does what certificate propagation does on Windows, for any card that scard/modules knows. It needs no PIN. Files and entries that were there before stay as they are.",
    "CMD is a program and its arguments, the words between blanks: there is no shell. SCARD_EVENT (insert or remove), SCARD_READER, SCARD_ATR and SCARD_CARD are in its environment. Programs run one after the other. Cards that are in at the start have not come; a reader that is unplugged takes its card along.",
  ],
  options: optionTable,
  run,
});

async function run({ values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  if (values.once === true && values.certificates !== undefined)
    throw new UsageError(
      "--once and --certificates: certificates are there while the program runs, so leave --once out",
    );
  const programs = programsOf(values, terminal);
  return waiting(terminal, values.timeout, ({ signal }) => {
    return withKnownCards(terminal, (cards) => follow(values, terminal, { cards, programs }, signal));
  });
}

async function follow(
  values: ParsedLine<typeof optionTable>["values"],
  terminal: Terminal,
  { cards, programs }: { readonly cards: KnownCards; readonly programs: EventPrograms | undefined },
  signal: AbortSignal,
): Promise<number> {
  try {
    return await withManager(values.manager, terminal, async ({ client, opened }) => {
      const service = (lost: SmartCardError | undefined): void =>
        terminal.say(
          lost === undefined ? "the service is back" : `the service is lost, waiting for it: ${lost.message}`,
        );
      const changed = (change: CertificateChange): void => {
        const time = new Date(nodeClock.wallTime());
        if (values.json) terminal.print(jsonText(changeForPrograms(change, time), "compact"));
        else terminal.print(describeChange(change, time, terminal.paint));
      };
      const { certificates: place } = values;
      const exported = place === undefined ? undefined : await watchCertificates(place, client, terminal, changed);
      try {
        for await (const update of watchUpdates(opened.manager, { signal, once: values.once === true, service })) {
          const time = new Date(nodeClock.wallTime());
          const names = update.atr.length === 0 ? [] : cards.find(update.atr).map(({ name }) => name);
          if (values.json) terminal.print(jsonText(updateForPrograms(update, time, names), "compact"));
          else for (const line of describeUpdate(update, time, terminal.paint, names)) terminal.print(line);
          exported?.update(update);
          programs?.update(update, names);
        }
      } finally {
        await exported?.close();
        await programs?.close();
      }
      return exitCodes.ok;
    });
  } catch (error) {
    if (signal.aborted && error instanceof SmartCardError && error.code === "cancelled") return exitCodes.ok;
    throw error;
  }
}

/** What runs when cards come and go; undefined for nothing. @throws UsageError */
function programsOf(values: ParsedLine<typeof optionTable>["values"], terminal: Terminal): EventPrograms | undefined {
  const { "on-insert": onInsert, "on-remove": onRemove, "removal-policy": policy } = values;
  if (onInsert === undefined && onRemove === undefined && policy === undefined) return undefined;
  if (values.once === true) throw new UsageError("--once: programs run while it watches, so leave --once out");
  if (onRemove !== undefined && policy !== undefined)
    throw new UsageError("--on-remove and --removal-policy are both for a card that goes: give one of them");
  for (const [option, text] of Object.entries({ "--on-insert": onInsert, "--on-remove": onRemove }))
    if (text !== undefined && wordsOf(text).length === 0) throw new UsageError(`${option} is empty: name a program`);
  const { environment } = terminal;
  const removal = policy === undefined ? undefined : removalProgram(policy, process.platform, environment);
  if (policy !== undefined && removal === undefined)
    throw new UsageError(
      `--removal-policy ${policy}: this system has no program for it, or XDG_SESSION_ID names no session: use --on-remove`,
    );
  return new EventPrograms({
    onInsert: onInsert === undefined ? undefined : wordsOf(onInsert),
    onRemove: onRemove === undefined ? removal : wordsOf(onRemove),
    environment,
    say: (message) => terminal.say(`scard: ${visible(message)}`),
  });
}

/** What was seen, as JSON has it. */
export function updateForPrograms({ atr, ...update }: ReaderUpdate, time: Date, cards: readonly string[] = []): object {
  const card = atr.length === 0 ? {} : { atr, summary: summarizeAtr(atr), ...(cards.length > 0 && { cards }) };
  return { time: time.toISOString(), ...update, ...card };
}

/** What happened to a certificate, as JSON has it. */
function changeForPrograms({ certificate, kind, place, reader }: CertificateChange, time: Date): object {
  const { container, fingerprint, subject, validTo } = certificate;
  return { time: time.toISOString(), reader, happenings: [kind], container, subject, validTo, fingerprint, place };
}

const changeWords: Readonly<Record<CertificateChange["kind"], readonly [Style, string]>> = {
  "certificate-added": ["green", "certificate added"],
  "certificate-removed": ["yellow", "certificate removed"],
  "certificate-there": ["dim", "certificate was there before, left as it is"],
};

/** What happened to a certificate, for people. */
function describeChange({ certificate, kind, place, reader }: CertificateChange, time: Date, paint: Paint): string {
  const { container, subject, validTo } = certificate;
  const what = `${visible(container)}, ${visible(subject)}, until ${visible(validTo)}`;
  const lines = [
    `${paint("dim", clockTime(time.getTime()))}  ${paint("bold", visible(reader))}  ${paint(...changeWords[kind])}: ${what}`,
  ];
  if (place !== undefined && kind === "certificate-added") lines.push(`${indent}${visible(place)}`);
  return lines.join("\n");
}

const words: Readonly<Record<Happening, readonly [Style, string]>> = {
  "reader-present": ["cyan", "reader"],
  "reader-added": ["cyan", "reader added"],
  "reader-removed": ["red", "reader removed"],
  "card-present": ["green", "card present"],
  "card-inserted": ["green", "card inserted"],
  "card-removed": ["yellow", "card removed"],
  "card-mute": ["red", "card does not answer"],
  "card-answers": ["green", "card answers"],
  "in-use": ["bold", "in use"],
  exclusive: ["bold", "in exclusive use"],
  free: ["dim", "free"],
};

const indent = " ".repeat(14);

/** What was seen, for people: a line, and others for the card that has come and what the database calls it. */
export function describeUpdate(
  update: ReaderUpdate,
  time: Date,
  paint: Paint,
  cards: readonly string[] = [],
): string[] {
  const { atr, flags, happenings, reader } = update;
  const list = happenings.map((happening) => paint(...words[happening]));
  if (/^reader-(?:present|added)$/.test(happenings[0] ?? "") && flags.includes("empty"))
    list.push(paint("dim", "empty"));
  const lines = [`${paint("dim", clockTime(time.getTime()))}  ${paint("bold", visible(reader))}  ${list.join(", ")}`];
  const isNews = happenings.some((happening) => /^card-(?:present|inserted|answers)$/.test(happening));
  if (isNews && atr.length > 0) lines.push(`${indent}${encodeHex(atr, " ")}  ${summarizeAtr(atr)}`);
  if (isNews && cards.length > 0) lines.push(`${indent}${paint("green", visible(namesInBrief(cards)))}`);
  return lines;
}
