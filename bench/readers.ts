// SPDX-License-Identifier: MIT

// Compares our service and our CCID driver with pcscd and libccid: the same C client over the same client library, the same
// model of a reader over USB/IP, by turns within one boot of one emulated machine (test/usb/README.md).
//
// `npm run bench -- readers` prints a table after a quarter of an hour; `--json` also writes it and the raw figures to bench/results,
// and `--quick` is for trying the bench.

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { compileC } from "../test/peers/compile.ts";
import { measureInMachine, usbMachine } from "../test/usb/machine.ts";
import { type ReaderRound, renderReaders, summarizeReaders } from "./tables/readers.ts";

const scale = process.argv.includes("--quick")
  ? { rounds: 1, calls: 40, moves: 2, warm: 40 }
  : { rounds: 3, calls: 200, moves: 3, warm: 6000 };

const reason = usbMachine.probe(usbMachine.name);
if (reason !== undefined) {
  console.error(`USB readers cannot be measured here: ${reason}. ${usbMachine.remedy}`);
  process.exit(1);
}
const client = compileC("reader-exchange", ["bench/clients/reader-exchange.c"]);
const rounds = (await measureInMachine({
  ...{ ROUNDS: String(scale.rounds), CALLS: String(scale.calls), MOVES: String(scale.moves), WARM: String(scale.warm) },
  CLIENT: client,
})) as readonly ReaderRound[];
const [processor] = cpus();
const machine = { processors: cpus().length, model: processor?.model ?? "unknown" };
const summary = summarizeReaders(rounds);
const document = renderReaders(summary, machine, scale, "one machine that QEMU emulates without KVM");
console.log(document);
if (process.argv.includes("--json")) {
  mkdirSync("bench/results", { recursive: true });
  const text = JSON.stringify({ machine, node: process.version, scale, summary, rounds }, null, 2);
  writeFileSync("bench/results/readers.json", `${text}\n`);
  writeFileSync("bench/results/readers.md", document);
}
