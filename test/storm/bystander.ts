// SPDX-License-Identifier: MIT

// The well-behaved client, in a process of its own: node bystander.js SOCKET CONTROL-SOCKET TABLE-BYTES
// For each number that it reads, on a line, it makes calls for so many milliseconds, and writes how they went.

import { createInterface } from "node:readline";
import { callBoth, HonestClient } from "./honest-client.ts";

const [socket = "", controlSocket = "", tableBytes = "0"] = process.argv.slice(2);
const service = new HonestClient(socket, Number(tableBytes));
const control = new HonestClient(controlSocket, Number(tableBytes));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await callBoth(service, control, Number(line))));
}
process.exit(0);
