// SPDX-License-Identifier: MIT

import { embeddedManager, virtualReader } from "../../entry/embedded.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { command, exitCodes } from "./command.ts";
import { DemoProgram } from "./demo-program.ts";
import { playDemo } from "./demo-scenes.ts";
import { SurpriseError, Transcript } from "./demo-transcript.ts";
import type { ParsedLine } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { count, duration } from "./text.ts";

/** `scard demo`: programs share a card through the embedded manager. */
export const demo = command({
  name: "demo",
  summary: "see programs share a smart card through the resource manager",
  usage: ["[OPTION…]"],
  description: [
    "Starts the embedded resource manager with a virtual reader and a software card, lets four programs share it through the WinSCard functions, and prints their calls and results. The output is real: at an unexpected result the demo says so, stops, and exits with 1. --json prints an array of steps.",
  ],
  options: {},
  run,
});

async function run({ values }: ParsedLine<Record<never, never>>, terminal: Terminal): Promise<number> {
  const start = nodeClock.now();
  const transcript = new Transcript(terminal, values.json === true);
  const manager = embeddedManager();
  const program = (name: string): DemoProgram => new DemoProgram(name, manager, transcript);
  if (!values.json) terminal.print(cast.join("\n"));
  try {
    await playDemo({
      transcript,
      manager,
      reader: virtualReader(),
      monitor: program("monitor"),
      signer: program("signer"),
      mailer: program("mailer"),
      updater: program("updater"),
    });
  } catch (error) {
    if (error instanceof SmartCardError) transcript.breaks(error);
    else if (!(error instanceof SurpriseError)) throw error;
    transcript.end(`The demo has failed: ${error.message}.`);
    return exitCodes.failed;
  } finally {
    await manager.close();
  }
  const took = duration(nodeClock.now() - start);
  transcript.end(`${count(transcript.length, "step")}, each as it should be, in ${took}.`);
  return exitCodes.ok;
}

const cast = [
  "An embedded resource manager, a virtual reader and a card made of software. Four programs use them by the",
  "WinSCard functions: the monitor watches readers and cards, the signer and the mailer share the card, and the",
  "updater disturbs them. The result of each call follows its arrow.",
];
