// SPDX-License-Identifier: MIT

import { dirname, resolve } from "node:path";
import { type Result, success } from "../../base/binary/index.ts";
import type { JsonProblem } from "../../base/json/index.ts";
import { checkSoftwareCard } from "../../entry/software.ts";
import { koffiRemedy } from "../../platform/node/koffi/index.ts";
import { readTextFile } from "../../platform/node/runtime/index.ts";
import { type AccessRule, asksForCredentials, SmartCardError } from "../../port/index.ts";
import type { DaemonConfig } from "./config.ts";
import { parseConfig } from "./parse-config.ts";

/** Longest configuration file that is read. */
const MAX_CONFIG_BYTES = 1_048_576;

/**
 * Reads the configuration file and checks everything that can be checked without starting: also that the card images
 * are good ones, and that rules about users can be kept on this machine.
 *
 * @param knowsClients whether the system tells who clients are
 */
export async function readConfig(
  file: string,
  knowsClients: boolean,
): Promise<Result<DaemonConfig, readonly JsonProblem[]>> {
  let json: unknown;
  try {
    const missing = "write it (docs/guide/daemon.md), or leave --config out";
    json = JSON.parse(await readTextFile(file, { mostBytes: MAX_CONFIG_BYTES, missing }));
  } catch (error) {
    return { ok: false, error: [{ path: "$", message: whyUnreadable(error) }] };
  }
  const parsed = parseConfig(json, dirname(resolve(file)));
  if (!parsed.ok) return parsed;
  const problems = [...(await cardProblems(parsed.value)), ...(knowsClients ? [] : ruleProblems(parsed.value))];
  return problems.length > 0 ? { ok: false, error: problems } : success(parsed.value);
}

function whyUnreadable(error: unknown): string {
  // The parser's own message quotes the text, which may be a card image, with its PINs, by mistake.
  if (error instanceof SyntaxError) return "is not JSON";
  if (error instanceof SmartCardError) return error.reason;
  throw error;
}

async function cardProblems({ readers }: DaemonConfig): Promise<JsonProblem[]> {
  const problems: JsonProblem[] = [];
  for (const [index, reader] of readers.entries()) {
    if (reader.kind !== "virtual" || reader.card === undefined) continue;
    try {
      await checkSoftwareCard(reader.card);
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      problems.push({ path: `$.readers[${index}].card`, message: error.reason });
    }
  }
  return problems;
}

/** A daemon that cannot identify its clients must not accept rules about them. */
function ruleProblems({ access, readers }: DaemonConfig): JsonProblem[] {
  const message = `needs the client's identity, which is unknown on this machine: install koffi (Linux only; ${koffiRemedy(process.platform, process.arch)}), or remove the rule`;
  const problemsOf = (rules: readonly AccessRule[], path: string): JsonProblem[] =>
    rules.flatMap((rule, index) => (asksForCredentials(rule) ? [{ path: `${path}[${index}]`, message }] : []));
  return [
    ...(["daemon", "readers"] as const).flatMap((list) => problemsOf(access[list], `$.access.${list}`)),
    ...readers.flatMap((reader, index) => {
      // Who connects by TCP is known without koffi.
      const rules = reader.kind === "vpcd" && reader.path !== undefined ? reader.access : [];
      return problemsOf(rules ?? [], `$.readers[${index}].access`);
    }),
  ];
}
