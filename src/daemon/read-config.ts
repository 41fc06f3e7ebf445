// SPDX-License-Identifier: MIT

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Result, success } from "../binary/index.ts";
import type { JsonProblem } from "../cards/index.ts";
import { koffiRemedy } from "../edge/koffi/index.ts";
import { softwareCard } from "../entry/embedded.ts";
import { SmartCardError } from "../pcsc/index.ts";
import { asksForCredentials } from "./access.ts";
import type { DaemonConfig } from "./config.ts";
import { parseConfig } from "./parse-config.ts";

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
    json = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    return { ok: false, error: [{ path: "$", message: whyUnreadable(file, error as NodeJS.ErrnoException) }] };
  }
  const parsed = parseConfig(json, dirname(resolve(file)));
  if (!parsed.ok) return parsed;
  const problems = [...(await cardProblems(parsed.value)), ...(knowsClients ? [] : ruleProblems(parsed.value))];
  return problems.length > 0 ? { ok: false, error: problems } : success(parsed.value);
}

function whyUnreadable(file: string, error: NodeJS.ErrnoException): string {
  if (error instanceof SyntaxError) return `is not JSON: ${error.message}`;
  const remedy = error.code === "ENOENT" ? "write it (docs/guide/daemon.md), or leave --config out" : error.message;
  return `${file} cannot be read: ${remedy}`;
}

async function cardProblems({ readers }: DaemonConfig): Promise<JsonProblem[]> {
  const problems: JsonProblem[] = [];
  for (const [index, reader] of readers.entries()) {
    if (reader.kind !== "virtual" || reader.card === undefined) continue;
    try {
      await softwareCard(reader.card);
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      problems.push({ path: `$.readers[${index}].card`, message: error.message.replace(/^\w+: /, "") });
    }
  }
  return problems;
}

/** A daemon that cannot tell its clients apart must not look as if it did. */
function ruleProblems({ access }: DaemonConfig): JsonProblem[] {
  const message = `asks who the client is, which this machine does not tell: install koffi (Linux only; ${koffiRemedy(process.platform, process.arch)}), or remove the rule`;
  return (["daemon", "readers"] as const).flatMap((list) =>
    access[list].flatMap((rule, index) =>
      asksForCredentials(rule) ? [{ path: `$.access.${list}[${index}]`, message }] : [],
    ),
  );
}
