// SPDX-License-Identifier: MIT

import { type Database, type NamedReader, sameName } from "../../database/index.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { scopeOption, withDatabase } from "./database-option.ts";
import { managerOption, withManager } from "./manager-option.ts";
import { type OptionTable, type ParsedLine, refuseArguments, UsageError } from "./options.ts";
import { onlyFitting } from "./reader-choice.ts";
import { commandWithActions } from "./subcommand.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

const options = { ...scopeOption, ...managerOption } as const satisfies OptionTable;

/** `scard groups`: the reader groups in the smart card database. */
export const groups: Command = commandWithActions({
  name: "groups",
  summary: "list the groups of readers, and add readers to them",
  description: [
    'Keeps the reader groups of the smart card database. Every reader is in SCard$DefaultReaders until it is taken out. READER is a name, a part of one that no other has, or a number in "scard readers".',
  ],
  actions: [
    action("list", "[OPTION…]", "Lists the groups, and the readers in them.", list),
    action("add", "[OPTION…] GROUP READER…", "Puts readers into a group. The group need not be there.", add),
    action("remove", "[OPTION…] GROUP READER…", "Removes readers. A group disappears with its last reader.", remove),
    action("introduce", "[OPTION…] GROUP", "Announces a group. It is kept once it has a reader.", introduce),
    action("forget", "[OPTION…] GROUP…", "Takes all readers out of groups.", forget),
  ],
});

type Line = ParsedLine<typeof options>;
type Action = (line: Line, terminal: Terminal) => Promise<number>;

function action(name: string, usage: string, description: string, run: Action): Command {
  return command({ name, summary: description, usage: [usage], description: [description], options, run });
}

interface Session {
  readonly database: Database;
  /** The readers that are there now, by the names that the manager has for them. */
  readonly attached: readonly string[];
  readonly json: boolean;
}

/** Opens the database and the manager for an action. */
async function session(
  { positionals, values }: Line,
  terminal: Terminal,
  work: (positionals: readonly string[], session: Session) => void,
): Promise<number> {
  return withManager(values.manager, terminal, async ({ context }) => {
    const attached = await context.listReaders();
    return withDatabase(terminal, values.scope, (database) => {
      work(positionals, { database, attached, json: values.json === true });
      return exitCodes.ok;
    });
  });
}

function list(line: Line, terminal: Terminal): Promise<number> {
  return session(line, terminal, (_, { attached, database, json }) => {
    const readers = database.readers.list(attached);
    const found = database.readers.groups(attached).map((name) => ({ name, readers: readersIn(readers, name) }));
    if (json) {
      terminal.print(jsonText({ groups: found }));
      return;
    }
    if (found.length === 0) terminal.say("no group has a reader");
    for (const group of found) {
      terminal.print(terminal.paint("bold", visible(group.name)));
      for (const { attached: isThere, name } of group.readers) {
        terminal.print(`  ${visible(name)}${isThere ? "" : terminal.paint("dim", "  not attached")}`);
      }
    }
  });
}

/** A reader in a group. */
interface GroupMember {
  readonly name: string;
  readonly device: string;
  readonly attached: boolean;
}

function readersIn(readers: readonly NamedReader[], group: string): GroupMember[] {
  return readers
    .filter((reader) => reader.groups.some((one) => sameName(one, group)))
    .map(({ attached, device, name }) => ({ name, device, attached }));
}

function add(line: Line, terminal: Terminal): Promise<number> {
  return change(line, terminal, "in", ({ database, attached }, group, reader) => {
    database.readers.addToGroup(reader, group, attached);
  });
}

function remove(line: Line, terminal: Terminal): Promise<number> {
  return change(line, terminal, "out of", ({ database, attached }, group, reader) => {
    database.readers.removeFromGroup(reader, group, attached);
  });
}

function change(
  line: Line,
  terminal: Terminal,
  where: "in" | "out of",
  apply: (session: Session, group: string, reader: string) => void,
): Promise<number> {
  return session(line, terminal, ([group, ...choices], opened) => {
    if (group === undefined) throw new UsageError("the name of the group is missing");
    if (choices.length === 0) throw new UsageError("the readers are missing");
    const names = opened.database.readers.list(opened.attached).map(({ name }) => name);
    const readers = choices.map((choice, index) => onlyFitting(names, choice, `argument ${index + 2}`));
    for (const reader of readers) apply(opened, group, reader);
    if (opened.json) terminal.print(jsonText({ group, readers }));
    else for (const reader of readers) terminal.print(`${visible(reader)}: ${where} ${visible(group)}`);
  });
}

function introduce(line: Line, terminal: Terminal): Promise<number> {
  return session(line, terminal, ([group, ...others], { database, json }) => {
    if (group === undefined) throw new UsageError("the name of the group is missing");
    refuseArguments(others);
    database.readers.introduceGroup(group);
    if (json) terminal.print(jsonText({ group }));
    else terminal.say(`${visible(group)} is not stored yet: add a reader to it with "scard groups add"`);
  });
}

function forget(line: Line, terminal: Terminal): Promise<number> {
  return session(line, terminal, (positionals, { attached, database, json }) => {
    if (positionals.length === 0) throw new UsageError("the names of the groups are missing");
    const known = database.readers.groups(attached);
    for (const group of positionals) database.readers.forgetGroup(group);
    if (json) terminal.print(jsonText({ forgotten: positionals }));
    else {
      for (const group of positionals) {
        const was = known.some((one) => sameName(one, group));
        terminal.print(`${visible(group)}: ${was ? "forgotten" : "there was no reader in it"}`);
      }
    }
  });
}
