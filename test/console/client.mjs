// SPDX-License-Identifier: MIT

// A program that uses the card of a reader: it says what it has done, and goes on with each line that it is told.

import { createInterface } from "node:readline";
import { pcscdManager } from "scard/pcscd";

const [socket, reader] = process.argv.slice(2);
const context = await pcscdManager({ socket }).establishContext();
const connection = await context.connect(reader, { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
console.log("connected");
for await (const line of createInterface({ input: process.stdin })) {
  const [word, hex = ""] = line.split(" ");
  try {
    if (word === "begin") await connection.beginTransaction();
    else if (word === "end") await connection.endTransaction("leave");
    else if (word === "send") await connection.transmit(new Uint8Array(Buffer.from(hex, "hex")));
    console.log(`${word} done`);
  } catch (error) {
    console.log(`${word} ${error.code}`);
  }
}
