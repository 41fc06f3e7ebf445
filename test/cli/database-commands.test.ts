// SPDX-License-Identifier: MIT

// The commands that work on the smart card database, and those that name cards by it, over a file of their own.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runProgram } from "../../src/apps/cli/program.ts";
import type { AuditEntry } from "../../src/database/index.ts";
import { openDatabase } from "../../src/platform/node/sqlite/index.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";

const DEMO_ATR = "3B8D8011FE8031F873F721606573636172646C";
const demoAtrInList = DEMO_ATR.replace(/..(?=.)/g, "$& ");
const DEMO_INTERFACE = "{50DD5230-BA8A-11D1-BF5D-0000F805F530}";
const two = ["--manager", "embedded:virtual:Desk+demo,virtual:Door"];

let folder: string;
let environment: { readonly SCARD_DATABASE: string };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-cli-"));
  environment = { SCARD_DATABASE: join(folder, "database.sqlite") };
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const terminal = new RecordedTerminal({ environment });
  const code = await runProgram(args, terminal);
  return { code, out: terminal.printed, err: terminal.said };
}

async function runJson(...args: string[]): Promise<unknown> {
  return JSON.parse((await run(...args, "--json")).out);
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function introduceDemo(): Promise<void> {
  expect((await run("types", "introduce", "Demo card", "--atr", DEMO_ATR, "--interface", DEMO_INTERFACE)).code).toBe(0);
}

describe("scard types", () => {
  it("introduces card types, lists and forgets them", async () => {
    expect(await run("types", "list")).toEqual({
      code: 0,
      out: "",
      err: 'there is no card type: "scard types import" brings some thousands\n',
    });
    const providers = ["--provider", DEMO_INTERFACE, "--csp", "A CSP", "--ksp", "A KSP", "--card-module", "a.so"];
    const about = ["--description", "A card for trying"];
    const atrs = ["--atr", "3B021450/FFFF00F0", "--atr", "3B 0. 1[45]"];
    expect(await run("types", "introduce", "Multiflex", ...atrs, ...providers, ...about)).toEqual({
      code: 0,
      out: "Multiflex: introduced with 2 ATRs\n",
      err: "",
    });
    await introduceDemo();
    expect((await run("types", "list")).out).toBe("Demo card\nMultiflex\n");
    expect((await run("types", "list", "multiFLEX", "--long")).out.split("\n")).toEqual([
      "Multiflex",
      "   ATR         3B 02 00 50  mask FF FF 00 F0",
      "               3B 00 14  mask FF F0 FE",
      `   provider    ${DEMO_INTERFACE}`,
      "   csp         A CSP",
      "   ksp         A KSP",
      "   card-module a.so",
      "   about       A card for trying",
      "",
    ]);
    expect((await run("types", "forget", "MULTIFLEX")).out).toBe("MULTIFLEX: forgotten\n");
    expect(await runJson("types", "list")).toEqual({
      cardTypes: [
        { name: "Demo card", atrs: [{ atr: DEMO_ATR }], interfaces: [DEMO_INTERFACE], providers: {}, description: "" },
      ],
    });
  });

  it("lists those that an ATR may be, the most specific first, and those with an interface", async () => {
    await introduceDemo();
    await run("types", "introduce", "Any of its kind", "--atr", `3B8D${DEMO_ATR.slice(4)}/FFFF${"00".repeat(17)}`);
    expect((await run("types", "list", "--atr", DEMO_ATR)).out).toBe("Demo card\nAny of its kind\n");
    expect((await run("types", "list", "--interface", DEMO_INTERFACE)).out).toBe("Demo card\n");
    expect(await run("types", "list", "--atr", "3B00")).toMatchObject({
      code: 0,
      out: "",
      err: "there is no card type of that kind\n",
    });
  });

  it("imports a list, and tells what was left out", async () => {
    const list = write(
      "list.txt",
      `# a list\n\n${demoAtrInList}\n\tDemo card\n\tThe second line\n\n3B 00 ..\n\tOther\n3B (00\n\tBroken\n`,
    );
    const first = await run("types", "import", list);
    expect(first.code).toBe(0);
    expect(first.out).toMatch(/^2 card types \(2 ATR expressions\): 2 new, 0 replaced, in .*s\n$/);
    expect(first.err).toMatch(/^1 line left out, which cannot be expressed as ATR and mask:\n {2}line 9: .*\n$/);
    expect(await runJson("types", "import", list)).toMatchObject({
      file: list,
      cardTypes: 2,
      added: 0,
      replaced: 2,
      expressions: 2,
      problems: [{ line: 9, message: expect.any(String) }],
    });
    const many = write("many.txt", `${demoAtrInList}\n\tDemo\n${"3B (00\n\tBroken\n".repeat(12)}`);
    expect((await run("types", "import", many)).err).toContain("  and 2 more; --problems shows all\n");
    expect((await run("types", "import", many, "--problems")).err.split("\n")).toHaveLength(14);
  });

  it("imports from the standard input", async () => {
    const terminal = new RecordedTerminal({ environment, input: "3B 00\n\tA card\n" });
    expect(await runProgram(["types", "import", "-"], terminal)).toBe(0);
    expect((await run("types", "list")).out).toBe("A card\n");
  });

  it("says what is wrong, and repeats nothing that was typed", async () => {
    const secret = "002000010431323334";
    for (const args of [
      ["types", "list", secret],
      ["types", "forget", secret],
      ["types", secret],
      ["types", "introduce", "X", "--atr", `${secret}X`],
      ["types", "introduce", "X", "--interface", secret],
      ["groups", "add", "X", secret],
      ["groups", secret],
      ["locate", secret],
      ["select", "--card", secret],
      ["select", "--atr", `${secret}X`],
      ["audit", "--since", secret],
      ["audit", "--limit", `${secret}00`],
    ]) {
      const { code, err, out } = await run(...args);
      expect([code === 1 || code === 2, out], args.join(" ")).toEqual([true, ""]);
      if (args[3] !== "--interface") expect(err).not.toContain("31323334");
    }
    const missing = await run("types", "import", join(folder, "nowhere.txt"));
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("SCARD_E_FILE_NOT_FOUND")]);
    mkdirSync(join(folder, "a-folder"));
    expect((await run("types", "import", join(folder, "a-folder"))).err).toContain("cannot be read: it is a folder");
    expect((await run("types", "import", write("poem.txt", "nothing here\n"))).err).toContain("has no card type");
    expect((await run("types", "list", "a", "b")).err).toContain("argument");
  });

  it("forgets all that are named or, where one is misspelt, none", async () => {
    await introduceDemo();
    const { code, err } = await run("types", "forget", "Demo card", "Demo kard");
    expect([code, err]).toEqual([
      1,
      expect.stringContaining("SCARD_E_UNKNOWN_CARD: no card type has the name of argument 2"),
    ]);
    expect((await run("types", "list")).out).toBe("Demo card\n");
  });
});

describe("the names of cards", () => {
  it("are in scard atr and scard watch", async () => {
    expect((await run("atr", DEMO_ATR)).out).not.toContain("Known as");
    await run("types", "introduce", "Demo card", "--atr", DEMO_ATR, "--description", "From here\nand there");
    expect((await run("atr", DEMO_ATR)).out).toContain(
      "\nKnown as    Demo card\n              From here\n              and there\n",
    );
    expect(await runJson("atr", DEMO_ATR)).toMatchObject({
      cardTypes: [{ name: "Demo card", description: "From here\nand there" }],
    });
    const watched = await run("watch", "--once", ...two);
    expect(watched.out.split("\n")[2]).toBe("              Demo card");
    const [line = ""] = (await run("watch", "--once", "--json", ...two)).out.split("\n");
    expect(JSON.parse(line)).toMatchObject({ reader: "Desk", cards: ["Demo card"] });
  });

  it("are missed with one line where the database cannot be read, and nothing else is", async () => {
    write("database.sqlite", "this is no database, and long enough to be looked at ".repeat(40));
    const named = await run("atr", DEMO_ATR);
    expect([named.code, named.err]).toEqual([0, expect.stringMatching(/^scard: cards are not named: SCARD_.*\n$/)]);
    expect(named.out).toContain("card with T=0 and T=1");
    const watched = await run("watch", "--once", ...two);
    expect([watched.code, watched.err.split("\n").length]).toEqual([0, 2]);
    expect((await run("types", "list")).code).toBe(1);
  });
});

describe("scard groups", () => {
  it("puts readers into groups and takes them out", async () => {
    expect((await run("groups", "list", ...two)).out).toBe("SCard$DefaultReaders\n  Desk\n  Door\n");
    expect(await run("groups", "add", "Doors", "oor", "0", ...two)).toEqual({
      code: 0,
      out: "Door: in Doors\nDesk: in Doors\n",
      err: "",
    });
    expect((await run("groups", "remove", "doors", "desk", ...two)).out).toBe("Desk: out of doors\n");
    const one = await runJson("groups", "list", "--manager", "embedded:virtual:Desk");
    expect(one).toEqual({
      groups: [
        {
          name: "SCard$DefaultReaders",
          readers: [
            { name: "Desk", device: "Desk", attached: true },
            { name: "Door", device: "Door", attached: false },
          ],
        },
        { name: "Doors", readers: [{ name: "Door", device: "Door", attached: false }] },
      ],
    });
    expect((await run("groups", "list", "--manager", "embedded:virtual:Desk")).out).toContain(
      "\n  Door  not attached\n",
    );
    expect((await run("groups", "forget", "DOORS", "Others", ...two)).out).toBe(
      "DOORS: forgotten\nOthers: there was no reader in it\n",
    );
    expect((await run("groups", "list", ...two)).out).not.toContain("Doors");
  });

  it("introduces a group, of which nothing is kept, and refuses the system's", async () => {
    const { code, err, out } = await run("groups", "introduce", "Doors", ...two);
    expect([code, out, err]).toEqual([0, "", expect.stringContaining("Doors is not stored yet")]);
    expect((await run("groups", "forget", "SCard$DefaultReaders", ...two)).err).toContain("SCARD_E_INVALID_PARAMETER");
  });

  it.each([
    [["groups"], /needs an action: list, add, remove, introduce, forget/],
    [["groups", "burn"], /unknown action "burn" \(known: list, add/],
    [["groups", "--no-color"], /options follow the action/],
    [["groups", "list", "Doors"], /this command takes options only/],
    [["groups", "add"], /the name of the group is missing/],
    [["groups", "add", "Doors"], /the readers are missing/],
    [["groups", "forget"], /the names of the groups are missing/],
    [["groups", "list", "--scope", "galaxy"], /--scope is one of user, system/],
    [["types"], /needs an action: list, introduce, forget, import/],
    [["types", "introduce"], /the name of the card type is missing/],
    [["types", "introduce", "A", "B"], /this command takes options only/],
    [["types", "introduce", "A", "--atr", "3B02/FF"], /--atr: ATR and mask differ in length/],
    [["types", "forget"], /the names of the card types are missing/],
    [["types", "import", "a", "b"], /one file is imported at a time/],
    [["locate"], /the name of a card type is missing/],
    [["locate", "A", "--timeout", "soon"], /--timeout is a number of seconds/],
    [["audit", "--since", "soon"], /--since is a time as/],
    [["audit", "--limit", "all"], /--limit is a number/],
    [["select", "Demo"], /this command takes options only/],
    [["select", "--force", "--no-ui"], /only one of --minimal, --force and --no-ui/],
    [["select", "--protocol", "t0"], /--share says which/],
    [["select", "--share", "alone"], /--share is one of exclusive, shared, direct/],
    [["select", "--atr", "card"], /--atr: /],
  ])("%j is a usage error", async (args, message) => {
    const { code, err, out } = await run(...args);
    expect([code, out, err]).toEqual([2, "", expect.stringMatching(message)]);
  });
});

describe("scard locate", () => {
  it("finds a card that is in, by its type's name or a part of it", async () => {
    await introduceDemo();
    const { code, err, out } = await run("locate", "demo CARD", ...two);
    expect([code, out, err]).toEqual([0, "Desk  Demo card\n", 'waiting for "Demo card"\n']);
    expect(await runJson("locate", "demo", ...two)).toEqual({ reader: "Desk", cards: ["Demo card"], atr: DEMO_ATR });
  });

  it("gives up when its time is over, and when it is interrupted", async () => {
    await introduceDemo();
    await run("types", "introduce", "Purse", "--atr", "3B00");
    const { code, err, out } = await run("locate", "purse", "--timeout", "0.01", ...two);
    expect([code, out, err]).toEqual([1, "", expect.stringContaining("SCARD_E_TIMEOUT: no such card")]);
    const terminal = new RecordedTerminal({ environment });
    const locating = runProgram(["locate", "purse", ...two], terminal);
    terminal.interrupt("SIGINT");
    expect([await locating, terminal.printed]).toEqual([130, ""]);
  });

  it("says that nothing has such a name, and where names come from", async () => {
    expect((await run("locate", "demo")).err).toMatch(
      /SCARD_E_UNKNOWN_CARD: argument 1 .*; none is known: "scard types/,
    );
    await introduceDemo();
    expect((await run("locate", "demo", "purse")).err).toMatch(/argument 2 .*; see "scard types list"/);
  });
});

describe("scard audit", () => {
  const entries: AuditEntry[] = [
    { time: Date.UTC(2026, 10, 20), event: "chv-failure", reader: "Desk", card: "Demo", who: "mail (7)" },
    { time: Date.UTC(2026, 10, 21), event: "chv-success", reader: undefined, card: undefined, who: undefined },
  ];

  async function report(...reported: AuditEntry[]): Promise<void> {
    const database = await openDatabase({ path: environment.SCARD_DATABASE });
    for (const entry of reported) database.audit.append(entry);
    database.close();
  }

  it("prints the log, or what is young of it, or the last of it", async () => {
    expect(await run("audit")).toEqual({ code: 0, out: "", err: "nothing has been reported\n" });
    await report(...entries);
    expect((await run("audit")).out).toMatch(/PIN refused {3}Desk {2}Demo {2}by mail \(7\)\n.*PIN verified\n$/);
    const [first, second] = (await runJson("audit")) as object[];
    expect(first).toEqual({ ...entries[0], time: "2026-11-20T00:00:00.000Z" });
    expect(second).toEqual({ event: "chv-success", time: "2026-11-21T00:00:00.000Z" });
    expect(await runJson("audit", "--since", "2026-11-20T12:00Z")).toEqual([second]);
    expect(await runJson("audit", "--limit", "1")).toEqual([second]);
    expect(await runJson("audit", "--limit", "0")).toEqual([]);
  });

  it("follows it until it is interrupted", async () => {
    await report(...entries.slice(0, 1));
    const seen: string[] = [];
    let more = (): void => {};
    const grew = new Promise<void>((resolve) => {
      more = resolve;
    });
    const terminal = new (class extends RecordedTerminal {
      override print(text: string): void {
        seen.push(text);
        if (seen.length === 2) more();
      }
    })({ environment });
    const following = runProgram(["audit", "--follow", "--json"], terminal);
    await report(...entries.slice(1));
    await grew;
    terminal.interrupt("SIGINT");
    expect(await following).toBe(0);
    expect(seen.map((line) => JSON.parse(line))).toMatchObject([{ event: "chv-failure" }, { event: "chv-success" }]);
  });
});

describe("scard select", () => {
  it("takes the only card that fits, without a terminal", async () => {
    expect(await run("select", ...two)).toEqual({ code: 0, out: "Desk\n", err: "" });
    await introduceDemo();
    expect((await run("select", ...two)).out).toBe("Desk  Demo card\n");
    expect(await runJson("select", "--card", "demo", "--interface", DEMO_INTERFACE, ...two)).toEqual({
      reader: "Desk",
      card: "Demo card",
      connected: false,
    });
  });

  it("connects where it is told to", async () => {
    const { out } = await run("select", "--share", "exclusive", "--protocol", "t0", ...two);
    expect(out).toBe("Desk  connected with t0\n");
    expect(await runJson("select", "--share", "shared", ...two)).toMatchObject({ connected: true, protocol: "t1" });
    expect(await runJson("select", "--share", "direct", ...two)).toMatchObject({ connected: true });
  });

  it("searches by ATR and group", async () => {
    const both = ["--manager", "embedded:virtual:Desk+demo,virtual:Door+demo"];
    await run("groups", "add", "Doors", "Door", ...both);
    expect((await run("select", "--group", "Doors", ...both)).out).toBe("Door\n");
    expect((await run("select", "--no-ui", "--atr", DEMO_ATR, ...both)).out).toBe("Desk\n");
    const none = await run("select", "--no-ui", "--atr", "3B00", ...both);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining("SCARD_E_NO_SMARTCARD: no card fits")]);
  });

  it.each([[["--force"]], [[]], [["--json"]]])(
    "says that there is no terminal where it needs one: %j",
    async (more) => {
      const both = ["--manager", "embedded:virtual:Desk+demo,virtual:Door+demo"];
      const { code, err, out } = await run("select", ...more, ...both);
      expect(code).toBe(1);
      expect(err + out).toContain("the dialog needs a terminal");
      if (more.includes("--json")) expect(JSON.parse(out)).toMatchObject({ error: { code: "unsupported-feature" } });
    },
  );
});
