// SPDX-License-Identifier: MIT

import type { Database } from "../../database/index.ts";
import {
  type OPENCARD_SEARCH_CRITERIA,
  type OPENCARDNAME_EX,
  SC_DLG_FORCE_UI,
  SC_DLG_MINIMAL_UI,
  SC_DLG_NO_UI,
  SCARD_ALL_READERS,
  SCARD_LEAVE_CARD,
  SCARD_SCOPE_USER,
  SCARD_SHARE_DIRECT,
  SCARD_SHARE_EXCLUSIVE,
  SCARD_SHARE_SHARED,
  type SelectedCard,
  WinSCard,
} from "../../faces/winscard/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { fromNumber, protocolMask, protocols, SmartCardError } from "../../port/index.ts";
import { atrsOf } from "./atr-option.ts";
import { TerminalCardPicker } from "./card-picker.ts";
import { command, exitCodes } from "./command.ts";
import { connectOptions, protocolsOf } from "./connect-options.ts";
import { isMissingSqlite, withDatabase } from "./database-option.ts";
import { typesMeant } from "./locate.ts";
import { managerOption, withManager } from "./manager-option.ts";
import { type commonOptions, type OptionTable, type OptionValues, type ParsedLine, UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";
import { waiting } from "./waiting.ts";

const optionTable = {
  card: {
    type: "string",
    value: "NAME",
    multiple: true,
    help: 'a card of this type: a name in "scard types list", or part of one or more names',
  },
  atr: {
    type: "string",
    value: "ATR",
    multiple: true,
    reads: atrsOf,
    help: 'a card with this ATR; ATR/MASK, or an expression as "3B 6. 00"',
  },
  interface: { type: "string", value: "GUID", multiple: true, help: "a card whose type has this interface" },
  group: {
    type: "string",
    value: "NAME",
    multiple: true,
    help: "in a reader of this group; default: any reader",
  },
  minimal: { type: "boolean", help: "open the list only if needed (the default)" },
  force: { type: "boolean", help: "open the list in any case" },
  "no-ui": { type: "boolean", help: "never open the list: select the first card that matches" },
  title: { type: "string", value: "TEXT", help: "the title of the list" },
  prompt: { type: "string", value: "TEXT", help: "what the list asks for" },
  ...connectOptions,
  ...managerOption,
} as const satisfies OptionTable;

/** `scard select`: the dialog that lets a person choose a card. */
export const select = command({
  name: "select",
  summary: "choose a card: the only match, or with a dialog (SCardUIDlgSelectCard)",
  usage: ["[OPTION…]"],
  description: [
    'Searches for a card, and prints its reader and its type. Where exactly one card fits it is taken; otherwise a list opens that follows readers and cards: the arrow keys move, Enter chooses, Esc cancels (1), Ctrl-C interrupts (130). The list is drawn on the standard error, so "reader=$(scard select --json)" works.',
  ],
  options: optionTable,
  run,
});

type Values = OptionValues<typeof optionTable & typeof commonOptions>;

async function run({ values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  const look = lookOf(values);
  const picker = new TerminalCardPicker(terminal.screen, terminal.paint);
  return withOptionalDatabase(values, terminal, (database) => {
    const searchCriteria = criteriaOf(values, database);
    return withManager(values.manager, terminal, ({ client }) => {
      return waiting(terminal, undefined, async ({ signal }) => {
        const api = new WinSCard({
          defaultManager: () => client,
          database: database && (() => database),
          clock: nodeClock,
          picker,
        });
        const { context } = await api.SCardEstablishContext(SCARD_SCOPE_USER);
        try {
          const chosen = await api.SCardUIDlgSelectCard({ context, searchCriteria, ...look }, { signal });
          terminal.print(describeChoice(chosen, values.json === true));
          if (chosen.cardHandle !== null) await api.SCardDisconnect(chosen.cardHandle, SCARD_LEAVE_CARD);
          return exitCodes.ok;
        } catch (error) {
          if (picker.interrupted && error instanceof SmartCardError && error.code === "cancelled-by-user") {
            return exitCodes.interrupted;
          }
          throw error;
        } finally {
          await api.SCardReleaseContext(context);
        }
      });
    });
  });
}

/** Cards can be chosen without the database, as long as nothing is asked for that only it knows. */
async function withOptionalDatabase(
  values: Values,
  terminal: Terminal,
  work: (database: Database | undefined) => Promise<number>,
): Promise<number> {
  const needsIt = [values.card, values.interface, values.group].some((given) => given !== undefined);
  let opened = false;
  try {
    return await withDatabase(terminal, undefined, (database) => {
      opened = true;
      return work(database);
    });
  } catch (error) {
    const isMissing = error instanceof SmartCardError && error.code === "unsupported-feature" && !opened;
    if (needsIt || !isMissing) throw error;
    if (!isMissingSqlite(error)) terminal.say(`scard: cards are not named: ${error.message}`);
  }
  return await work(undefined);
}

const shareModes = {
  exclusive: SCARD_SHARE_EXCLUSIVE,
  shared: SCARD_SHARE_SHARED,
  direct: SCARD_SHARE_DIRECT,
} as const;

function lookOf(values: Values): Omit<OPENCARDNAME_EX, "context"> {
  const modes = [
    values.minimal && SC_DLG_MINIMAL_UI,
    values.force && SC_DLG_FORCE_UI,
    values["no-ui"] && SC_DLG_NO_UI,
  ].filter((mode) => typeof mode === "number");
  const [flags = SC_DLG_MINIMAL_UI, ...others] = modes;
  if (others.length > 0) throw new UsageError("only one of --minimal, --force and --no-ui can be meant");
  const texts = { title: values.title ?? null, searchDesc: values.prompt ?? null };
  if (values.share === undefined) {
    if (values.protocol !== undefined) throw new UsageError("--protocol is for a connection: --share says which");
    return { flags, ...texts };
  }
  return {
    flags,
    ...texts,
    shareMode: shareModes[values.share],
    preferredProtocols: protocolMask(protocolsOf(values.protocol)),
  };
}

function criteriaOf(values: Values, database: Database | undefined): OPENCARD_SEARCH_CRITERIA {
  const { card: cards, group: groups, interface: interfaces } = values;
  return {
    groupNames: groups ?? SCARD_ALL_READERS,
    cardNames:
      database === undefined ? [] : (cards ?? []).flatMap((name) => typesMeant(database.cardTypes, name, "--card")),
    interfaces: interfaces ?? [],
    atrMasks: values.atr?.flat() ?? [],
  };
}

/** What was chosen, for people or for programs. */
function describeChoice({ activeProtocol, card, cardHandle, reader }: SelectedCard, json: boolean): string {
  const isConnected = cardHandle !== null;
  const protocol = isConnected ? fromNumber(protocols, activeProtocol) : undefined;
  if (json) return jsonText({ reader, card: card === "" ? undefined : card, connected: isConnected, protocol });
  const connected = isConnected ? `connected${protocol === undefined ? "" : ` with ${protocol}`}` : "";
  return [visible(reader), visible(card), connected].filter((part) => part !== "").join("  ");
}
