// SPDX-License-Identifier: MIT

import { compileC } from "./compile.ts";
import type { Service } from "./daemon.ts";
import { Program } from "./program.ts";
import { VpcdCard } from "./vpcd-card.ts";

/** What the program printed, by the label of the call. */
export type Transcript = ReadonlyMap<string, string>;

const sources = ["winscard18.c", "winscard18-cards.c", "winscard18-exchange.c", "winscard18-turns.c"];

/**
 * Runs the C program that calls all 18 functions against a service, and moves the card when it asks for that.
 *
 * @param patience how many times as long as usual a call has for its answer before the program says that it waits
 */
export async function recordTranscript(service: Service, patience = 1): Promise<Transcript> {
  const files = [...sources, "winscard18-moves.c", "transcript.c"].map((file) => `test/peers/${file}`);
  const program = new Program(compileC("winscard18", files), [String(patience)], service.environment);
  const transcript = new Map<string, string>();
  const card = await VpcdCard.insert(service.ports[0]);
  try {
    for (let line = await program.line(); line !== "@end"; line = await program.line()) {
      if (line === "@in" || line === "@out") {
        await card.move(line === "@in" ? "in" : "out");
        program.write("done\n");
        continue;
      }
      const [label = "", result] = line.split(/: (.*)/);
      if (result === undefined || transcript.has(label)) throw new Error(`the program printed "${line}"`);
      transcript.set(label, result.trim());
    }
  } finally {
    await program.end();
    await card.end();
  }
  return transcript;
}

/** A call that comes out differently, as a row of docs/interop/pcscd-differences.md has it. */
export interface Difference {
  readonly call: string;
  readonly pcscd: string;
  readonly scard: string;
}

/** Calls whose lines differ; a call that only one of them has is a difference. */
export function differences(pcscd: Transcript, scard: Transcript): Difference[] {
  const calls = new Set([...pcscd.keys(), ...scard.keys()]);
  const all = [...calls].map((call) => ({
    call,
    pcscd: pcscd.get(call) ?? "no such call",
    scard: scard.get(call) ?? "no such call",
  }));
  return all.filter((difference) => difference.pcscd !== difference.scard);
}

/** The rows of the document's tables: three cells in backticks. */
export function parseDifferences(markdown: string): Difference[] {
  const rows = markdown.matchAll(/^\| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \|$/gm);
  return [...rows].map(([, call = "", pcscd = "", scard = ""]) => ({ call, pcscd, scard }));
}

/** A row for the document. */
export function formatDifference({ call, pcscd, scard }: Difference): string {
  return `| \`${call}\` | \`${pcscd}\` | \`${scard}\` |`;
}
