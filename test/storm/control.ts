// SPDX-License-Identifier: MIT

// A service that is not attacked, in a process of its own: node control.js SOCKET TABLE-BYTES
// It answers each request with as many bytes as a service does, and does nothing else: what a call to it takes is the machine's
// share of what a call takes.

import { createServer } from "node:net";
import { RequestDecoder } from "../../src/wire/pcsclite/index.ts";
import { answerBytes } from "./raw-client.ts";

const [socket = "", tableBytes = "0"] = process.argv.slice(2);
const table = new Uint8Array(Number(tableBytes));
/** No answer is empty, and no number in it is 0. */
const answers = new Map<string, Uint8Array>(
  Object.entries(answerBytes).map(([kind, length]) => [kind, new Uint8Array(length).fill(1)]),
);
const server = createServer((client) => {
  const decoder = new RequestDecoder();
  client.on("error", () => {});
  client.on("data", (bytes) => {
    decoder.push(bytes);
    for (let next = decoder.next(); next?.ok; next = decoder.next())
      client.write(answers.get(next.value.kind) ?? table);
  });
});
server.listen(socket, () => console.log("ready"));
// It ends with the program that started it, whose end of the pipe is closed then.
process.stdin.on("end", () => process.exit(0)).resume();
