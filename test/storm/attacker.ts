// SPDX-License-Identifier: MIT

// One attack, in a process of its own: node attacker.js NAME SOCKET READER SESSIONS TABLE-BYTES NICE UID
// It writes a line when its program is loaded, and begins when it has read one.

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
process.stdin.on("end", () => process.exit(0));
console.log("ready");
await new Promise((begin) => process.stdin.once("data", begin));
await attacks[name]?.run({ socket, reader, sessions: Number(sessions), tableBytes: Number(tableBytes) });
