#!/usr/bin/env node
// SPDX-License-Identifier: MIT

// A pinentry for tests: answers for the user, from the file PINS beside gpg's home, one "prompt pattern = answer" a line.
// The first pattern that the prompt or the description contains is taken. It writes what it was asked, never an answer.

import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const home = process.env.GNUPGHOME ?? "";
const texts = { SETDESC: "", SETPROMPT: "", SETERROR: "" };

const say = (line) => process.stdout.write(`${line}\n`);
const decoded = (text) =>
  text.replaceAll(/%([0-9A-F]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));

function answer() {
  const asked = `${texts.SETERROR} | ${texts.SETPROMPT} | ${texts.SETDESC}`.replaceAll("\n", " ");
  appendFileSync(join(home, "asked"), `${asked}\n`);
  const lines = readFileSync(join(home, "pins"), "utf8").split("\n");
  const rules = lines.flatMap((line) => (line.includes("=") ? [line.split("=")] : []));
  // Answers that are wrong stay wrong: asking again would never end.
  if (texts.SETERROR !== "") return undefined;
  // What is asked for a second time is what was new the first time; each question has a process of its own.
  const question = asked.replace("Repeat this", "New");
  return rules.find(([pattern = ""]) => question.includes(pattern))?.[1];
}

say("OK ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [command = "", ...rest] = line.split(" ");
  if (command in texts) texts[command] = decoded(rest.join(" "));
  if (command === "GETPIN") {
    const pin = answer();
    if (pin === undefined) {
      say("ERR 83886179 Operation cancelled <Pinentry>");
    } else {
      say(`D ${pin}`);
      say("OK");
    }
    texts.SETERROR = "";
    continue;
  }
  say("OK");
  if (command === "BYE") process.exit(0);
}
