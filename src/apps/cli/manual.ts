// SPDX-License-Identifier: MIT

import type { Command } from "./command.ts";
import { EXIT_CODES_TEXT, formsOf, rowsOf } from "./help.ts";
import { commonOptions, type OptionTable } from "./options.ts";

/** Environment variables that the program reads, and what they do. */
const environment: readonly (readonly [string, string])[] = [
  ["SCARD_MANAGER", "the resource manager to use, as --manager has it"],
  ["SCARD_DATABASE", "the file of the smart card database"],
  ["PCSCLITE_CSOCK_NAME", "the socket of pcscd or scard daemon"],
  ["NO_COLOR", "no colour, where it is not empty"],
];

/**
 * The manual page scard(1), in the macros of man(7). It is made from what help and completion are made from, so the three
 * say the same.
 */
export function manualPage(commands: readonly Command[], version: string): string {
  const index = commands.map(({ name, summary }) => term(name, summary));
  return [
    `.TH SCARD 1 "" "scard ${text(version)}" "User Commands"`,
    ".SH NAME",
    "scard \\- the smart card subsystem: readers, cards, and a service for PC/SC programs",
    ".SH SYNOPSIS",
    ".B scard",
    ".I COMMAND",
    "[\\fIOPTION\\fR\\&...]",
    "[\\fIARGUMENT\\fR\\&...]",
    ".SH COMMANDS",
    ...index,
    ...commands.flatMap((command) => [`.SH ${text(command.name.toUpperCase())}`, ...section([command.name], command)]),
    ".SH OPTIONS OF EVERY COMMAND",
    ...optionTerms(commonOptions),
    ".SH EXIT STATUS",
    text(`${EXIT_CODES_TEXT}.`),
    ".SH ENVIRONMENT",
    ...environment.map(([name, about]) => term(name, about)),
    ".SH SEE ALSO",
    ".BR pcscd (8),",
    ".BR opensc\\-tool (1)",
    "",
  ].join("\n");
}

function section(path: readonly string[], command: Command): string[] {
  const words = ["scard", ...path].join(" ");
  const forms = formsOf(words, command).flatMap((form, at) => [...(at > 0 ? [".br"] : []), `.B ${text(form)}`]);
  const actions = (command.actions ?? []).flatMap((action) => [
    `.SS ${text([...path, action.name].join(" "))}`,
    ...section([...path, action.name], action),
  ]);
  const description = command.description.flatMap((paragraph) => [".PP", text(paragraph)]);
  return [...forms, ...description, ...optionTerms(command.options), ...actions];
}

function optionTerms(options: OptionTable): string[] {
  return rowsOf(options).map(([name, about]) => term(name, about));
}

/** A term and what it means; further lines of the meaning are a list of terms of their own, or lines. */
function term(name: string, about: string): string {
  const [first = "", ...lines] = about.split("\n");
  const rest = lines.length === 0 ? [] : [".RS", ...lines.map(furtherLine), ".RE"];
  return [".TP", `.B ${text(name)}`, text(first), ...rest].join("\n");
}

/** Blanks in a line set apart what is described and what it is. They are not kept: a line breaks where the page ends. */
function furtherLine(line: string): string {
  const [name = "", about] = line.trim().split(/ {2,}/);
  return about === undefined ? `.br\n${text(name)}` : term(name, about);
}

/** Text as roff takes it literally: no character of it is a request or an escape. */
function text(plain: string): string {
  return plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "\\&...")
    .replaceAll('"', "\\(dq")
    .replace(/^([.'])/gm, "\\&$1");
}
