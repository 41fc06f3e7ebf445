// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { runProgram } from "../../src/apps/cli/program.ts";
import type { Terminal } from "../../src/apps/cli/terminal.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Setting {
  readonly input?: string;
  readonly environment?: Terminal["environment"];
}

async function run(args: readonly string[], setting: Setting = {}): Promise<Run> {
  const terminal = new RecordedTerminal(setting);
  const code = await runProgram(args, terminal);
  return { code, out: terminal.printed, err: terminal.said };
}

async function runJson<T>(args: readonly string[], setting: Setting = {}): Promise<Run & { readonly json: T }> {
  const result = await run([...args, "--json"], setting);
  return { ...result, json: JSON.parse(result.out) };
}

const commandNames = ["demo", "readers", "watch", "apdu", "atr", "select", "locate", "types", "groups", "audit"];
const SELECT_DEMO = "00A404000BF073636172642E64656D6F00";
const READ_SECRET = "00B0830000";
/** The demo card's PIN in every form in which it could get out. */
const pin = /31[ :]?32[ :]?33[ :]?34|49,\s*50,\s*51,\s*52|MTIzN/;

describe("help", () => {
  it("explains every command, and is data", async () => {
    const overview = await run(["--help"]);
    expect([overview.code, overview.err]).toEqual([0, ""]);
    for (const name of commandNames) {
      expect(overview.out).toMatch(new RegExp(`^ {2}${name} `, "m"));
      const help = await run(["help", name]);
      expect(help.out).toMatch(new RegExp(`^Usage: scard ${name} `));
      expect([help.code, help.err]).toEqual([0, ""]);
      expect(await run([name, "--help"])).toEqual(help);
      const { code, json } = await runJson([name, "-h"]);
      expect([code, json]).toEqual([0, { help: help.out.trimEnd() }]);
      expect((await runJson(["help", name])).json).toEqual(json);
    }
  });

  it("explains the actions of a command one by one", async () => {
    const help = await run(["help", "types", "introduce"]);
    expect(help.out).toMatch(/^Usage: scard types introduce \[OPTION…\] NAME\n/);
    expect(await run(["types", "introduce", "--help"])).toEqual(help);
  });

  it("is JSON where that is asked for, and takes no option that there is not", async () => {
    const overview = await run(["help"]);
    expect((await runJson(["help"])).json).toEqual({ help: overview.out.trimEnd() });
    expect((await runJson(["--help"])).json).toEqual({ help: overview.out.trimEnd() });
    expect(await run(["help", "help"])).toEqual(overview);
    const { code, err } = await run(["help", "--bogus", "readers"]);
    expect([code, err]).toEqual([2, expect.stringContaining("unknown option --bogus")]);
  });

  it("comes with 2 where no command is named", async () => {
    const { code, err, out } = await run([]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Usage: scard COMMAND");
  });

  it("has a version", async () => {
    for (const option of ["--version", "-V", "-v"]) {
      expect((await run([option])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    }
    expect((await runJson<object>(["--version"])).json).toEqual({ version: expect.stringMatching(/^\d+\./) });
  });
});

describe("a usage error ends with 2, and nothing on the standard output", () => {
  it.each([
    [["nonsense"], /unknown command "nonsense"$/m],
    [["reades"], /unknown command "reades"; did you mean "readers"\?$/m],
    [["types", "lsit"], /unknown action "lsit"; did you mean "list"\? \(known: list, introduce, forget, import\)/],
    [["002000010431323334"], /unknown command$/m],
    [["help", "nonsense"], /unknown command "nonsense"/],
    [["--no-color", "readers"], /options follow the command/],
    [["readers", "--nonsense"], /unknown option --nonsense/],
    [["readers", "one"], /this command takes options only/],
    [["demo", "one"], /this command takes options only/],
    [["watch", "--timeout", "soon"], /--timeout is a number of seconds/],
    [["readers", "--manager", "nonsense"], /--manager: "nonsense" describes no manager/],
    [["apdu"], /the commands are missing/],
    [["apdu", "00", "A4", "00", "00"], /argument 1 has fewer than the 4 bytes of a command/],
    [["apdu", "--share", "alone", SELECT_DEMO], /--share is one of exclusive, shared, direct/],
    [["apdu", "--disposition", "burn", SELECT_DEMO], /--disposition is one of leave, reset, unpower, eject/],
    [["apdu", "--protocol", "t2", SELECT_DEMO], /--protocol is one of t0, t1, any/],
    [["atr"], /the ATR is missing/],
    [["atr", "3B", "0Z"], /the ATR: not a hexadecimal digit at position 5/],
    [["atr", "3B0"], /the ATR: an odd number of hexadecimal digits/],
  ])("%j", async (args, message) => {
    const { code, err, out } = await run(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^scard: /);
    expect(err).toMatch(message);
  });

  it("also where SCARD_MANAGER is what is wrong", async () => {
    const { code, err } = await run(["readers"], { environment: { SCARD_MANAGER: "nonsense" } });
    expect([code, err]).toEqual([2, expect.stringContaining('SCARD_MANAGER: "nonsense"')]);
  });
});

describe("a usage error with --json is a JSON document", () => {
  it.each([
    [["reades", "--json"], 'unknown command "reades"; did you mean "readers"?', "scard help"],
    [["--json", "readers"], "options follow the command", "scard help"],
    [["types", "introduce", "--json"], "the name of the card type is missing", "scard help types introduce"],
    [["apdu", "--json", "--tiemout", "1"], "unknown option --tiemout; did you mean --timeout?", "scard help apdu"],
  ])("%j", async (args, message, help) => {
    const { code, err, out } = await run(args);
    expect([code, err]).toEqual([2, ""]);
    expect(JSON.parse(out)).toEqual({ error: { code: "usage-error", message, help } });
  });
});

describe("what fails ends with 1", () => {
  const broken = ["readers", "--manager", "embedded:virtual+/nonexistent/card.json"];

  it("and is told on the standard error", async () => {
    const { code, err, out } = await run(broken);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/^scard: SCARD_E_INVALID_VALUE: /);
  });

  it("or as JSON", async () => {
    const { code, err, json } = await runJson(broken);
    expect([code, err]).toEqual([1, ""]);
    expect(json).toEqual({
      error: {
        code: "invalid-value",
        name: "SCARD_E_INVALID_VALUE",
        rv: 0x8010_0011,
        message: expect.stringContaining("/nonexistent/card.json"),
      },
    });
    expect((await runJson(["atr", "3B9F"])).json).toMatchObject({ error: { code: "invalid-atr" } });
  });
});

describe("scard atr", () => {
  it("names the card of a contactless reader", async () => {
    const { code, json } = await runJson<object>(["atr", "3B8F8001804F0CA0000003060300030000000068"]);
    expect(code).toBe(0);
    expect(json).toMatchObject({
      atr: "3B8F8001804F0CA0000003060300030000000068",
      summary: "PC/SC contactless storage card, MIFARE Ultralight",
      contactless: { kind: "storage-card", cardName: "MIFARE Ultralight", standardName: "ISO/IEC 14443 A, part 3" },
      convention: "direct",
      protocols: [0, 1],
      check: { kind: "present", correct: true },
      historical: { kind: "application-identifier", identifier: "A00000030603000300000000" },
      problems: [],
    });
  });

  it("takes bytes in any number of arguments", async () => {
    const whole = await run(["atr", "3B021450"]);
    expect(await run(["atr", "3b:02", "14-50"])).toEqual(whole);
    expect(whole.out).toMatch(/^TS {10}3B {2}direct convention$/m);
  });
});

describe("scard readers", () => {
  const manager = ["--manager", "embedded:virtual:Desk+demo,virtual:Desk"];

  it("lists readers with their numbers, and the cards in them", async () => {
    expect((await run(["readers", ...manager])).out).toBe(
      '0  Desk  card present  card with T=0 and T=1, "scard"\n1  Desk 1  empty\n',
    );
    expect((await run(["readers", "--long", ...manager])).out).toMatch(/^ {3}id {10}virtual:0$/m);
  });

  it("has them as JSON", async () => {
    const { json } = await runJson(["readers", ...manager]);
    const card = { atr: expect.stringMatching(/^3B/), powered: true, mute: false, summary: expect.any(String) };
    expect(json).toMatchObject({
      readers: [
        { number: 0, name: "Desk", id: "virtual:0", state: ["card present"], card, connections: [], queue: [] },
        { number: 1, name: "Desk 1", id: "virtual:1", state: ["empty"] },
      ],
    });
  });

  it("takes the manager from the environment, and the option before it", async () => {
    const environment = { SCARD_MANAGER: "embedded:virtual:Elsewhere" };
    expect((await run(["readers"], { environment })).out).toBe("0  Elsewhere  empty\n");
    expect((await run(["readers", "--manager", "embedded:virtual:Here"], { environment })).out).toBe(
      "0  Here  empty\n",
    );
  });

  it("says where it is missing", async () => {
    expect(await run(["readers", "--manager", "embedded"])).toEqual({ code: 0, out: "", err: "there is no reader\n" });
    expect((await runJson(["readers", "--manager", "embedded"])).json).toEqual({ readers: [] });
  });
});

describe("scard watch", () => {
  it("tells the state that is, as one JSON object a line", async () => {
    const { code, out } = await run(["watch", "--once", "--json", "--manager", "embedded:virtual:A+demo,virtual:B"]);
    const [first, second, ...rest] = out.trimEnd().split("\n");
    expect([code, rest]).toEqual([0, []]);
    expect(JSON.parse(first ?? "")).toMatchObject({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      reader: "A",
      happenings: ["reader-present", "card-present"],
      flags: ["present"],
      atr: expect.stringMatching(/^3B/),
    });
    expect(JSON.parse(second ?? "")).toMatchObject({ reader: "B", happenings: ["reader-present"], flags: ["empty"] });
  });

  it("ends with 0 when its time is over, and when it is interrupted", async () => {
    expect((await run(["watch", "--timeout", "0"])).code).toBe(0);
    const terminal = new RecordedTerminal();
    const watching = runProgram(["watch"], terminal);
    terminal.interrupt("SIGINT");
    expect(await watching).toBe(0);
  });
});

describe("scard apdu", () => {
  it("explains commands and answers, and follows up", async () => {
    const { code, out } = await run(["apdu", "--protocol", "t0", SELECT_DEMO, "00B0810000"]);
    expect(code).toBe(0);
    expect(out).toContain("> 00 C0 00 00 25");
    expect(out).toContain("9000 success");
    expect(out).toMatch(/^ {2}6F$/m);
    expect(out).toMatch(/^ {4}50 .*"scard demo"$/m);
    expect(out).toContain('"Hello from a card that is made of software."');
    expect((await run(["apdu", "--protocol", "t0", "--no-follow-up", SELECT_DEMO])).out).toContain("\n< 61 25\n");
  });

  it("is one JSON document", async () => {
    const { code, err, json } = await runJson([
      "apdu",
      "--share",
      "exclusive",
      SELECT_DEMO,
      "00B0810000",
      "00A4000C02FFFF",
    ]);
    expect([code, err]).toEqual([0, ""]);
    expect(json).toMatchObject({
      reader: "Virtual Reader",
      shareMode: "exclusive",
      protocol: "t1",
      atr: expect.stringMatching(/^3B/),
      commands: [
        { answer: { sw: "9000", kind: "success", tlv: [{ tag: "6F", children: expect.any(Array) }] } },
        {
          command: "00 B0 81 00 00",
          description: "READ BINARY (00 B0 81 00), channel 0, Le 256",
          answer: { text: "Hello from a card that is made of software." },
          rounds: [{ sent: "00 B0 81 00 00", answer: expect.stringMatching(/9000$/) }],
          ms: expect.any(Number),
        },
        { answer: { sw: "6A82", kind: "checking-error", meaning: "file or application not found", data: "" } },
      ],
    });
  });

  it("works in one transaction, so that what a PIN opens stays open", async () => {
    const { out } = await run(["apdu", SELECT_DEMO, READ_SECRET, "0020000104 31323334", READ_SECRET]);
    expect(out).toContain("6982 security status not satisfied");
    expect(out).toContain('"Only those who know the PIN read this."');
  });

  it("reads commands from lines, with comments", async () => {
    const input = `# the demo application\n${SELECT_DEMO}  # by its name\r\n\n00 B0 81 00 00`;
    expect((await run(["apdu", "-"], { input })).out).toContain('"Hello from');
    const wrong = await run(["apdu", "-"], { input: "\n00A4000Z" });
    expect(wrong).toMatchObject({ code: 2, out: "", err: expect.stringContaining("line 2: not a hexadecimal digit") });
  });

  it("keeps what was answered before a failure", async () => {
    const { code, json } = await runJson([
      "apdu",
      "--protocol",
      "t0",
      "00B0000000",
      `80D60000000100${"00".repeat(256)}`,
    ]);
    expect(code).toBe(1);
    expect(json).toMatchObject({
      error: { code: "unsupported-feature" },
      reader: "Virtual Reader",
      commands: [{ command: "00 B0 00 00 00" }],
    });
    expect((await runJson(["apdu", "--reader", "nowhere", SELECT_DEMO])).json).toEqual({
      error: expect.objectContaining({ code: "unknown-reader" }),
      commands: [],
    });
    expect((await run(["apdu", "--manager", "embedded:virtual", SELECT_DEMO])).err).toContain("SCARD_W_REMOVED_CARD");
  });

  it("sends nothing once it is asked to end", async () => {
    const terminal = new RecordedTerminal();
    terminal.interrupt("SIGINT");
    expect(await runProgram(["apdu", SELECT_DEMO], terminal)).toBe(130);
    expect(terminal.printed).toBe("");
  });
});

describe("a PIN is in no output, no matter how it was typed", () => {
  const verify = "002000010431323334";
  const commandLines: string[][] = [
    ["apdu", verify],
    ["apdu", "--protocol", "t0", verify],
    ["apdu", "00 20 00 01 04 31 32 33 34", "00:20:00:81:04:31:32:33:34"],
    ["apdu", "002000010531323334"],
    ["apdu", "0020000131323334"],
    ["apdu", "00240001083132333431323334"],
    ["apdu", "002C00010831323334313233349000"],
    ["apdu", "00C200000931323334 3132333435"],
    ["apdu", "FF8200000631323334FFFF"],
    ["apdu", `${verify}X`],
    ["apdu", `--${verify}`],
    ["apdu", "--reader", verify, SELECT_DEMO],
    ["apdu", "--share", verify, SELECT_DEMO],
    ["apdu", "--disposition", verify, SELECT_DEMO],
    ["readers", verify],
    ["atr", `${verify}X`],
    ["demo", verify],
    [verify],
    ["help", verify],
    ["watch", "--timeout", verify],
  ];
  it.each(commandLines.map((args) => [args]))("%j", async (args) => {
    for (const more of [[], ["--json"]]) {
      const { code, err, out } = await run([...args, ...more]);
      expect(code).not.toBeUndefined();
      expect(out + err).not.toMatch(pin);
      expect(out + err).not.toBe("");
    }
  });

  it("nor where it comes from the standard input", async () => {
    for (const input of [verify, `${verify}X`, "0020000131323334"]) {
      const { err, out } = await run(["apdu", "-"], { input });
      expect(out + err).not.toMatch(pin);
      expect(out + err).not.toBe("");
    }
  });
});

interface DemoStep {
  readonly step: number;
  readonly chapter: string;
  readonly who: string;
  readonly call: string;
  readonly result: string;
  readonly status?: string;
  readonly ms?: number;
  readonly expected?: string;
}

describe("scard demo", () => {
  it("shows what the issue of sharing a card comes to, each line with what came back", async () => {
    const { code, err, json: steps } = await runJson<DemoStep[]>(["demo"]);
    expect([code, err]).toEqual([0, ""]);
    expect(steps.map(({ step }) => step)).toEqual(steps.map((_, index) => index + 1));
    expect(steps.filter(({ expected }) => expected !== undefined)).toEqual([]);
    const inChapter = (title: RegExp): DemoStep[] => steps.filter(({ chapter }) => title.test(chapter));
    const findIn = (title: RegExp, fact: Partial<DemoStep>): DemoStep[] =>
      inChapter(title).filter((step) =>
        Object.entries(fact).every(([key, value]) => step[key as keyof DemoStep] === value),
      );
    const latencies = (title: RegExp): number[] => inChapter(title).flatMap(({ ms }) => ms ?? []);

    expect(inChapter(/reader appears/).map(({ result }) => result)).toContain("CHANGED, 1 reader");
    expect(inChapter(/card goes in/).map(({ result }) => result)).toContain("CHANGED|PRESENT, event count 2");
    expect(inChapter(/Two programs/).filter(({ who }) => who === "operator")).toEqual([
      expect.objectContaining({ result: expect.stringMatching(/^signer .*no exchange yet; mailer .* waits to begin/) }),
      expect.objectContaining({
        result: expect.stringMatching(/^signer .*last exchange .*; mailer .* waits to begin/),
      }),
    ]);
    expect(findIn(/unlocks with a reset/, { who: "mailer", status: "SCARD_W_RESET_CARD" })).toHaveLength(1);
    expect(latencies(/unlocks with a reset/)).toHaveLength(1);
    expect(latencies(/handed over/)).toHaveLength(1);
    expect(findIn(/exclusively/, { status: "SCARD_E_SHARING_VIOLATION" })[0]?.result).toContain("signer (pid");
    expect(findIn(/cancelled/, { status: "SCARD_E_CANCELLED" })).toHaveLength(1);
    expect(findIn(/dies/, { status: "SCARD_W_RESET_CARD" }).map(({ who }) => who)).toEqual(["signer", "mailer"]);
    expect(findIn(/bad disposition/, { status: "SCARD_E_INVALID_VALUE" })).toHaveLength(1);
    expect(inChapter(/disconnects properly/).at(-1)?.result).toContain('"Only those who know the PIN read this."');
    expect(inChapter(/ejected/).map(({ result }) => result)).toContain("CHANGED|EMPTY, event count 3");
  });

  it("is a transcript for people, without colour where there is no terminal, and without the PIN", async () => {
    const { code, err, out } = await run(["demo"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/\d+ steps, each as it should be, in \d.*\.\n$/);
    expect(out).toContain("VERIFY (00 20 00 01), channel 0, Lc 4, data [4 bytes withheld]");
    expect(out).not.toMatch(pin);
    expect(out).not.toContain("\u001b");
  });
});
