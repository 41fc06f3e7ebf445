// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../../base/binary/index.ts";
import { encodeCommand } from "../../base/iso7816/index.ts";
import type { ObservedCardEvent } from "../calls/index.ts";
import { CardPolicy, type Refusal } from "./card-policy.ts";
import type { PolicyOptions } from "./policy-options.ts";

const tool = { name: "tool", pid: 1, uid: 1000 };
const other = { name: "other", pid: 2, uid: 1001 };

const SELECT_PIV = "00A404000BA000000308000010000100";
const SELECT_OPENPGP = "00A4040006D27600012401";
const SELECT_GIDS = "00A404000BA000000397425446590201";
const PIN = "313233343536FFFF";
const VERIFY_PIV = `0020008008${PIN}`;

/** A policy, and a reader in which commands are sent. */
function stage(options: PolicyOptions) {
  let now = 0;
  const refusals: Refusal[] = [];
  const policy = new CardPolicy(options, { clock: { now: () => now }, refused: (refusal) => refusals.push(refusal) });
  const ask = (command: string | Uint8Array, client = tool) => ({
    client,
    reader: "Desk",
    connection: 1,
    command: typeof command === "string" ? hexBytes(command) : command,
  });
  const before = (command: string | Uint8Array, client = tool) => policy.before(ask(command, client));
  /** Sends a command where it may be sent; what is returned is the rule that refuses it. */
  const send = (command: string | Uint8Array, response = "9000", client = tool): string | undefined => {
    const refused = before(command, client);
    if (refused === undefined) policy.after({ ...ask(command, client), response: hexBytes(response) });
    expect(refused === undefined || refused.code === "security-violation").toBe(true);
    return refused === undefined ? undefined : /policy\.(\S+) refuses/.exec(refused.message)?.[1];
  };
  const change = (change: ObservedCardEvent["change"]): void =>
    policy.observed({
      kind: "card",
      number: 1,
      time: 0,
      reader: "Desk",
      change,
      atr: "",
      client: undefined,
      cause: undefined,
    });
  return {
    policy,
    before,
    send,
    refusals,
    change,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe("the last try of a PIN", () => {
  const options = { lastTry: "confirm" } as const;

  it("is refused after 63C1, for each program, until it is confirmed, and once", () => {
    const { before, pass, policy, refusals, send } = stage(options);
    send(SELECT_PIV);
    expect(send(VERIFY_PIV, "63C2")).toBeUndefined();
    expect(send(VERIFY_PIV, "63C1")).toBeUndefined();
    expect(send(VERIFY_PIV)).toBe("lastTry");
    const refused = before(VERIFY_PIV, other);
    expect(refused?.code).toBe("security-violation");
    expect(refused?.details).toMatchObject({ reader: "Desk", triesLeft: 1 });
    expect(refused?.message).toContain('scard allow-last-try "Desk"');
    policy.allowLastTry("DESK", 60_000);
    pass(60_000);
    expect(send(VERIFY_PIV)).toBe("lastTry");
    policy.allowLastTry("desk", 60_000);
    expect(send(VERIFY_PIV, "63C0")).toBeUndefined();
    policy.allowLastTry("Desk", 60_000);
    expect(send(VERIFY_PIV, "6983")).toBeUndefined();
    expect(JSON.stringify(refusals)).not.toMatch(/31 ?32 ?33 ?34/);
    expect(refusals[0]).toMatchObject({ client: tool, reader: "Desk", rule: "lastTry" });
    expect(refusals[0]?.command).toMatch(/^VERIFY \(20\) of A0 ?00 ?00 ?03 ?08/);
  });

  it("is one confirmation for one command", () => {
    const { policy, send } = stage(options);
    send(SELECT_PIV);
    send(VERIFY_PIV, "63C1");
    policy.allowLastTry("Desk", 60_000);
    expect(send(VERIFY_PIV, "63C1")).toBeUndefined();
    expect(send(VERIFY_PIV, "63C1")).toBe("lastTry");
  });

  it("is known from an empty VERIFY, which is never refused", () => {
    const { send } = stage(options);
    send(SELECT_PIV);
    expect(send("00200080", "63C1")).toBeUndefined();
    expect(send("00200080", "63C1")).toBeUndefined();
    expect(send(VERIFY_PIV)).toBe("lastTry");
    expect(send(`0024008010${PIN}${PIN}`)).toBe("lastTry");
  });

  it("is over when the PIN was right", () => {
    const { policy, send } = stage(options);
    send(SELECT_PIV);
    send(VERIFY_PIV, "63C1");
    policy.allowLastTry("Desk", 1000);
    send(VERIFY_PIV, "9000");
    expect(send(VERIFY_PIV, "9000")).toBeUndefined();
  });

  it("is that of the PUK where RESET RETRY COUNTER of PIV compares it", () => {
    const { send } = stage(options);
    send(SELECT_PIV);
    expect(send(`002C008010${PIN}${PIN}`, "63C1")).toBeUndefined();
    expect(send(`002C008010${PIN}${PIN}`)).toBe("lastTry");
    expect(send(`0024008110${PIN}${PIN}`)).toBe("lastTry");
    // The PIN itself has other tries.
    expect(send(VERIFY_PIV, "63C2")).toBeUndefined();
  });

  it("is known of OpenPGP by its status bytes, and by wrong passwords that say nothing", () => {
    const { send } = stage(options);
    send(SELECT_OPENPGP);
    send("00CA00C400", "007F7F7F0300039000");
    expect(send(`0020008106${"31".repeat(6)}`, "6982")).toBeUndefined();
    expect(send(`0020008206${"31".repeat(6)}`, "6982")).toBeUndefined();
    // 81 and 82 are one password with one counter.
    expect(send(`0020008106${"31".repeat(6)}`)).toBe("lastTry");
    expect(send(`0020008206${"31".repeat(6)}`)).toBe("lastTry");
    expect(send(`0020008308${"31".repeat(8)}`, "6982")).toBeUndefined();
    send("00CA00C400", "007F7F7F0301039000");
    expect(send(`002C008112${"31".repeat(18)}`)).toBe("lastTry");
    // After VERIFY of PW3 no code is compared.
    expect(send(`002C028106${"31".repeat(6)}`)).toBeUndefined();
    send("00CA006E00", "6E0B7309C407007F7F7F0303019000");
    expect(send(`0020008308${"31".repeat(8)}`)).toBe("lastTry");
  });

  it("is known of GIDS and of Yubico's PIV by what tells their tries", () => {
    const gids = stage(options);
    gids.send(SELECT_GIDS);
    gids.send("00CB3FFF045C027F7200", "7F72069701019301039000");
    expect(gids.send("00200080083132333435363738")).toBe("lastTry");
    const piv = stage(options);
    piv.send(SELECT_PIV);
    piv.send("00F7008000", "05010006020301" + "9000");
    expect(piv.send(VERIFY_PIV)).toBe("lastTry");
  });

  it("is another one for another card, but not after a reset", () => {
    const { change, send } = stage(options);
    send(SELECT_PIV);
    send(VERIFY_PIV, "63C1");
    change("reset");
    // Which application is selected is not known: it may be that one.
    expect(send(VERIFY_PIV)).toBe("lastTry");
    send(SELECT_PIV);
    expect(send(VERIFY_PIV)).toBe("lastTry");
    change("removed");
    change("inserted");
    expect(send(VERIFY_PIV, "63C2")).toBeUndefined();
  });

  it("belongs to the application", () => {
    const { send } = stage(options);
    send(SELECT_PIV);
    send(VERIFY_PIV, "63C1");
    send(SELECT_OPENPGP);
    expect(send("00200080083132333435363738", "63C2")).toBeUndefined();
    send(SELECT_PIV);
    expect(send(VERIFY_PIV)).toBe("lastTry");
  });

  it.each([
    ["another logical channel", `0120008008${PIN}`, "00700000 01", "01A404000BA000000308000010000100"],
    ["a channel from 4 on", `4020008008${PIN}`],
    ["extended length fields", `00200080000008${PIN}`],
    ["a part of a chain", `1020008004${PIN.slice(0, 8)}`],
    ["the form with BER-TLV data", `002100800A5308${PIN}`],
    ["a proprietary class", `8020008008${PIN}`],
    ["the class of the reader", `FF20008008${PIN}`],
    ["secure messaging", `0C200080108709${"00".repeat(14)}`],
    ["a malformed command", `${VERIFY_PIV}000000`],
    ["a command that is cut short", `0020008008${PIN.slice(2)}`],
    ["ENVELOPE", `00C200000D${VERIFY_PIV}`],
    ["a frame that the reader passes on", `FF0000000D${VERIFY_PIV}`],
    ["a wrong class", `2020008008${PIN}`],
  ])("cannot be had by %s", (_, command, ...preparation) => {
    const { send } = stage(options);
    send(SELECT_PIV);
    send(VERIFY_PIV, "63C1");
    for (const one of preparation) send(one.replaceAll(" ", ""), one.startsWith("0070") ? "019000" : "9000");
    expect(send(command)).toBe("lastTry");
  });

  it("cannot be had by a PIN pad, whose command has no PIN in it yet", () => {
    const { policy, send } = stage(options);
    send(SELECT_PIV);
    const input = (command: string) =>
      concatBytes(new Uint8Array(15), Uint8Array.of(hexBytes(command).length, 0, 0, 0), hexBytes(command));
    const ask = { client: tool, reader: "Desk", connection: 1, code: 0x4233_0006, input: input("0020008000") };
    expect(policy.beforeControl(ask)).toBeUndefined();
    policy.afterControl({ ...ask, output: hexBytes("63C1") });
    expect(policy.beforeControl(ask)?.code).toBe("security-violation");
    // What the reader has can be asked for; what cannot be read is refused while a PIN is at its last try.
    expect(policy.beforeControl({ ...ask, code: 0x4200_0d48, input: new Uint8Array(0) })).toBeUndefined();
    expect(policy.beforeControl({ ...ask, code: 1, input: hexBytes(VERIFY_PIV) })?.code).toBe("security-violation");
  });
});

describe("how fast PINs are compared", () => {
  it("is limited for a program, whatever its process", () => {
    const { pass, send } = stage({ verifications: { count: 2, windowMs: 1000 } });
    expect(send(VERIFY_PIV, "63C2")).toBeUndefined();
    expect(send(VERIFY_PIV, "63C2", { ...tool, pid: 77 })).toBeUndefined();
    expect(send(VERIFY_PIV, "63C2", { ...tool, pid: 78 })).toBe("verifications");
    expect(send(VERIFY_PIV, "63C2", other)).toBeUndefined();
    expect(send("00200080", "63C2")).toBeUndefined();
    expect(send(`00C200000D${VERIFY_PIV}`)).toBe("verifications");
    pass(1000);
    expect(send(VERIFY_PIV)).toBeUndefined();
  });

  it("is limited for programs that are more than are counted, together", () => {
    const { pass, send } = stage({ verifications: { count: 1, windowMs: 1000 } });
    for (let uid = 0; uid < 1024; uid++) expect(send(VERIFY_PIV, "63C2", { ...tool, uid })).toBeUndefined();
    expect(send(VERIFY_PIV, "63C2", { ...tool, uid: 5000 })).toBeUndefined();
    expect(send(VERIFY_PIV, "63C2", { ...tool, uid: 5001 })).toBe("verifications");
    pass(1001);
    expect(send(VERIFY_PIV, "63C2", { ...tool, uid: 5001 })).toBeUndefined();
  });
});

describe("rules", () => {
  const noPiv = { rules: [{ effect: "deny", application: "A000000308" }] } as const;

  it("deny an application: its selection, and all that is not known to be for another one", () => {
    const { change, send } = stage(noPiv);
    expect(send("00B0000000")).toBe("rules[0]");
    expect(send(SELECT_OPENPGP)).toBeUndefined();
    expect(send("00CA00C400", "007F7F7F0303039000")).toBeUndefined();
    expect(send(SELECT_PIV)).toBe("rules[0]");
    // A part of the name could be that of the application, and an empty one is whatever comes first.
    expect(send("00A4040003A00000")).toBe("rules[0]");
    expect(send("00A4040000")).toBe("rules[0]");
    expect(send("00CA00C400")).toBeUndefined();
    change("reset");
    expect(send("00CA00C400")).toBe("rules[0]");
  });

  it("know what was selected by part of a name where the card tells the whole", () => {
    const { send } = stage({ rules: [{ effect: "deny", application: "A0000003080000", instructions: [0x20] }] });
    expect(send("00A4040005A000000308", "6F0D840BA0000003080000100001009000")).toBeUndefined();
    expect(send(VERIFY_PIV)).toBe("rules[0]");
  });

  it.each([
    ["secure messaging", `0CA4040010${"87".repeat(16)}`],
    ["secure messaging of GlobalPlatform", "84CA00C400"],
    ["a chained SELECT", "10A4040005A000000308"],
    ["ENVELOPE", `00C2000010${SELECT_PIV}`],
    ["a frame that the reader passes on", `FF00000010${SELECT_PIV}`],
    ["a malformed command", "00A404000BA0000003"],
    ["two bytes", "00A4"],
    ["a reserved class", "20CA00C400"],
    ["a logical channel on which nothing was selected", "01CA00C400"],
    ["extended length fields", "00A4040000000BA000000308000010000100"],
    ["the next occurrence of a part", "00A4040203A00000"],
    ["SELECT with a name and another P1", "00A400000BA000000308000010000100"],
  ])("are not passed by %s", (_, command) => {
    const { send } = stage(noPiv);
    send(SELECT_OPENPGP);
    expect(send(command)).toBe("rules[0]");
  });

  it("follow each logical channel", () => {
    const { send } = stage({ rules: [{ effect: "deny", application: "A000000308", instructions: [0x87] }] });
    send(SELECT_OPENPGP);
    expect(send("0070000001", "019000")).toBeUndefined();
    expect(send("01A404000BA000000308000010000100")).toBeUndefined();
    expect(send("00870000021122")).toBeUndefined();
    expect(send("01870000021122")).toBe("rules[0]");
    // Only the application knows which channel such a class names.
    expect(send("80860000021122")).toBe("rules[0]");
    expect(send("00A4000002DF01")).toBeUndefined();
    expect(send("00870000021122")).toBe("rules[0]");
  });

  it("do not take a name for that of the application where SELECT asks for something else", () => {
    const { send } = stage(noPiv);
    send(SELECT_OPENPGP);
    expect(send("00A4000006D27600012401")).toBeUndefined();
    expect(send("00CA00C400")).toBe("rules[0]");
  });

  it("deny an instruction in each of its forms", () => {
    const { send } = stage({ rules: [{ effect: "deny", instructions: [0x24] }] });
    for (const command of ["0024008002AABB", "0025008002AABB", "1024008002AABB", "8024008002AABB", "0C24008002AABB"])
      expect(send(command)).toBe("rules[0]");
    expect(send("0020008002AABB")).toBeUndefined();
    expect(send("0C20008002AABB")).toBe("rules[0]");
  });

  it("are about users, programs and readers, and the first that matches counts", () => {
    const { send } = stage({
      rules: [
        { effect: "allow", uid: 1001, application: "A000000308" },
        { effect: "allow", program: "to*", instructions: [0xa4] },
        { effect: "deny", reader: "des*" },
        { effect: "deny", reader: "Hall" },
      ],
    });
    expect(send(SELECT_PIV, "9000", other)).toBeUndefined();
    expect(send("00CB3FFF055C035FC10200", "9000", other)).toBeUndefined();
    expect(send(SELECT_PIV)).toBeUndefined();
    expect(send("00CB3FFF055C035FC10200")).toBe("rules[2]");
    // What allows a client some application does not allow what cannot be read.
    expect(send("0CCB3FFF055C035FC10200", "9000", other)).toBe("rules[2]");
  });

  it("know programs by what tells their executables; an unknown one is denied", () => {
    const paths: Record<string, string | undefined> = { tool: "/usr/bin/tool" };
    const policy = new CardPolicy(
      { rules: [{ effect: "allow", program: "/usr/bin/tool" }, { effect: "deny" }] },
      { clock: { now: () => 0 }, programOf: ({ name }) => paths[name] },
    );
    const ask = { reader: "Desk", connection: 1, command: hexBytes("00B0000000") };
    expect(policy.before({ ...ask, client: tool })).toBeUndefined();
    expect(policy.before({ ...ask, client: other })?.code).toBe("security-violation");
  });
});

describe("a reader that is only to be read", () => {
  const { send } = stage({ readOnly: ["desk"] });
  it.each([
    "00A40400",
    "00B0000000",
    "00B2010400",
    "00CA006E00",
    "00CB3FFF055C035FC10200",
    "00C0000010",
    "0084000008",
    "00200080",
    "80CA9F7F00",
    "FFCA000000",
    "0070000001",
  ])("passes %s", (command) => {
    expect(send(command)).toBeUndefined();
  });

  it.each([
    VERIFY_PIV,
    `002C008010${PIN}${PIN}`,
    "00D6000001AA",
    "00DB3FFF00",
    "00870000021122",
    "80E60000",
    "10B0000000",
    "0CB0000000",

    `FFD6000410${"00".repeat(16)}`,
    "FF00000000",
    "00E2000001AA",
    "80A80000028300",
    "0020FF80",
    "",
  ])("refuses %s", (command) => {
    if (command === "00B00000") return;
    expect(send(command)).toBe("readOnly[0]");
  });

  it("knows that Yubico's own applications mean other things", () => {
    const one = stage({ readOnly: ["*"] });
    one.send("00A4040007A0000005272101", "9000");
    expect(one.send("00A40000")).toBe("readOnly[0]");
    expect(one.send("00B0000000")).toBe("readOnly[0]");
    expect(one.send(SELECT_PIV)).toBeUndefined();
    expect(one.send("00B0000000")).toBeUndefined();
  });

  it("has no control calls but the question for what it has", () => {
    const { policy } = stage({ readOnly: ["*"] });
    const ask = { client: tool, reader: "Desk", connection: 1, code: 0x0031_3520, input: new Uint8Array(0) };
    expect(policy.beforeControl(ask)).toBeUndefined();
    expect(policy.beforeControl({ ...ask, code: 7 })?.code).toBe("security-violation");
  });
});

describe("a policy", () => {
  it("without options refuses nothing", () => {
    const { send } = stage({});
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 20 }),
        (command, response) => send(command, encodeHex(response)) === undefined,
      ),
    );
  });

  it("never throws, and refuses a denied instruction wherever its header stands", () => {
    const { policy, send } = stage({
      lastTry: "confirm",
      readOnly: ["x"],
      rules: [{ effect: "deny", instructions: [0x24] }],
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }),
        fc.uint8Array({ maxLength: 300 }),
        fc.option(fc.integer({ min: 1, max: 256 })),
        (cla, data, le) => {
          expect(send(encodeCommand({ cla, ins: 0x24, p1: 0, p2: 0x80, data, ...(le !== null && { le }) }))).toBe(
            "rules[0]",
          );
        },
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (input) => {
        const ask = { client: tool, reader: "Desk", connection: 1, code: 1, input };
        policy.beforeControl(ask);
        policy.afterControl({ ...ask, output: input });
        send(input, encodeHex(input));
      }),
    );
  });

  it("forgets what was selected where no program had the card", () => {
    const { policy, send } = stage({ rules: [{ effect: "deny", application: "A000000308" }] });
    send(SELECT_OPENPGP);
    const call = {
      kind: "call",
      number: 1,
      time: 0,
      tookMs: 1,
      waitedMs: 0,
      client: tool,
      reader: "Desk",
      outcome: "success",
      shareMode: "shared",
      protocol: "t1",
      exchange: undefined,
      code: undefined,
      context: 1,
    } as const;
    policy.observed({ ...call, operation: "connect", connection: 1, disposition: undefined });
    expect(send("00B0000000")).toBe("rules[0]");
    send(SELECT_OPENPGP);
    policy.observed({ ...call, operation: "connect", connection: 2, disposition: undefined });
    expect(send("00B0000000")).toBeUndefined();
    policy.observed({ ...call, operation: "disconnect", connection: 1, disposition: "leave" });
    expect(send("00B0000000")).toBeUndefined();
    policy.observed({ ...call, operation: "end-transaction", connection: 2, disposition: "reset" });
    expect(send("00B0000000")).toBe("rules[0]");
    send(SELECT_OPENPGP);
    policy.observed({
      ...call,
      operation: "release-context",
      connection: undefined,
      reader: undefined,
      disposition: undefined,
    });
    policy.observed({ ...call, operation: "connect", connection: 3, disposition: undefined });
    expect(send("00B0000000")).toBe("rules[0]");
  });

  it("refuses options that it does not have, naming the member", () => {
    const make = (options: unknown) => () => stage(options as PolicyOptions);
    expect(make({ lastTries: 1 })).toThrow("lastTries");
    expect(make({ lastTry: "yes" })).toThrow("options.lastTry");
    expect(make({ verifications: { count: 0, windowMs: 1 } })).toThrow("verifications.count");
    expect(make({ readOnly: [1] })).toThrow("readOnly[0]");
    expect(make({ rules: [{ effect: "deny", application: "A000" }] })).toThrow("rules[0].application");
    expect(make({ rules: [{ effect: "deny", instructions: [256] }] })).toThrow("rules[0].instructions[0]");
    expect(make({ rules: [{ effect: "forbid" }] })).toThrow("rules[0].effect");
    expect(() => stage({}).policy.allowLastTry("Desk", 0)).toThrow(RangeError);
  });
});
