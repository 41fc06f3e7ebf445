// SPDX-License-Identifier: MIT

import { LOOPBACK_HOST, listenPages } from "../../platform/node/pages/index.ts";
import { nodeClock, nodeRuntime } from "../../platform/node/runtime/index.ts";
import { type AskDaemon, ConsoleService, MAX_PAGE_MESSAGE_BYTES } from "../console/index.ts";
import { askDaemon } from "../daemon/index.ts";
import { command, exitCodes } from "./command.ts";
import { askLikelyDaemon, controlOption } from "./control-option.ts";
import type { OptionTable } from "./options.ts";
import { portOf } from "./port-option.ts";
import { servedPage } from "./served-page.ts";
import { jsonText, visible } from "./text.ts";
import { untilStopped } from "./waiting.ts";

const options = {
  port: {
    type: "string",
    value: "PORT",
    reads: portOf,
    help: `where to listen, on ${LOOPBACK_HOST}; the system chooses without it`,
  },
  ...controlOption,
} as const satisfies OptionTable;

/** `scard console`: the readers of the daemon in a page of the browser. */
export const consolePage = command({
  name: "console",
  summary: "show in the browser which programs use which card",
  usage: ["[OPTION…]"],
  description: [
    "Serves a page on this machine alone that shows the readers of scard daemon live: cards, which program holds and waits for which, and inserts and ejects cards of virtual readers (docs/guide/console.md). It serves until Ctrl-C.",
    "The address that it prints lets one page in, once; then it prints the next. It has to be run by the user of the daemon or by root, as with scard who.",
  ],
  options,
  async run({ values }, terminal) {
    const { clock, random } = nodeRuntime();
    // Where no daemon is there is nothing to show yet. Afterwards it may go and come back.
    const { path } = await askLikelyDaemon({ command: "who" }, values.control, terminal);
    const ask: AskDaemon = (asked) => askDaemon(path, asked, nodeClock);
    let origin: string | undefined;
    const tellAddress = (): void => {
      const url = `${origin}/#${service.newToken()}`;
      if (values.json === true) terminal.print(jsonText({ url, control: path, pid: process.pid }, "compact"));
      else terminal.print(url);
    };
    const service = new ConsoleService({
      ...{ clock, random, ask },
      origin: () => origin,
      tokenUsed: () => {
        if (values.json !== true) terminal.say("a page is open; for another one:");
        tellAddress();
      },
    });
    const listener = await listenPages({
      name: "console",
      port: values.port ?? 0,
      taken: "choose another port with --port",
      maxMessageBytes: MAX_PAGE_MESSAGE_BYTES,
      service,
      answer: await servedPage("console"),
    });
    try {
      origin = `http://${LOOPBACK_HOST}:${listener.port}`;
      if (values.json !== true) terminal.say(`the console of the daemon at ${visible(path)}; open in a browser:`);
      tellAddress();
      await untilStopped(terminal);
      return exitCodes.ok;
    } finally {
      service.close();
      await listener.close();
    }
  },
});
