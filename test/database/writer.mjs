// SPDX-License-Identifier: MIT

// A program that writes to a database and says what it has done, a line for each change that has returned:
//
//   node writer.mjs introduce FILE PREFIX COUNT   introduces cards, and puts them into readers' groups now and then
//   node writer.mjs share FILE PREFIX COUNT       puts one reader, which others write to as well, into groups
//   node writer.mjs import FILE PREFIX COUNT      introduces cards all at once
//   node writer.mjs foreign FILE PREFIX COUNT     tries to write as a user who may only read

import { writeSync } from "node:fs";
import { Database } from "../../dist/database/index.js";
import { SqliteStore } from "../../dist/platform/node/sqlite/index.js";

const [mode, file, prefix, count] = process.argv.slice(2);

/** Not console.log: what was said must be with the other side even if we are killed right after. */
function say(line) {
  writeSync(1, `${line}\n`);
}

function card(number) {
  const atrs = [0, 1, 2].map((last) => ({ atr: Uint8Array.of(0x3b, number >> 8, number & 0xff, last) }));
  return { name: `${prefix} ${number}`, atrs, providers: { csp: `CSP ${number}` } };
}

if (mode === "foreign") {
  process.setgid(65534);
  process.setuid(65534);
}
const database = new Database(await SqliteStore.open(file));
say("ready");
if (mode === "introduce") {
  for (let number = 0; number < Number(count); number++) {
    database.cardTypes.introduce(card(number));
    if (number % 5 === 0) database.readers.introduce(`${prefix} ${number}`, `device ${number}`);
    say(number);
  }
} else if (mode === "share") {
  for (let number = 0; number < Number(count); number++) {
    database.readers.addToGroup("Shared", `${prefix} ${number}`, ["Shared"]);
    database.audit.append({ time: number, event: "chv-success", who: prefix });
    say(number);
  }
} else if (mode === "import") {
  database.cardTypes.introduceAll(Array.from({ length: Number(count) }, (_, number) => card(number)));
  say("imported");
} else {
  say(database.cardTypes.list().length);
  try {
    database.cardTypes.introduce({ name: "mine" });
  } catch (error) {
    say(error.code);
  }
}
database.close();
