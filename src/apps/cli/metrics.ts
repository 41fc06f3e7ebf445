// SPDX-License-Identifier: MIT

import { command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption } from "./control-option.ts";
import { jsonText } from "./text.ts";

/** `scard metrics`: what the daemon has counted. */
export const metrics = command({
  name: "metrics",
  summary: "print what scard daemon has counted, for Prometheus",
  usage: ["[OPTION…]"],
  description: [
    'Prints how long commands took by reader, how long calls waited and locks were held, resets, insertions, errors, clients, the delay of the event loop and memory, in the text format of Prometheus. --json prints an array of families. The daemon counts where its configuration has "metrics": {}; with a port or a socket in it, scrapers ask it themselves.',
  ],
  options: controlOption,
  async run({ values }, terminal) {
    const format = values.json ? "json" : "text";
    const { result } = await askLikelyDaemon({ command: "metrics", format }, values.control, terminal);
    if (values.json) terminal.print(jsonText(result.families ?? []));
    else terminal.print((result.text ?? "").trimEnd());
    return exitCodes.ok;
  },
});
