// SPDX-License-Identifier: MIT

import type { KeyContainer } from "../../entry/modules.ts";
import { SmartCardError } from "../../port/index.ts";
import { derIn, formatOption, inForm, readData, writeData } from "./card-data.ts";
import { algorithmName, certificateFacts, certificateForPrograms, type Facts, factLines } from "./card-facts.ts";
import { type CardGroup, type CardSession, cardOptions, withCard } from "./card-session.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { type OptionTable, UsageError } from "./options.ts";
import { commandWithActions } from "./subcommand.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

/** The words behind a command: the key, and one or two files. @throws UsageError */
export function keyAndFiles(
  { keyOf, keyWord }: CardGroup,
  positionals: readonly string[],
  mostFiles: number,
): readonly [key: string, ...files: string[]] {
  const [key, ...files] = positionals;
  if (key === undefined) throw new UsageError(`the ${keyWord.toLowerCase()} is missing`);
  if (files.length > mostFiles)
    throw new UsageError(`there are too many arguments behind the ${keyWord.toLowerCase()}`);
  return [keyOf(key), ...files];
}

/** A key of the card. @throws no-key-container */
export async function keyNamed({ card, wait }: CardSession, name: string): Promise<KeyContainer> {
  const containers = await card.containers(wait);
  const found = containers.find((one) => one.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const names = containers.map((one) => one.name).join(", ") || "none";
  const message = `the card has no key in ${name}; its keys: ${visible(names)}`;
  throw new SmartCardError("no-key-container", message, { reader: card.reader });
}

/** The public key of a container. @throws no-such-certificate (the card tells it only in a certificate that it lacks) */
export function publicKeyOf({ name, publicKey }: KeyContainer): Uint8Array {
  if (publicKey !== undefined) return publicKey;
  throw new SmartCardError(
    "no-such-certificate",
    `the card does not tell the public key of ${name}, and has no certificate of it`,
  );
}

/** Prints facts, or JSON. */
export function tell(facts: Facts, json: object, asJson: boolean | undefined, terminal: Terminal): number {
  if (asJson === true) terminal.print(jsonText(json));
  else for (const line of factLines(facts)) terminal.print(visible(line));
  return exitCodes.ok;
}

/** Says that something was done. */
export function done(text: string, json: object, asJson: boolean | undefined, terminal: Terminal): number {
  terminal.print(asJson === true ? jsonText(json) : text);
  return exitCodes.ok;
}

/** What a command writes out: into a file, or to standard output; with --json as part of the answer. */
export interface Outcome {
  readonly out: string | undefined;
  readonly data: Uint8Array | string;
  readonly secret?: boolean;
  /** As JSON has it. */
  readonly json: object;
  /** What is said when it went into a file. */
  readonly said: string;
}

/** Writes what came out of the card. */
export async function deliver(
  { data, json, out, said, secret }: Outcome,
  asJson: boolean | undefined,
  terminal: Terminal,
): Promise<number> {
  const isFile = out !== undefined && out !== "-";
  if (isFile || asJson !== true) await writeData(out, data, terminal, secret);
  if (asJson === true) terminal.print(jsonText({ ...json, ...(isFile && { file: out }) }));
  else if (isFile) terminal.say(`${said} ${visible(out)}`);
  return exitCodes.ok;
}

const exportOptions = { ...formatOption, ...cardOptions } as const satisfies OptionTable;

/** A certificate on the card, with the key that it belongs to. */
export interface NamedCertificate {
  readonly key: string;
  readonly label: string;
  readonly certificate: Uint8Array;
}

/** How the certificates of one kind of card are read. */
export interface CertificateReader {
  /** All that are on the card. */
  all(session: CardSession): Promise<readonly NamedCertificate[]>;
  /** That of one key; undefined where there is none. */
  one(session: CardSession, key: string): Promise<Uint8Array | undefined>;
  /** What stands before the name of a key in lists. @default nothing */
  readonly word?: string;
}

/** Of any card: those of its keys. */
const ofKeys: CertificateReader = {
  async all({ card, wait }) {
    const found = await card.certificates(wait);
    return found.map(({ certificate, container: { label, name } }) => ({ key: name, label, certificate }));
  },
  async one(session, key) {
    const container = await keyNamed(session, key);
    return session.card.certificate(container, session.wait);
  },
};

/** `certificates` of a group: list and export; further actions are those of one kind of card. */
export function certificateCommands(
  group: CardGroup,
  more: readonly Command[] = [],
  reader: CertificateReader = ofKeys,
): Command {
  const list = command({
    name: "list",
    summary: "list the certificates on the card",
    usage: ["[OPTION…]"],
    description: ["Lists the certificates on the card: what they say, and the SHA-256 of each."],
    options: cardOptions,
    run: ({ values }, terminal) =>
      withCard(group, values, terminal, async (session) => {
        const { crypto } = session;
        const found = await reader.all(session);
        const json = found.map(({ certificate, key, label }) => ({
          key,
          label,
          ...(certificateForPrograms(certificate, crypto) ?? { error: "this is no certificate" }),
        }));
        if (found.length === 0 && values.json !== true) terminal.say("there is no certificate on the card");
        const facts = found.map(
          ({ certificate, key, label }) =>
            [`${reader.word ?? ""}${key} (${label})`, certificateFacts(certificate, crypto)] as const,
        );
        return tell(facts, { certificates: json }, values.json, terminal);
      }),
  });
  const exports = command({
    name: "export",
    summary: "write a certificate of the card into a file",
    usage: [`[OPTION…] ${group.keyWord} [FILE]`],
    description: [
      `Writes the certificate of a key into FILE, or to standard output for - and without FILE. ${group.keyHelp}`,
    ],
    options: exportOptions,
    argumentWords: "file",
    run: ({ positionals, values }, terminal) => {
      const [key, out] = keyAndFiles(group, positionals, 1);
      return withCard(group, values, terminal, async (session) => {
        const certificate = await reader.one(session, key);
        if (certificate === undefined) {
          const message = `there is no certificate in ${reader.word?.toLowerCase() ?? ""}${key}`;
          throw new SmartCardError("no-such-certificate", message, { reader: session.card.reader });
        }
        return deliver(
          {
            out,
            data: inForm(certificate, "CERTIFICATE", values.format),
            json: { key, certificate },
            said: `Certificate from ${reader.word?.toLowerCase() ?? ""}${key} exported to`,
          },
          values.json,
          terminal,
        );
      });
    },
  });
  return commandWithActions({
    name: "certificates",
    within: group.name,
    otherwise: "list",
    summary: "list, read and write certificates",
    description: ["The certificates on the card."],
    actions: [list, exports, ...more],
  });
}

/** `keys` of a group: list and export; further actions are those of one kind of card. */
export function keyCommands(group: CardGroup, more: readonly Command[] = []): Command {
  const list = command({
    name: "list",
    summary: "list the keys on the card",
    usage: ["[OPTION…]"],
    description: ["Lists the private keys on the card, and what each can do."],
    options: cardOptions,
    run: ({ values }, terminal) =>
      withCard(group, values, terminal, async ({ card, wait }) => {
        const containers = await card.containers(wait);
        if (containers.length === 0 && values.json !== true) terminal.say("the card tells of no key");
        const json = { keys: containers.map(keyForPrograms) };
        return tell(
          containers.map((container) => [`${container.name} (${container.label})`, keyFacts(container)] as const),
          json,
          values.json,
          terminal,
        );
      }),
  });
  const exports = command({
    name: "export",
    summary: "write the public key of a key on the card",
    usage: [`[OPTION…] ${group.keyWord} [FILE]`],
    description: [
      `Writes the public key (SubjectPublicKeyInfo) into FILE, or to standard output for - and without FILE. ${group.keyHelp}`,
    ],
    options: exportOptions,
    argumentWords: "file",
    run: ({ positionals, values }, terminal) => {
      const [name, out] = keyAndFiles(group, positionals, 1);
      return withCard(group, values, terminal, async (session) => {
        const container = await keyNamed(session, name);
        const publicKey = publicKeyOf(container);
        return deliver(
          {
            out,
            data: inForm(publicKey, "PUBLIC KEY", values.format),
            json: { ...keyForPrograms(container) },
            said: `Public key for ${container.name} written to`,
          },
          values.json,
          terminal,
        );
      });
    },
  });
  return commandWithActions({
    name: "keys",
    within: group.name,
    otherwise: "list",
    summary: "list keys, and write public keys",
    description: ["The private keys on the card, and their public keys."],
    actions: [list, exports, ...more],
  });
}

/** A key as JSON has it. */
function keyForPrograms({ key, label, name, pinPolicy, publicKey, uses }: KeyContainer): object {
  return { key: name, label, algorithm: algorithmName(key), uses, pinPolicy, publicKey };
}

function keyFacts({ key, pinPolicy, uses }: KeyContainer): Facts {
  return [
    ["Algorithm", algorithmName(key)],
    ["Uses", uses.join(", ")],
    ["PIN required for use", pinPolicy.toUpperCase()],
  ];
}

/** Reads the public key of someone else: SubjectPublicKeyInfo in PEM or DER. @throws UsageError */
export async function publicKeyFile(path: string | undefined, terminal: Terminal): Promise<Uint8Array> {
  const data = await readData(path, terminal, [], MOST_KEY_BYTES);
  const found = derIn(data, ["PUBLIC KEY"]);
  if (found !== undefined) return found;
  throw new SmartCardError(
    "invalid-value",
    `there is no block PUBLIC KEY in ${path ?? "standard input"}: give the other side's public key`,
  );
}

const MOST_KEY_BYTES = 65_536;
