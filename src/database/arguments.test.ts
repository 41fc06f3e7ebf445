// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { foldName, SmartCardError, sameName } from "../port/index.ts";
import { parseAtrExpression } from "./atr-expression.ts";
import { AtrIndex } from "./atr-index.ts";
import { type AtrPattern, countedBits, matchesAtr } from "./atr-pattern.ts";
import { checkCardType } from "./card-type.ts";
import { Database } from "./database.ts";
import { MemoryStore } from "./memory-store.ts";

/** Values that a JavaScript program may pass by mistake. */
const mistakes: readonly unknown[] = [
  ...[null, 5, Number.NaN, true, {}, Object.create(null), [null], [{}], () => undefined, Symbol("mistake"), 10n],
  ...["", "constructor", new Date(0), Uint16Array.of(1)],
];

const card = { name: "Card", atrs: [{ atr: Uint8Array.of(0x3b) }] };
const GUID = "{50DD5230-BA8A-11D1-BF5D-0000F805F530}";

type Call = (database: Database, value: never) => unknown;

const calls: Readonly<Record<string, Call>> = {
  "Database store": (_, value) => new Database(value),
  "Database options": (_, value) => new Database(new MemoryStore(), value),
  "Database below": (_, value) => new Database(new MemoryStore(), { below: value }),
  "introduce init|name": ({ cardTypes }, value) => cardTypes.introduce(value),
  "introduce name": ({ cardTypes }, value) => cardTypes.introduce({ name: value }),
  "introduce atrs": ({ cardTypes }, value) => cardTypes.introduce({ ...card, atrs: value }),
  "introduce atr": ({ cardTypes }, value) => cardTypes.introduce({ ...card, atrs: [{ atr: value }] }),
  "introduce mask": ({ cardTypes }, value) => cardTypes.introduce({ ...card, atrs: [{ ...atrOf(card), mask: value }] }),
  "introduce interfaces": ({ cardTypes }, value) => cardTypes.introduce({ ...card, interfaces: value }),
  "introduce GUID": ({ cardTypes }, value) => cardTypes.introduce({ ...card, primaryProvider: value }),
  "introduce providers": ({ cardTypes }, value) => cardTypes.introduce({ ...card, providers: value }),
  "introduce provider": ({ cardTypes }, value) => cardTypes.introduce({ ...card, providers: { csp: value } }),
  "introduce description": ({ cardTypes }, value) => cardTypes.introduce({ ...card, description: value }),
  "introduceAll init|name": ({ cardTypes }, value) => cardTypes.introduceAll(value),
  "forget name": ({ cardTypes }, value) => cardTypes.forget(value),
  "has name": ({ cardTypes }, value) => cardTypes.has(value),
  "get name": ({ cardTypes }, value) => cardTypes.get(value),
  "find query": ({ cardTypes }, value) => cardTypes.find(value),
  "find atr": ({ cardTypes }, value) => cardTypes.find({ atr: value }),
  "find interfaces": ({ cardTypes }, value) => cardTypes.find({ interfaces: value }),
  "matches names": ({ cardTypes }, value) => cardTypes.matches(value, Uint8Array.of(0x3b)),
  "matches atr": ({ cardTypes }, value) => cardTypes.matches(["Card"], value),
  "setProvider name": ({ cardTypes }, value) => cardTypes.setProvider(value, "csp", "CSP"),
  "setProvider kind": ({ cardTypes }, value) => cardTypes.setProvider("Card", value, GUID),
  "setProvider provider": ({ cardTypes }, value) => cardTypes.setProvider("Card", "csp", value),
  "provider name": ({ cardTypes }, value) => cardTypes.provider(value, "csp"),
  "provider kind": ({ cardTypes }, value) => cardTypes.provider("Card", value),
  "introduce reader": ({ readers }, value) => readers.introduce(value, "Device"),
  "introduce device": ({ readers }, value) => readers.introduce("Reader", value),
  "introduce attached": ({ readers }, value) => readers.introduce("Reader", "Device", value),
  "forget reader's name": ({ readers }, value) => readers.forget(value),
  "forget attached": ({ readers }, value) => readers.forget("Reader", value),
  "introduceGroup group": ({ readers }, value) => readers.introduceGroup(value),
  "forgetGroup group": ({ readers }, value) => readers.forgetGroup(value),
  "addToGroup reader": ({ readers }, value) => readers.addToGroup(value, "Doors", ["Device"]),
  "addToGroup group": ({ readers }, value) => readers.addToGroup("Device", value, ["Device"]),
  "addToGroup attached": ({ readers }, value) => readers.addToGroup("Device", "Doors", value),
  "removeFromGroup reader": ({ readers }, value) => readers.removeFromGroup(value, "Doors", ["Device"]),
  "removeFromGroup group": ({ readers }, value) => readers.removeFromGroup("Device", value, ["Device"]),
  "removeFromGroup attached": ({ readers }, value) => readers.removeFromGroup("Device", "Doors", value),
  "groups attached": ({ readers }, value) => readers.groups(value),
  "list attached": ({ readers }, value) => readers.list(value),
  "available attached": ({ readers }, value) => readers.available(value),
  "available groups": ({ readers }, value) => readers.available([], value),
  "deviceOf name": ({ readers }, value) => readers.deviceOf(value),
  "deviceOf attached": ({ readers }, value) => readers.deviceOf("Device", value),
  "namesOf device": ({ readers }, value) => readers.namesOf(value),
  "namesOf attached": ({ readers }, value) => readers.namesOf("Device", value),
  "append entry": ({ audit }, value) => audit.append(value),
  "append event": ({ audit }, value) => audit.append({ time: 0, event: value } as never),
  "append time": ({ audit }, value) => audit.append({ time: value, event: "chv-failure" } as never),
  "append reader": ({ audit }, value) => audit.append({ time: 0, event: "chv-failure", reader: value } as never),
  "entries limit": ({ audit }, value) => audit.entries(value),
  "checkCardType init|name": (_, value) => checkCardType(value),
  "parseAtrExpression text": (_, value) => parseAtrExpression(value),
  "matchesAtr pattern": (_, value) => matchesAtr(value, Uint8Array.of(0x3b)),
  "matchesAtr atr": (_, value) => matchesAtr(atrOf(card), value),
  "countedBits pattern": (_, value) => countedBits(value),
  "AtrIndex.add pattern": (_, value) => new AtrIndex().add(value, 0),
  "AtrIndex.remove pattern": (_, value) => new AtrIndex().remove(value, 0),
  "AtrIndex.find atr": (_, value) => new AtrIndex().find(value),
  "foldName name": (_, value) => foldName(value),
  "sameName name": (_, value) => sameName("Card", value),
};

function atrOf({ atrs }: typeof card): AtrPattern {
  return atrs[0] ?? { atr: Uint8Array.of(0x3b) };
}

describe("an argument that is not what it has to be is named by a SmartCardError:", () => {
  test.each(Object.entries(calls))("%s", (name, call) => {
    const argument = name.split(" ").at(-1) ?? "";
    const problems: string[] = [];
    for (const value of mistakes) {
      const database = new Database(new MemoryStore());
      database.cardTypes.introduce(card);
      try {
        call(database, value as never);
      } catch (error) {
        if (!(error instanceof SmartCardError)) problems.push(`from inside: ${(error as Error).stack}`);
        else if (error.code.startsWith("invalid-") && !new RegExp(argument, "i").test(error.message))
          problems.push(`not named: ${error.message}`);
      }
    }
    expect(problems).toEqual([]);
  });
});
