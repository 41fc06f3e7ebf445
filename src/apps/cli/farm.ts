// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { openEmbeddedManager } from "../../entry/embedded.ts";
import { openFarm, serveFarm } from "../../entry/farm.ts";
import { makeFarmKey, readFarmKey } from "../../entry/farm-files.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { type OptionTable, UsageError } from "./options.ts";
import { commandWithActions } from "./subcommand.ts";
import { jsonText, visible } from "./text.ts";
import { untilStopped } from "./waiting.ts";

const keyOptions = {
  show: { type: "boolean", help: "make nothing: print the public key of a file that is there" },
} as const satisfies OptionTable;

const key = command({
  name: "key",
  summary: "make the key of a host or a client, and print its public key",
  usage: ["FILE", "--show FILE"],
  description: [
    "Makes a key of X25519 in a new file that only this user may read, and prints its public key: 64 hexadecimal digits. Hosts list the public keys of their clients, and clients those of their hosts.",
  ],
  options: keyOptions,
  async run({ positionals, values }, terminal) {
    const file = onlyFile(positionals);
    const keys = values.show === true ? await readFarmKey(file) : await makeFarmKey(file);
    const publicKey = encodeHex(keys.publicKey);
    terminal.print(values.json === true ? jsonText({ file, publicKey }, "compact") : publicKey);
    return exitCodes.ok;
  },
});

const serveOptions = {
  reader: {
    type: "string",
    value: "READER",
    multiple: true,
    help: 'a reader of this host, as in --manager "embedded:READER,…": usb, vpcd, virtual+piv. Without one: usb',
  },
} as const satisfies OptionTable;

const serve = command({
  name: "serve",
  summary: "offer the readers of this machine to the clients of a farm",
  usage: ["[--reader READER]… FILE"],
  description: [
    "FILE names the farm, this host, its key, the NATS servers, and the clients with the readers that each may use: docs/guide/farm.md has one. It serves until Ctrl-C. SIGHUP has it read the clients again.",
    "A card's lock stays with this program: clients wait for each other here, in the order in which they came. A client that is not heard for 10 seconds has its locks freed, and its cards reset.",
  ],
  options: serveOptions,
  async run({ positionals, values }, terminal) {
    const file = onlyFile(positionals);
    const readers = values.reader ?? ["usb"];
    await using opened = await openEmbeddedManager(`embedded:${readers.join(",")}`);
    await using served = await serveFarm(file, { manager: opened.manager });
    const reload = (): void => {
      served.reload().then(
        () => terminal.say("scard: the clients were read again"),
        (error: unknown) => terminal.say(`scard: the clients are as before: ${visible((error as Error).message)}`),
      );
    };
    process.on("SIGHUP", reload);
    try {
      const { farm, host } = served;
      const names = opened.manager.readers().map(({ name }) => name);
      if (values.json === true) terminal.print(jsonText({ farm, host, readers: names, pid: process.pid }, "compact"));
      else
        terminal.print(`host ${host} of the farm ${farm} offers ${names.map(visible).join(", ") || "no reader yet"}`);
      await untilStopped(terminal);
      return exitCodes.ok;
    } finally {
      process.off("SIGHUP", reload);
    }
  },
});

const status = command({
  name: "status",
  summary: "show the hosts of a farm and their readers",
  usage: ["[OPTION…] FILE"],
  description: [
    "FILE is that of a client: it names the farm, the client, its key, the NATS servers, and the hosts with their public keys. Any command uses the readers with --manager farm:FILE. The status is 1 where a host cannot be reached.",
  ],
  options: {},
  async run({ positionals, values }, terminal) {
    await using farm = await openFarm(onlyFile(positionals));
    const context = await farm.manager.establishContext();
    const hosts = await context.hosts();
    if (values.json === true) {
      const told = hosts.map(({ away, name, readers }) => ({ host: name, away: away?.message, readers }));
      terminal.print(jsonText(told));
    } else {
      for (const { away, name, readers } of hosts) {
        terminal.print(`${name}: ${away === undefined ? count(readers.length) : visible(away.reason)}`);
        for (const reader of readers) terminal.print(`  ${visible(reader)}`);
      }
    }
    return hosts.some(({ away }) => away !== undefined) ? exitCodes.failed : exitCodes.ok;
  },
});

/** `scard farm`: readers on many machines. */
export const farm: Command = commandWithActions({
  name: "farm",
  summary: "use readers on many machines, over NATS",
  description: [
    "Hosts offer their readers, and clients use them as host/reader, with any command: --manager farm:FILE.",
  ],
  actions: [key, serve, status],
});

function onlyFile(positionals: readonly string[]): string {
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) throw new UsageError("name one file");
  return file;
}

function count(readers: number): string {
  return readers === 1 ? "1 reader" : `${readers} readers`;
}
