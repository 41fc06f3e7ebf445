// SPDX-License-Identifier: MIT

import type { Command } from "./command.ts";

/** A command of the program that is loaded when it is asked for: most runs of the program are one command. */
interface CommandEntry {
  readonly name: string;
  load(): Promise<Command>;
}

/** In the order of the help. */
const entries: readonly CommandEntry[] = [
  { name: "demo", load: async () => (await import("./demo.ts")).demo },
  { name: "readers", load: async () => (await import("./readers.ts")).readers },
  { name: "watch", load: async () => (await import("./watch.ts")).watch },
  { name: "apdu", load: async () => (await import("./apdu.ts")).apdu },
  { name: "shell", load: async () => (await import("./shell.ts")).shell },
  { name: "atr", load: async () => (await import("./atr.ts")).atr },
  { name: "select", load: async () => (await import("./select.ts")).select },
  { name: "locate", load: async () => (await import("./locate.ts")).locate },
  { name: "types", load: async () => (await import("./types.ts")).types },
  { name: "groups", load: async () => (await import("./groups.ts")).groups },
  { name: "metrics", load: async () => (await import("./metrics.ts")).metrics },
  { name: "allow-last-try", load: async () => (await import("./allow-last-try.ts")).allowLastTry },
  { name: "audit", load: async () => (await import("./audit.ts")).audit },
  { name: "record", load: async () => (await import("./record.ts")).record },
  { name: "replay", load: async () => (await import("./replay.ts")).replay },
  { name: "diff", load: async () => (await import("./diff.ts")).diff },
  { name: "convert", load: async () => (await import("./convert.ts")).convert },
  { name: "card", load: async () => (await import("./card.ts")).card },
  { name: "piv", load: async () => (await import("./piv.ts")).piv },
  { name: "openpgp", load: async () => (await import("./openpgp.ts")).openpgp },
  { name: "ssh-agent", load: async () => (await import("./ssh-agent.ts")).sshAgent },
  { name: "bridge", load: async () => (await import("./bridge.ts")).bridge },
  { name: "farm", load: async () => (await import("./farm.ts")).farm },
  { name: "daemon", load: async () => (await import("./daemon.ts")).daemon },
  { name: "who", load: async () => (await import("./who.ts")).who },
  { name: "top", load: async () => (await import("./top.ts")).top },
  { name: "console", load: async () => (await import("./console.ts")).consolePage },
  { name: "trace", load: async () => (await import("./trace.ts")).trace },
  { name: "insert", load: async () => (await import("./daemon-readers.ts")).insert },
  { name: "eject", load: async () => (await import("./daemon-readers.ts")).eject },
  { name: "remove", load: async () => (await import("./daemon-readers.ts")).remove },
  { name: "release", load: async () => (await import("./usb-claims.ts")).release },
  { name: "claim", load: async () => (await import("./usb-claims.ts")).claim },
  { name: "doctor", load: async () => (await import("./doctor.ts")).doctor },
  { name: "conformance", load: async () => (await import("./conformance.ts")).conformance },
  { name: "completion", load: async () => (await import("./completion.ts")).completionCommand(loadCommands) },
];

/** The names of all commands, in the order of the help. */
export const commandNames: readonly string[] = entries.map(({ name }) => name);

/** The command with this name; undefined where there is none. */
export async function loadCommand(name: string | undefined): Promise<Command | undefined> {
  return entries.find((entry) => entry.name === name)?.load();
}

/** All commands, in the order of the help. */
export async function loadCommands(): Promise<readonly Command[]> {
  return Promise.all(entries.map((entry) => entry.load()));
}
