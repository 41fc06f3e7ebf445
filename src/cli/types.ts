// SPDX-License-Identifier: MIT

import { encodeHex } from "../binary/index.ts";
import type { CardType, CardTypes, NamedProviderKind } from "../database/index.ts";
import { SmartCardError } from "../pcsc/index.ts";
import { atrsOf } from "./atr-option.ts";
import { type Command, exitCodes } from "./command.ts";
import { scopeHelp, scopeOption, withDatabase } from "./database-option.ts";
import { hexOf, parseOptions, refuseArguments, UsageError } from "./options.ts";
import { runAction } from "./subcommand.ts";
import type { Paint, Terminal } from "./terminal.ts";
import { count, jsonText, visible } from "./text.ts";
import { importTypes, listPath } from "./types-import.ts";

/** The providers that a card type has by name; each has an option of that name. */
const namedProviders = ["csp", "ksp", "card-module"] as const satisfies readonly NamedProviderKind[];

/** `scard types`: the kinds of card in the smart card database. */
export const types: Command = {
  name: "types",
  summary: "list, introduce, forget and import the kinds of card that are known by name",
  help: ` ACTION [OPTION…]

Keeps the card types of the smart card database: a name, and the ATRs by which such cards are told. «scard watch»,
«scard atr», «scard locate» and «scard select» use the names, and so do programs with SCardListCards and the like.

  scard types list [NAME…]       those of these names, or all
      --atr HEX       only those that a card with this ATR may be of, the most specific first
      --interface GUID  only those that have this interface; may be given several times
      --long          also ATRs, masks, interfaces, providers and descriptions
  scard types introduce NAME     adds one; one of the same name is replaced
      --atr ATR       an ATR; ATR/MASK where only the bits of the mask count; or an expression as «3B 6. 00»;
                      may be given several times
      --interface GUID  may be given several times
      --provider GUID   its primary provider
      --csp, --ksp, --card-module NAME  its other providers
      --description TEXT
  scard types forget NAME…       removes them
  scard types import [FILE]      adds all of a list in the form of smartcard_list.txt; «-» is the standard input,
                                 nothing is ${listPath}
      --problems      name all lines that were left out

Every action:
${scopeHelp}`,
  run: (args, terminal) => runAction(types, { list, introduce, forget, import: importTypes }, args, terminal),
};

async function list(args: readonly string[], terminal: Terminal): Promise<number> {
  const { positionals, values } = parseOptions(args, {
    ...scopeOption,
    atr: { type: "string" },
    interface: { type: "string", multiple: true },
    long: { type: "boolean" },
  });
  const atr = values.atr === undefined ? undefined : hexOf("--atr", values.atr);
  return withDatabase(terminal, values.scope, ({ cardTypes }) => {
    refuseUnknown(cardTypes, positionals);
    const named = new Set(positionals.map((name) => cardTypes.get(name).name));
    const found = cardTypes
      .find({ atr, interfaces: values.interface })
      .filter(({ name }) => named.size === 0 || named.has(name));
    if (values.json) {
      terminal.print(jsonText({ cardTypes: found }));
      return exitCodes.ok;
    }
    if (found.length === 0) {
      const hint = cardTypes.list().length === 0 ? ": «scard types import» brings some thousands" : " of that kind";
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
  const lines: [string, string][] = type.atrs.map(({ atr, mask }, index) => {
    const masked = mask === undefined ? "" : `  mask ${encodeHex(mask, " ")}`;
    return [index === 0 ? "ATR" : "", `${encodeHex(atr, " ")}${masked}`];
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

async function introduce(args: readonly string[], terminal: Terminal): Promise<number> {
  const { positionals, values } = parseOptions(args, {
    ...scopeOption,
    atr: { type: "string", multiple: true },
    interface: { type: "string", multiple: true },
    provider: { type: "string" },
    csp: { type: "string" },
    ksp: { type: "string" },
    "card-module": { type: "string" },
    description: { type: "string" },
  });
  const [name, ...others] = positionals;
  if (name === undefined) throw new UsageError("the name of the card type is missing");
  refuseArguments(others);
  const atrs = (values.atr ?? []).flatMap((text) => atrsOf("--atr", text));
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

async function forget(args: readonly string[], terminal: Terminal): Promise<number> {
  const { positionals, values } = parseOptions(args, { ...scopeOption });
  if (positionals.length === 0) throw new UsageError("the names of the card types are missing");
  return withDatabase(terminal, values.scope, ({ cardTypes }) => {
    // One that is misspelt is found out before anything is gone.
    refuseUnknown(cardTypes, positionals);
    for (const name of positionals) {
      cardTypes.forget(name);
      if (!values.json) terminal.print(`${visible(name)}: forgotten`);
    }
    if (values.json) terminal.print(jsonText({ forgotten: positionals }));
    return exitCodes.ok;
  });
}

/** What was typed is not repeated: it may be bytes for a card that a wrong command was given. */
function refuseUnknown(cardTypes: Pick<CardTypes, "has">, names: readonly string[]): void {
  const unknown = names.flatMap((name, index) => (cardTypes.has(name) ? [] : [index + 1]));
  if (unknown.length === 0) return;
  const which = `argument${unknown.length > 1 ? "s" : ""} ${unknown.join(", ")}`;
  throw new SmartCardError("unknown-card", `no card type has the name of ${which}: see «scard types list»`);
}
