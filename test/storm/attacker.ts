// SPDX-License-Identifier: MIT

// One attack, in a process of its own: node attacker.js NAME SOCKET READER SESSIONS TABLE-BYTES NICE UID

import { setPriority } from "node:os";
import { attacks } from "./attacks.ts";

const [name = "", socket = "", reader = "", sessions = "0", tableBytes = "0", nice = "0", uid = ""] =
  process.argv.slice(2);
if (nice !== "0") setPriority(Number(nice));
if (uid !== "") {
  process.setgroups?.([]);
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
}
// It ends with the program that started it, whose end of the pipe is closed then.
process.stdin.on("end", () => process.exit(0)).resume();
await attacks[name]?.run({ socket, reader, sessions: Number(sessions), tableBytes: Number(tableBytes) });
