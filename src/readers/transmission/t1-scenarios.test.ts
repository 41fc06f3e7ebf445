// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { concatBytes, hexBytes } from "../../base/binary/index.ts";
import { T1Exchange, type T1Step } from "./index.ts";
import { encodeT1Block, readT1Block, type T1Block, type T1Format } from "./t1-block.ts";

// ISO/IEC 7816-3:2006, annex A: the scenarios of T=1, in the annex's notation. `>` is a block of ours, `<` one of the card's;
// `>x` and `<x` are blocks that arrive with errors, `<-` is silence for BWT; two blocks of ours in a row: the caller aborts. I-blocks of the card carry the bytes behind them.

const format: T1Format = { nad: 0, edc: "lrc" };
const IFSC = 2;

interface Scenario {
  readonly title: string;
  /** Commands in hexadecimal, one exchange each; `IFS` negotiates IFSD of 7F. */
  readonly exchanges: readonly string[];
  readonly lines: readonly string[];
  /** Responses in hexadecimal, or codes of failures. */
  readonly outcomes: readonly string[];
}

/** Scenarios with the numbers of the annex. */
const scenarios: readonly Scenario[] = [
  {
    title: "1: I-blocks take turns",
    exchanges: ["0102", "0304"],
    lines: ["> I(0,0)", "< I(0,0) 9000", "> I(1,0)", "< I(1,0) 6A82"],
    outcomes: ["9000", "6A82"],
  },
  {
    title: "2: the card asks for more time",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "< S(WTX request) 10", "> S(WTX response) 10", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "3: the card announces another IFSC",
    exchanges: ["0102", "030405"],
    lines: [
      "> I(0,0)",
      "< S(IFS request) 03",
      "> S(IFS response) 03",
      "< I(0,0) 9000",
      // Three bytes go in one block from now on.
      "> I(1,0)",
      "< I(1,0) 9000",
    ],
    outcomes: ["9000", "9000"],
  },
  {
    title: "4: the interface device announces another IFSD",
    exchanges: ["0102", "IFS", "0304"],
    lines: [
      "> I(0,0)",
      "< I(0,0) 9000",
      "> S(IFS request) 7F",
      "< S(IFS response) 7F",
      "> I(1,0)",
      `< I(1,0) ${"AA".repeat(0x7d)}9000`,
    ],
    outcomes: ["9000", "", `${"AA".repeat(0x7d)}9000`],
  },
  {
    title: "5: the interface device chains",
    exchanges: ["010203040506"],
    lines: ["> I(0,1)", "< R(1)", "> I(1,1)", "< R(0)", "> I(0,0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "6: the card chains",
    exchanges: ["0102", "0304"],
    lines: ["> I(0,0)", "< I(0,1) F1F2", "> R(1)", "< I(1,0) 9000", "> I(1,0)", "< I(0,0) 6A82"],
    outcomes: ["F1F29000", "6A82"],
  },
  {
    title: "7: the last block of the card's chain is empty",
    exchanges: ["0102", "0304"],
    lines: ["> I(0,0)", "< I(0,1) 9000", "> R(1)", "< I(1,0)", "> I(1,0)", "< I(0,0) 6A82"],
    outcomes: ["9000", "6A82"],
  },
  {
    title: "8: our I-block has errors",
    exchanges: ["0102"],
    lines: [">x I(0,0)", "< R(0)", "> I(0,0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "9: the card's I-block has errors",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "<x I(0,0) 9000", "> R(0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "10: our I-block has errors, and so has the card's R-block",
    exchanges: ["0102"],
    lines: [">x I(0,0)", "<x R(0)", "> R(0)", "< R(0)", "> I(0,0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "11: the card's I-block has errors, and so has our R-block",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "<x I(0,0) 9000", ">x R(0)", "< R(1)", "> R(0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "12: three blocks in a row have errors",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "<x I(0,0) 9000", ">x R(0)", "<x R(1)", "> R(0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "13: four blocks in a row have errors",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "<x I(0,0) 9000", ">x R(0)", "<x R(1)", ">x R(0)", "< R(1)", "> R(0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "14: S(WTX request) has errors",
    exchanges: ["0102"],
    lines: [
      "> I(0,0)",
      "<x S(WTX request) 10",
      "> R(0)",
      "< S(WTX request) 10",
      "> S(WTX response) 10",
      "< I(0,0) 9000",
    ],
    outcomes: ["9000"],
  },
  {
    title: "15: S(WTX response) has errors",
    exchanges: ["0102"],
    lines: [
      "> I(0,0)",
      "< S(WTX request) 10",
      ">x S(WTX response) 10",
      "< S(WTX request) 10",
      "> S(WTX response) 10",
      "< I(0,0) 9000",
    ],
    outcomes: ["9000"],
  },
  {
    title: "16: S(IFS request) has errors",
    exchanges: ["0102"],
    lines: [
      "> I(0,0)",
      "<x S(IFS request) 79",
      "> R(0)",
      "< S(IFS request) 79",
      "> S(IFS response) 79",
      "< I(0,0) 9000",
    ],
    outcomes: ["9000"],
  },
  {
    title: "17: S(IFS request) has errors, and so has our R-block",
    exchanges: ["0102"],
    lines: [
      "> I(0,0)",
      "<x S(IFS request) 79",
      ">x R(0)",
      "< S(IFS request) 79",
      "> S(IFS response) 79",
      "< I(0,0) 9000",
    ],
    outcomes: ["9000"],
  },
  {
    title: "18: S(IFS response) has errors",
    exchanges: ["0102"],
    lines: [
      "> I(0,0)",
      "< S(IFS request) 79",
      ">x S(IFS response) 79",
      "< S(IFS request) 79",
      "> S(IFS response) 79",
      "< I(0,0) 9000",
    ],
    outcomes: ["9000"],
  },
  {
    title: "19: the I-block behind S(IFS response) has errors",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "< S(IFS request) 79", "> S(IFS response) 79", "<x I(0,0) 9000", "> R(0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "20: the I-block behind S(IFS response) has errors, and so has our R-block",
    exchanges: ["0102"],
    lines: [
      "> I(0,0)",
      "< S(IFS request) 79",
      "> S(IFS response) 79",
      "<x I(0,0) 9000",
      ">x R(0)",
      "< R(1)",
      "> R(0)",
      "< I(0,0) 9000",
    ],
    outcomes: ["9000"],
  },
  {
    title: "21: an R-block within our chain has errors",
    exchanges: ["010203040506"],
    lines: ["> I(0,1)", "<x R(1)", "> R(0)", "< R(1)", "> I(1,1)", "< R(0)", "> I(0,0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "22: both R-blocks within our chain have errors",
    exchanges: ["010203040506"],
    lines: ["> I(0,1)", "<x R(1)", ">x R(0)", "< R(1)", "> I(1,1)", "< R(0)", "> I(0,0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "23: our R-block within the card's chain has errors",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "< I(0,1) F1F2", ">x R(1)", "< R(1)", "> R(1)", "< I(1,0) 9000"],
    outcomes: ["F1F29000"],
  },
  {
    title: "24: both R-blocks within the card's chain have errors",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "< I(0,1) F1F2", ">x R(1)", "<x R(1)", "> R(1)", "< I(1,0) 9000"],
    outcomes: ["F1F29000"],
  },
  {
    title: "25: the interface device ends its own chain",
    exchanges: ["010203040506"],
    lines: ["> I(0,1)", "< R(1)", "> I(1,1)", "> S(ABORT request)", "< S(ABORT response)"],
    outcomes: ["cancelled"],
  },
  {
    title: "26: the card ends its own chain",
    exchanges: ["0102", "0304"],
    lines: [
      "> I(0,0)",
      "< I(0,1) F1F2",
      "> R(1)",
      "< S(ABORT request)",
      "> S(ABORT response)",
      "< R(1)",
      "> I(1,0)",
      "< I(1,0) 9000",
    ],
    outcomes: ["aborted-by-card", "9000"],
  },
  {
    title: "27: the card ends our chain",
    exchanges: ["010203040506", "0304"],
    lines: [
      "> I(0,1)",
      "< R(1)",
      "> I(1,1)",
      "< S(ABORT request)",
      "> S(ABORT response)",
      "< R(0)",
      "> I(0,0)",
      "< I(0,0) 9000",
    ],
    outcomes: ["aborted-by-card", "9000"],
  },
  {
    title: "28: the interface device ends the card's chain",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "< I(0,1) F1F2", "> R(1)", "> S(ABORT request)", "< S(ABORT response)"],
    outcomes: ["cancelled"],
  },
];

/** Resynchronisation: scenarios 29 to 32, after three attempts to get a block. */
const lostStep = ["> I(0,0)", "< I(0,1) F1F2", "> R(1)", "<x", "> R(1)", "<x", "> R(1)", "<x"];
const resynchronisations: readonly Scenario[] = [
  {
    title: "29: the card answers S(RESYNCH request)",
    exchanges: ["0102", "0304"],
    lines: [...lostStep, "> S(RESYNCH request)", "< S(RESYNCH response)", "> I(0,0)", "< I(0,0) 9000"],
    outcomes: ["resynchronised", "9000"],
  },
  {
    title: "30: S(RESYNCH response) has errors",
    exchanges: ["0102", "0304"],
    lines: [
      ...lostStep,
      "> S(RESYNCH request)",
      "<x S(RESYNCH response)",
      "> S(RESYNCH request)",
      "< S(RESYNCH response)",
      "> I(0,0)",
      "< I(0,0) 9000",
    ],
    outcomes: ["resynchronised", "9000"],
  },
  {
    title: "31: S(RESYNCH request) has errors",
    exchanges: ["0102", "0304"],
    lines: [
      ...lostStep,
      ">x S(RESYNCH request)",
      "< R(0)",
      "> S(RESYNCH request)",
      "< S(RESYNCH response)",
      "> I(0,0)",
      "< I(0,0) 9000",
    ],
    outcomes: ["resynchronised", "9000"],
  },
  {
    title: "32: S(RESYNCH request) has errors, and so has the card's R-block",
    exchanges: ["0102", "0304"],
    lines: [
      ...lostStep,
      ">x S(RESYNCH request)",
      "<x R(0)",
      "> S(RESYNCH request)",
      "< S(RESYNCH response)",
      "> I(0,0)",
      "< I(0,0) 9000",
    ],
    outcomes: ["resynchronised", "9000"],
  },
];

/** What the rules say beside the annex's scenarios. */
const rules: readonly Scenario[] = [
  {
    title: "rule 7.4.1: no valid block at the start of the protocol needs a reset",
    exchanges: ["0102", "0304"],
    lines: ["> I(0,0)", "<-", "> R(0)", "<x", "> R(0)", "<-"],
    outcomes: ["no-answer", "reset-needed"],
  },
  {
    title: "rule 7.4.1: S(IFS request) as the first block, never answered",
    exchanges: ["IFS", "0304"],
    lines: ["> S(IFS request) 7F", "<-", "> S(IFS request) 7F", "<-", "> S(IFS request) 7F", "<-"],
    outcomes: ["no-answer", "reset-needed"],
  },
  {
    title: "rule 7.4.3: three S(RESYNCH request) without an answer need a reset",
    exchanges: ["0102", "0304"],
    lines: [
      ...lostStep,
      "> S(RESYNCH request)",
      "<-",
      "> S(RESYNCH request)",
      "< R(0)",
      "> S(RESYNCH request)",
      "< I(1,0) 9000",
    ],
    outcomes: ["invalid-answer", "reset-needed"],
  },
  {
    title: "rule 6: a chain that the card cannot have whole is sent anew",
    exchanges: ["010203040506"],
    lines: [
      "> I(0,1)",
      "< R(1)",
      "> I(1,1)",
      "<-",
      "> R(0)",
      "<-",
      "> R(0)",
      "<-",
      "> S(RESYNCH request)",
      "< S(RESYNCH response)",
      "> I(0,1)",
      "< R(1)",
      "> I(1,1)",
      "< R(0)",
      "> I(0,0)",
      "< I(0,0) 9000",
    ],
    outcomes: ["9000"],
  },
  {
    title: "rule 6: a chain is sent anew once only",
    exchanges: ["01020304"],
    lines: [
      "> I(0,1)",
      ...["< R(0)", "> I(0,1)", "< R(0)", "> I(0,1)", "< R(0)", "> I(0,1)", "< R(0)", "> I(0,1)", "< R(0)"],
      ...["> S(RESYNCH request)", "< S(RESYNCH response)", "> I(0,1)"],
      ...["< R(0)", "> I(0,1)", "< R(0)", "> I(0,1)", "< R(0)", "> I(0,1)", "< R(0)", "> I(0,1)", "< R(0)"],
    ],
    outcomes: ["invalid-answer"],
  },
  {
    title: "rule 6: IFSC and IFSD are those of the start after a resynchronisation",
    exchanges: ["0102", "030405", "060708"],
    lines: [
      "> I(0,0)",
      "< S(IFS request) 03",
      "> S(IFS response) 03",
      "< I(0,0) 9000",
      "> I(1,0)",
      ...["<-", "> R(1)", "<-", "> R(1)", "<-"],
      "> S(RESYNCH request)",
      "< S(RESYNCH response)",
      "> I(0,1)",
      "< R(1)",
      "> I(1,0)",
      "< I(0,0) 9000",
    ],
    outcomes: ["9000", "resynchronised", "9000"],
  },
  {
    title: "rule 6: an echo of S(RESYNCH response) is not taken for a second one",
    exchanges: ["0102", "0304", "0506"],
    lines: [
      ...lostStep,
      ...["> S(RESYNCH request)", "< S(RESYNCH response)"],
      ...["> I(0,0)", "< S(RESYNCH response)", "> R(0)", "<-", "> R(0)", "<-"],
    ],
    outcomes: ["resynchronised", "no-answer", "reset-needed"],
  },
  {
    title: "rule 2.2: a response within our chain is no answer to it",
    exchanges: ["010203"],
    lines: ["> I(0,1)", "< I(0,0) 9000", "> R(0)", "< R(1)", "> I(1,0)", "< I(0,0) 6A82"],
    outcomes: ["6A82"],
  },
  {
    title: "rule 9: the card's answer may follow when it has ended our chain",
    exchanges: ["010203040506", "0304"],
    lines: ["> I(0,1)", "< S(ABORT request)", "> S(ABORT response)", "< I(0,0) 6700", "> I(1,0)", "< I(1,0) 9000"],
    outcomes: ["6700", "9000"],
  },
  {
    title: "rule 9: S(ABORT response) has errors",
    exchanges: ["010203040506"],
    lines: [
      "> I(0,1)",
      "< S(ABORT request)",
      ">x S(ABORT response)",
      "< S(ABORT request)",
      "> S(ABORT response)",
      "< R(1)",
    ],
    outcomes: ["aborted-by-card"],
  },
  {
    title: "rule 9: there is no chain to end",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "< S(ABORT request)", "> R(0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "only the interface device resynchronises",
    exchanges: ["0102"],
    lines: ["> I(0,0)", "< S(RESYNCH request)", "> R(0)", "< I(0,0) 9000"],
    outcomes: ["9000"],
  },
  {
    title: "an abort without a chain is a resynchronisation",
    exchanges: ["0102", "0304"],
    lines: [
      ...["> I(0,0)", "< I(0,0) 9000"],
      ...["> I(1,0)", "> S(RESYNCH request)", "< I(1,0) 9000", "> S(RESYNCH request)", "< S(RESYNCH response)"],
    ],
    outcomes: ["9000", "cancelled"],
  },
  {
    title: "what follows an abort begins with a resynchronisation",
    exchanges: ["0102", "0304"],
    lines: [
      ...["> I(0,0)", "< I(0,1) F1F2", "> R(1)", "> S(ABORT request)", "<-", "> S(ABORT request)"],
      ...["< S(ABORT response)", "> S(RESYNCH request)", "< S(RESYNCH response)", "> I(0,0)", "< I(0,0) 9000"],
    ],
    outcomes: ["cancelled", "9000"],
  },
  {
    title: "a card that refuses S(IFS request) is used with IFSD 32",
    exchanges: ["IFS", "0102"],
    lines: [
      ...[
        "> S(IFS request) 7F",
        "< R(0)",
        "> S(IFS request) 7F",
        "< S(IFS response) 20",
        "> S(IFS request) 7F",
        "< R(0)",
      ],
      ...["> S(RESYNCH request)", "< S(RESYNCH response)", "> I(0,0)", "< I(0,0) 9000"],
    ],
    outcomes: ["invalid-answer", "9000"],
  },
];

const kinds: Readonly<Record<string, "resynch" | "ifs" | "abort" | "wtx">> = {
  RESYNCH: "resynch",
  IFS: "ifs",
  ABORT: "abort",
  WTX: "wtx",
};

/** A block in the annex's notation. */
function parseBlock(text: string): T1Block {
  const [, kind, inside = "", rest = ""] = /^([IRS])\((.*)\) ?([0-9A-F]*)$/.exec(text) ?? [];
  const information = hexBytes(rest);
  if (kind === "I") return { kind, sequence: Number(inside[0]), more: inside[2] === "1", information };
  if (kind === "R") return { kind, sequence: Number(inside), error: "none" };
  const [name = "", way] = inside.split(" ");
  const about = kinds[name];
  if (kind !== "S" || about === undefined) throw new Error(`no block: ${text}`);
  return { kind, about, response: way === "response", value: information[0] };
}

/** The notation of a block of ours. Information is left out: the test compares it with the command. */
function nameOf(bytes: Uint8Array): string {
  const read = readT1Block(bytes, format, 254);
  if (!read.valid) throw new Error("the engine sent no valid block");
  const { block } = read;
  if (block.kind === "I") return `I(${block.sequence},${Number(block.more)})`;
  if (block.kind === "R") return `R(${block.sequence})`;
  const name = Object.keys(kinds).find((key) => kinds[key] === block.about);
  const value = block.value === undefined ? "" : ` ${block.value.toString(16).toUpperCase().padStart(2, "0")}`;
  return `S(${name} ${block.response ? "response" : "request"})${value}`;
}

function play({ exchanges, lines, outcomes }: Scenario): void {
  const engine = new T1Exchange({ ifsc: IFSC, edc: "lrc" });
  const waiting = [...exchanges];
  const expected = [...outcomes];
  const begin = (): T1Step | undefined => {
    const next = waiting.shift();
    if (next === undefined) return undefined;
    return next === "IFS" ? engine.negotiateIfsd(0x7f) : engine.transmit(hexBytes(next));
  };
  let step = begin();
  const settle = (): void => {
    while (step !== undefined && step.kind !== "send") {
      const outcome = expected.shift();
      if (step.kind === "done") expect(step.response).toEqual(hexBytes(outcome ?? "none"));
      else expect(step.code).toBe(outcome);
      step = begin();
    }
  };
  settle();
  for (const [index, line] of lines.entries()) {
    const [mark = "", ...words] = line.split(" ");
    if (mark.startsWith(">")) {
      // A second block of ours in a row: the caller ends the exchange.
      if (lines[index - 1]?.startsWith(">")) step = engine.abort();
      expect(step?.kind === "send" ? nameOf(step.block) : step?.kind, `line ${index + 1}`).toBe(words.join(" "));
      continue;
    }
    if (mark === "<-") step = engine.failed("timeout");
    else {
      const block = encodeT1Block(parseBlock(words.join(" ") || "I(0,0) 00"), format);
      const last = block.length - 1;
      if (mark === "<x") block[last] = (block[last] ?? 0) ^ 0x01;
      step = engine.received(block);
    }
    settle();
  }
  expect(expected, "outcomes that did not come").toEqual([]);
}

describe("ISO/IEC 7816-3:2006, annex A", () => {
  test.each([...scenarios, ...resynchronisations].map((scenario) => [scenario.title, scenario] as const))(
    "scenario %s",
    (_, scenario) => play(scenario),
  );
});

describe("ISO/IEC 7816-3:2006, 11.6", () => {
  test.each(rules.map((scenario) => [scenario.title, scenario] as const))("%s", (_, scenario) => play(scenario));
});

test("every block of a chain has the next bytes of the command, also when it is repeated", () => {
  const engine = new T1Exchange({ ifsc: IFSC, edc: "lrc" });
  const information = (step: T1Step): Uint8Array =>
    step.kind === "send" ? step.block.slice(3, -1) : expect.unreachable(step.kind);
  const parts = [information(engine.transmit(hexBytes("0102030405")))];
  const reply = (text: string): T1Step => engine.received(encodeT1Block(parseBlock(text), format));
  expect(information(reply("R(0)"))).toEqual(parts[0]);
  parts.push(information(reply("R(1)")));
  // The card may take another size from now on; a repeated block keeps its own.
  reply("S(IFS request) 01");
  expect(information(reply("R(1)"))).toEqual(parts[1]);
  parts.push(information(reply("R(0)")));
  expect(concatBytes(...parts)).toEqual(hexBytes("0102030405"));
});
