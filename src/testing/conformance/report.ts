// SPDX-License-Identifier: MIT

import { behaviours } from "./behaviours.ts";
import { differences, type ManagerKey, managers } from "./differences.ts";
import type { KnownDifference, Problem } from "./judge.ts";
import type { Result } from "./run.ts";

/** The verdict on one behaviour. */
export type Verdict = "as expected" | "known difference" | "differs" | "failed" | "skipped";

/** One behaviour in a report. */
export interface ReportedBehaviour {
  readonly id: string;
  readonly title: string;
  readonly source: string;
  readonly verdict: Verdict;
  /** The results, point by point; not for one that failed or was skipped. */
  readonly observed?: Readonly<Record<string, string>>;
  readonly known?: readonly KnownDifference[];
  readonly problems?: readonly Problem[];
  /** Why it failed, or was skipped. */
  readonly why?: string;
}

/** The result of a run: plain data, for JSON. */
export interface ConformanceReport {
  /** What was tested, in words. */
  readonly manager: string;
  readonly reader: string;
  /** The manager whose known differences apply; undefined without one. */
  readonly comparedWith?: ManagerKey;
  readonly counts: Readonly<Record<Verdict, number>>;
  readonly behaviours: readonly ReportedBehaviour[];
}

/** Makes a report of a run. */
export function reportOf(
  results: readonly Result[],
  about: { readonly manager: string; readonly reader: string; readonly comparedWith: ManagerKey | undefined },
): ConformanceReport {
  const { comparedWith, manager, reader } = about;
  const reported = results.map(reportedOf);
  const counts = { "as expected": 0, "known difference": 0, differs: 0, failed: 0, skipped: 0 };
  for (const { verdict } of reported) counts[verdict]++;
  return { manager, reader, ...(comparedWith !== undefined && { comparedWith }), counts, behaviours: reported };
}

function reportedOf(result: Result): ReportedBehaviour {
  const { id, source, title } = result.behaviour;
  if (result.kind !== "played") return { id, title, source, verdict: result.kind, why: result.why };
  const { observed } = result;
  const { known, problems } = result.judgement;
  const verdict = problems.length > 0 ? "differs" : known.length > 0 ? "known difference" : "as expected";
  return { id, title, source, verdict, observed, known, problems };
}

/** A report as a page of Markdown. */
export function formatReport(report: ConformanceReport): string {
  const { behaviours: reported, comparedWith, counts, manager, reader } = report;
  const total = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`);
  const lines = [
    "# Conformance of a resource manager",
    "",
    `- Manager: ${cell(manager)}`,
    `- Reader: ${cell(reader)}`,
    `- Compared with: ${comparedWith === undefined ? "the expectations for all managers" : managers[comparedWith]}`,
    `- Behaviours: ${total.join(", ")}`,
    "",
    ...section(reported, "differs", "Where it differs, and no table says so"),
    ...section(reported, "failed", "What could not be played to its end"),
    ...section(reported, "known difference", "Known differences"),
    ...section(reported, "skipped", "What was not played"),
    ...section(reported, "as expected", "As expected"),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function section(reported: readonly ReportedBehaviour[], verdict: Verdict, title: string): string[] {
  const chosen = reported.filter((one) => one.verdict === verdict);
  if (chosen.length === 0) return [];
  const lines = chosen.flatMap((one) => [
    `- \`${one.id}\`: ${one.title}. ${one.why === undefined ? `(${one.source})` : `${one.why}.`}`,
    ...(one.problems ?? []).map(
      (problem) => `  - ${problem.point}: ${cell(problem.observed)}, not ${cell(problem.expected)}`,
    ),
    ...(one.known ?? []).map(
      (known) => `  - ${known.point}: ${cell(known.observed)}, not ${cell(known.expected)}. ${known.reason}`,
    ),
  ]);
  return [`## ${title}`, "", ...lines, ""];
}

/** The table of differences as Markdown: docs/interop/conformance.md has it. */
export function formatDifferences(): string {
  const lines: string[] = [];
  for (const difference of differences) {
    lines.push(
      `**${difference.reason}**`,
      "",
      `Managers: ${difference.managers.map((key) => managers[key]).join("; ")}. Source: ${difference.source}.`,
      "",
      "| behaviour | point | all others | here |",
      "| --- | --- | --- | --- |",
    );
    for (const [id, points] of Object.entries(difference.observed)) {
      const expected = behaviours.find((behaviour) => behaviour.id === id)?.expected ?? {};
      for (const [point, value] of Object.entries(points)) {
        lines.push(`| \`${id}\` | ${cell(point)} | ${cell(expected[point] ?? "nothing")} | ${cell(value)} |`);
      }
    }
    lines.push("");
  }
  return lines.join("\n");
}

/** The suite as Markdown: every behaviour with where it comes from. */
export function formatBehaviours(): string {
  const rows = behaviours.map(({ id, needs = [], source, title }) => {
    return `| \`${id}\` | ${cell(title)} | ${cell(source)} | ${needs.join(", ") || "nothing"} |`;
  });
  return ["| behaviour | title | source | needs |", "| --- | --- | --- | --- |", ...rows, ""].join("\n");
}

/** Text escaped for a table. */
function cell(text: string): string {
  return text.replace(/[|\\]/g, "\\$&").replace(/\s+/g, " ");
}
