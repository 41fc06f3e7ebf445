// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../port/index.ts";
import type { ControlResults } from "../daemon/index.ts";
import { command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption, oneReader } from "./control-option.ts";
import type { ParsedLine } from "./options.ts";
import { onlyFitting } from "./reader-choice.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

const READER =
  "READER is its name or a part of it that no other has, its vendor and product (072f:2200), its serial number, its USB port (1-2.4) or its id.";

/** `scard release`: gives a USB reader of the daemon free for other programs. */
export const release = command({
  name: "release",
  summary: "give a USB reader of scard daemon free for another program",
  usage: ["[OPTION…] READER"],
  description: [
    `Has scard daemon let go of a USB reader, all slots of it: a virtual machine, GnuPG's scdaemon or a vendor's tool can open it then. Programs that use it find it unplugged. It stays free, also when it is plugged in anew, until "scard claim" takes it back or the daemon starts anew. ${READER}`,
  ],
  options: controlOption,
  run: (line, terminal) => hand("release", line, terminal),
});

/** `scard claim`: takes a USB reader. */
export const claim = command({
  name: "claim",
  summary: "have scard daemon take a USB reader",
  usage: ["[OPTION…] READER"],
  description: [
    `Has scard daemon take a USB reader that "scard release" gave free, or that it could not open before. Where it cannot, the message says which driver or program has it. ${READER}`,
  ],
  options: controlOption,
  run: (line, terminal) => hand("claim", line, terminal),
});

type UsbInterface = ControlResults["usb"]["interfaces"][number];

async function hand(
  what: "release" | "claim",
  { positionals, values }: ParsedLine<typeof controlOption>,
  terminal: Terminal,
): Promise<number> {
  const choice = oneReader(positionals);
  const { path, result } = await askLikelyDaemon({ command: "usb" }, values.control, terminal);
  const { id } = chosen(result, choice);
  const { readers } = (await askLikelyDaemon({ command: what, reader: id }, path, terminal)).result;
  if (values.json) terminal.print(jsonText({ id, readers, done: what }));
  else {
    const done = what === "release" ? "free for other programs" : "in service";
    for (const name of readers.length > 0 ? readers : [id]) terminal.print(`${visible(name)}: ${done}`);
  }
  return exitCodes.ok;
}

/** The interface that a choice means. @throws unknown-reader */
function chosen({ interfaces, missing }: ControlResults["usb"], choice: string): UsbInterface {
  if (interfaces.length === 0) {
    throw new SmartCardError("unknown-reader", `the daemon knows no USB reader: ${missing ?? "none is plugged in"}`);
  }
  const exact = interfaces.filter(({ device, id, port, serial }) => {
    return [device, id, port, serial].includes(choice) || device === choice.toLowerCase();
  });
  const [only, ...others] = exact;
  if (choice !== "" && only !== undefined && others.length === 0) return only;
  const named = interfaces.map((one) => ({ one, names: one.readers.length > 0 ? one.readers : [one.id] }));
  const name = onlyFitting(
    named.flatMap(({ names }) => names),
    choice,
    "argument 1",
  );
  const found = named.find(({ names }) => names.includes(name));
  if (found === undefined) throw new SmartCardError("unknown-reader", `there is no USB reader "${visible(name)}"`);
  return found.one;
}
