// SPDX-License-Identifier: MIT

// A service that is not attacked, in a process of its own: node control.js SOCKET TABLE-BYTES
// It answers each message with so many bytes: what a call to it takes is the machine's share of what a call takes.

import { createServer } from "node:net";

const [socket = "", tableBytes = "0"] = process.argv.slice(2);
const answer = new Uint8Array(Number(tableBytes));
const server = createServer((client) => {
  client.on("error", () => {});
  client.on("data", () => client.write(answer));
});
server.listen(socket, () => console.log("ready"));
// It ends with the program that started it, whose end of the pipe is closed then.
process.stdin.on("end", () => process.exit(0)).resume();
