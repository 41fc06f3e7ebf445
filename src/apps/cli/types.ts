// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import type { CardType, CardTypes, NamedProviderKind } from "../../database/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { atrsOf } from "./atr-option.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { scopeOption, withDatabase } from "./database-option.ts";
import { hexOf, type OptionTable, type ParsedLine, refuseArguments, UsageError } from "./options.ts";
import { commandWithActions } from "./subcommand.ts";
import type { Paint, Terminal } from "./terminal.ts";
import { count, jsonText, visible } from "./text.ts";
import { importTypes } from "./types-import.ts";

/** The providers that a card type has by name; each has an option of that name. */
const namedProviders = ["csp", "ksp", "card-module"] as const satisfies readonly NamedProviderKind[];

const listOptions = {
  atr: { type: "string", value: "HEX", reads: hexOf, help: "only those that fit this ATR, the most specific first" },
  interface: { type: "string", value: "GUID", multiple: true, help: "only those that have this interface" },
  long: { type: "boolean", help: "also ATRs, masks, interfaces, providers and descriptions" },
  ...scopeOption,
} as const satisfies OptionTable;

const introduceOptions = {
  atr: {
    type: "string",
    value: "ATR",
    multiple: true,
    reads: atrsOf,
    help: 'an ATR; ATR/MASK where only the bits of the mask count; or an expression as "3B 6. 00"',
  },
  interface: { type: "string", value: "GUID", multiple: true, help: "an interface that it has" },
  provider: { type: "string", value: "GUID", help: "its primary provider" },
  csp: { type: "string", value: "NAME", help: "its cryptographic service provider" },
  ksp: { type: "string", value: "NAME", help: "its key storage provider" },
  "card-module": { type: "string", value: "NAME", help: "its card module" },
  description: { type: "string", value: "TEXT", help: "further description" },
  ...scopeOption,
} as const satisfies OptionTable;

/** `scard types`: the kinds of card in the smart card database. */
export const types: Command = commandWithActions({
  name: "types",
  summary: "list, introduce, forget and import card types",
  description: [
    'Keeps the card types of the smart card database: a name, and the ATRs that identify such cards. "scard watch", "scard atr", "scard locate" and "scard select" use the names, and so do programs with SCardListCards and the like.',
  ],
  actions: [
    command({
      name: "list",
      summary: "list card types",
      usage: ["[OPTION…] [NAME…]"],
      description: ["Lists the named card types, or all."],
      options: listOptions,
      run: list,
    }),
    command({
      name: "introduce",
      summary: "add a card type",
      usage: ["[OPTION…] NAME"],
      description: ["Adds a card type, or replaces the one of the same name."],
      options: introduceOptions,
      run: introduce,
    }),
    command({
      name: "forget",
      summary: "remove card types",
      usage: ["[OPTION…] NAME…"],
      description: ["Removes card types, or none of them if a name is unknown."],
      options: scopeOption,
      run: forget,
    }),
    importTypes,
  ],
});

async function list({ positionals, values }: ParsedLine<typeof listOptions>, terminal: Terminal): Promise<number> {
  return withDatabase(terminal, values.scope, ({ cardTypes }) => {
    refuseUnknown(cardTypes, positionals);
    const named = new Set(positionals.map((name) => cardTypes.get(name).name));
    const found = cardTypes
      .find({ atr: values.atr, interfaces: values.interface })
      .filter(({ name }) => named.size === 0 || named.has(name));
    if (values.json) {
      terminal.print(jsonText({ cardTypes: found }));
      return exitCodes.ok;
    }
    if (found.length === 0) {
      const hint = cardTypes.list().length === 0 ? ': "scard types import" brings some thousands' : " of that kind";
      terminal.say(`there is no card type${hint}`);
    }
    for (const type of found) {
      for (const line of values.long ? describeType(type, terminal.paint) : [visible(type.name)]) terminal.print(line);
    }
    return exitCodes.ok;
  });
}

/** A card type with all that is known of it. */
function describeType(type: CardType, paint: Paint): string[] {
  const lines: [string, string][] = type.atrs.flatMap(({ atr, description = "", mask }, index): [string, string][] => {
    const masked = mask === undefined ? "" : `  mask ${encodeHex(mask, " ")}`;
    const about = description.split("\n").filter((text) => text !== "");
    return [
      [index === 0 ? "ATR" : "", `${encodeHex(atr, " ")}${masked}`],
      ...about.map((text): [string, string] => ["", `  ${visible(text)}`]),
    ];
  });
  for (const guid of type.interfaces) lines.push(["interface", guid]);
  if (type.primaryProvider !== undefined) lines.push(["provider", type.primaryProvider]);
  for (const kind of namedProviders) {
    const provider = type.providers[kind];
    if (provider !== undefined) lines.push([kind, visible(provider)]);
  }
  for (const [index, text] of type.description.split("\n").entries()) {
    if (text !== "") lines.push([index === 0 ? "about" : "", visible(text)]);
  }
  return [paint("bold", visible(type.name)), ...lines.map(([title, text]) => `   ${title.padEnd(12)}${text}`)];
}

async function introduce(
  { positionals, values }: ParsedLine<typeof introduceOptions>,
  terminal: Terminal,
): Promise<number> {
  const [name, ...others] = positionals;
  if (name === undefined) throw new UsageError("the name of the card type is missing");
  refuseArguments(others);
  const atrs = values.atr?.flat() ?? [];
  const providers: Partial<Record<NamedProviderKind, string>> = {};
  for (const kind of namedProviders) {
    const provider = values[kind];
    if (provider !== undefined) providers[kind] = provider;
  }
  const { description, interface: interfaces, provider: primaryProvider } = values;
  return withDatabase(terminal, values.scope, ({ cardTypes }) => {
    cardTypes.introduce({ name, atrs, interfaces, primaryProvider, providers, description });
    const introduced = cardTypes.get(name);
    if (values.json) terminal.print(jsonText({ introduced }));
    else terminal.print(`${visible(introduced.name)}: introduced with ${count(atrs.length, "ATR")}`);
    return exitCodes.ok;
  });
}

async function forget({ positionals, values }: ParsedLine<typeof scopeOption>, terminal: Terminal): Promise<number> {
  if (positionals.length === 0) throw new UsageError("the names of the card types are missing");
  return withDatabase(terminal, values.scope, ({ cardTypes }) => {
    // All names are checked before anything is removed.
    refuseUnknown(cardTypes, positionals);
    for (const name of positionals) {
      cardTypes.forget(name);
      if (!values.json) terminal.print(`${visible(name)}: forgotten`);
    }
    if (values.json) terminal.print(jsonText({ forgotten: positionals }));
    return exitCodes.ok;
  });
}

/** The argument is not repeated: it may be bytes for a card, given to the wrong command. */
function refuseUnknown(cardTypes: Pick<CardTypes, "has">, names: readonly string[]): void {
  const unknown = names.flatMap((name, index) => (cardTypes.has(name) ? [] : [index + 1]));
  if (unknown.length === 0) return;
  const which = `argument${unknown.length > 1 ? "s" : ""} ${unknown.join(", ")}`;
  throw new SmartCardError("unknown-card", `no card type has the name of ${which}: see "scard types list"`);
}
