// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import vectors from "../../../test/vectors/secret-commands.json" with { type: "json" };
import { concatBytes, encodeHex, hexBytes } from "../binary/index.ts";
import { decodeCommand, encodeCommand } from "./apdu.ts";
import { disclosureOf } from "./disclosure.ts";
import { ExchangeRedactor } from "./exchange-redactor.ts";
import { describeCommand, describeCommandBytes, describeResponseBytes } from "./redact.ts";

/** What is shown of each command and response of a session. */
function session(...exchanges: readonly (readonly [string, string])[]): string[] {
  const redactor = new ExchangeRedactor();
  return exchanges.map(([command, response]) => {
    const sent = redactor.command(hexBytes(command)).bytes;
    return `${sent} -> ${redactor.response(hexBytes(response)).bytes}`;
  });
}

const secret = /C0[ ]?FF[ ]?EE/;
const ANSWER = "C0FFEE5EC2E7D00D";
const selectOath = ["00A4040007A0000005272101", "7903050102 9000"] as const;

describe("commands with secrets", () => {
  test.each(vectors.commands)("$name is withheld: $command", ({ command: hex }) => {
    const bytes = hexBytes(hex);
    const command = decodeCommand(bytes);
    const shown = new ExchangeRedactor().command(bytes);
    const texts = [describeCommandBytes(bytes), shown.bytes, shown.text];
    if (command.ok) texts.push(JSON.stringify(describeCommand(command.value)));
    for (const text of texts) expect(text).not.toMatch(secret);
    expect(shown.bytes).toContain("withheld");
    expect(describeResponseBytes(bytes, hexBytes(`${ANSWER}9000`))).toBe("[8 bytes withheld] 90 00");
  });

  test("of a GIDS card, what all may read is shown, and nothing that a PIN protects", () => {
    const select = ["00A4040009A0000003974254465900", "61124F0BA00000039742544659020173034001C0 9000"] as const;
    const answer = "DF2002ABCD 9000";
    const hidden = "[5 bytes withheld] 90 00";
    const shownAnswer = "DF 20 02 AB CD 90 00";
    const answersOf = (...commands: readonly string[]): string[] => {
      const all = commands.map((command) => [command, answer] as const);
      return session(select, ...all)
        .slice(1)
        .map((line) => line.replace(/^.* -> /, ""));
    };
    expect(answersOf("00CBA010045C02DF2000", "00CBA000045C02DF1F00", "00CB2F01035C014300")).toEqual(
      Array(3).fill(shownAnswer),
    );
    expect(answersOf("00CB3FFF045C027F7100")).toEqual([shownAnswer]);
    expect(answersOf("00CB3FFF045C02DF2000", "00CB3FFF025C0000", "00CB0000045C02DF2000")).toEqual(
      Array(3).fill(hidden),
    );
    expect(answersOf("00CBA013045C02DF2000", "00CBA014045C02DF2000")).toEqual(Array(2).fill(hidden));
    // Also where nothing is known of what is selected.
    expect(session(["00CBA013045C02DF2000", answer])[0]).toMatch(/withheld\] 90 00$/);
  });

  test("are shown to an owner who asks", () => {
    const redactor = new ExchangeRedactor({ showData: true });
    const shown = redactor.command(hexBytes("002000810431323334"));
    expect(shown.bytes).toBe("00 20 00 81 04 31 32 33 34");
    expect(shown.text).toContain("data 31 32 33 34");
    expect(redactor.response(hexBytes(`${ANSWER}9000`))).toEqual({
      bytes: "C0 FF EE 5E C2 E7 D0 0D 90 00",
      withheldBytes: 0,
    });
  });

  test("property: of a command that is not on the list, no three bytes of data are shown, nor of its answer", () => {
    // Bytes D0 to DF: none of them is in a header here, in a count or in a status word.
    const low = fc.nat(0xcf);
    const secrets = fc.uint8Array({ min: 0xd0, max: 0xdf, minLength: 3, maxLength: 60 });
    const three = /D[0-9A-F] D[0-9A-F] D[0-9A-F]/;
    fc.assert(
      fc.property(low, low, low, low, secrets, secrets, fc.boolean(), (cla, ins, p1, p2, data, back, extended) => {
        const init = { cla, ins, p1, p2, data, ...(extended && { extended }) };
        const bytes = encodeCommand(init);
        const decoded = decodeCommand(bytes);
        fc.pre(decoded.ok && !disclosureOf(decoded.value).command);
        const redactor = new ExchangeRedactor();
        const shown = redactor.command(bytes);
        const response = redactor.response(concatBytes(back, Uint8Array.of(0x90, 0x00)));
        expect(`${shown.bytes} ${shown.text} ${response.bytes}`).not.toMatch(three);
        expect(response.withheldBytes).toBe(back.length);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a session", () => {
  test("shows what GET RESPONSE fetches as it shows the answer that it continues", () => {
    expect(
      session(
        ["00B0000000", "6108"],
        ["00C0000008", `${ANSWER}9000`],
        ["002A80860300010200", "6108"],
        ["00C0000008", `${ANSWER}9000`],
        ["00C0000008", `${ANSWER}9000`],
      ),
    ).toEqual([
      "00 B0 00 00 00 -> 61 08",
      "00 C0 00 00 08 -> C0 FF EE 5E C2 E7 D0 0D 90 00",
      "00 2A 80 86 [3 bytes withheld] -> 61 08",
      "00 C0 00 00 08 -> [8 bytes withheld] 90 00",
      "00 C0 00 00 08 -> [8 bytes withheld] 90 00",
    ]);
  });

  test("withholds a long answer to its end", () => {
    const lines = session(
      ["0087039B047C02810000", `${ANSWER}6108`],
      ["00C0000008", `${ANSWER}6108`],
      ["00C0000008", `${ANSWER}9000`],
    );
    for (const line of lines) expect(line).not.toMatch(secret);
  });

  test("withholds the last part of a chain, which looks like a whole command", () => {
    expect(session(["10CB3FFF025C03", "9000"], ["00CB3FFF035FC105", `${ANSWER}9000`])[1]).toBe(
      "00 CB 3F FF [3 bytes withheld] -> [8 bytes withheld] 90 00",
    );
    expect(session(["10A4040002A000", "9000"], ["00A4040002C0FF", "9000"])[1]).toBe(
      "00 A4 04 00 [2 bytes withheld] -> 90 00",
    );
  });

  test("knows the applications that give instructions another meaning, on each channel", () => {
    const lines = session(
      selectOath,
      ["00A4000002 7400", `${ANSWER}9000`],
      ["00B0000000", `${ANSWER}9000`],
      ["01B0000000", `${ANSWER}9000`],
      ["00A4040007D2760001240102", "9000"],
      ["00B0000000", `${ANSWER}9000`],
    );
    expect(lines[1]).toBe("00 A4 00 00 [2 bytes withheld] -> [8 bytes withheld] 90 00");
    expect(lines[2]).toContain("[8 bytes withheld]");
    expect(lines[3]).toContain("C0 FF EE");
    expect(lines[5]).toContain("C0 FF EE");
  });

  test("learns from the answer what the beginning of a name selected, also where GET RESPONSE brings it", () => {
    const fci = "6F09 8407A0000005272101";
    for (const opening of [
      [["00A4040000", `${fci}9000`] as const],
      [["00A4040000", "610B"] as const, ["00C000000B", `${fci}9000`] as const],
      [["00A4040003A00000", "9000"] as const],
    ]) {
      expect(session(...opening, ["00B0000000", `${ANSWER}9000`]).at(-1)).toContain("[8 bytes withheld]");
    }
  });

  test("withholds the files of a SIM or USIM that hold keys", () => {
    const read = ["00B0000010", `${ANSWER}9000`] as const;
    const usim = ["00A4040C07A0000000871002", "9000"] as const;
    expect(session(usim, ["00A4000C026F08", "9000"], read)[2]).toContain("withheld");
    expect(session(usim, ["00A4080C047FFF6F09", "9000"], read)[2]).toContain("withheld");
    expect(session(usim, ["00B0880010", `${ANSWER}9000`])[1]).toContain("withheld");
    expect(session(usim, ["00B0870010", `${ANSWER}9000`])[1]).toContain("C0 FF EE");
    expect(session(usim, ["00A4000C026F07", "9000"], read)[2]).toContain("C0 FF EE");
    // A selection that failed leaves the file.
    expect(session(["00A4000C026F08", "9000"], ["00A4000C026F07", "6A82"], read)[2]).toContain("withheld");
    const gsmRead = ["A0B0000009", `${ANSWER}9000`] as const;
    expect(session(["A0A40000026F20", "9F0F"], ["A0C000000F", `${ANSWER}9000`], gsmRead)).toEqual([
      "A0 A4 00 00 02 6F 20 -> 9F 0F",
      "A0 C0 00 00 0F -> C0 FF EE 5E C2 E7 D0 0D 90 00",
      "A0 B0 00 00 09 -> [8 bytes withheld] 90 00",
    ]);
  });

  test("withholds files with keys by record, and by their short identifiers in each directory", () => {
    const usim = ["00A4040C07A0000000871002", "9000"] as const;
    const open = (directory: string) => [usim, [`00A4000C02${directory}`, "9000"] as const];
    const read = (command: string) => [`${command}20`, `${ANSWER}9000`] as const;
    for (const [directory, command] of [
      ["6FE4", "00B20104"],
      ["5F3B", "00B08100"],
      ["5F3B", "00B08200"],
      ["5FC0", "00B2011C"],
      ["5FC0", "00B20124"],
      ["5FC0", "00B08500"],
      ["6F07", "00B201C4"],
      ["6F07", "00B20144"],
    ] as const) {
      expect(session(...open(directory), read(command)).at(-1)).toContain("[8 bytes withheld]");
    }
    // The file that was selected last does not change the directory.
    const inside = [...open("5F3B"), ["00A4000C024F63", "9000"] as const];
    expect(session(...inside, read("00B08100")).at(-1)).toContain("withheld");
    expect(session(...inside, read("00B08300")).at(-1)).toContain("C0 FF EE");
    expect(session(["00A4080C047FFF5F3B", "9000"], read("00B08100")).at(-1)).toContain("withheld");
    expect(session(...open("6F07"), ["00B3010403540100", `${ANSWER}9000`]).at(-1)).toContain("C0 FF EE");
    expect(session(...open("6FE4"), ["00B3010403540100", `${ANSWER}9000`]).at(-1)).toContain("[8 bytes withheld]");
    expect(session(["A0A40000026F20", "9F0F"], read("A0B20104")).at(-1)).toContain("withheld");
  });

  test("knows that a channel which was opened from another has its selection", () => {
    const usim = ["01A4040C07A0000000871002", "9000"] as const;
    const read = ["02B0880020", `${ANSWER}9000`] as const;
    expect(session(usim, ["0170000001", "029000"], read).at(-1)).toContain("withheld");
    expect(session(usim, ["0170000200", "9000"], read).at(-1)).toContain("withheld");
    expect(session(usim, ["0170000200", "6A81"], read).at(-1)).toContain("C0 FF EE");
  });

  test("takes no data of one channel for what another continues", () => {
    const authenticate = ["018800000401020304", "6108"] as const;
    const select = ["00A4040007A0000000041010", "6108"] as const;
    expect(session(authenticate, select, ["01C0000008", `${ANSWER}9000`]).at(-1)).toContain("[8 bytes withheld]");
    expect(session(authenticate, select, ["00C0000008", `${ANSWER}9000`]).at(-1)).toContain("C0 FF EE");
  });

  test("withholds what is read after a SELECT that it could not read", () => {
    const read = ["00B0000010", `${ANSWER}9000`] as const;
    const parts = [["10A4040C02A000", "9000"] as const, ["00A4040C0300052721", "9000"] as const];
    expect(session(...parts, read).at(-1)).toContain("[8 bytes withheld]");
    expect(session(["0CA4040C04990102 03", "9000"], read).at(-1)).toContain("[8 bytes withheld]");
    expect(session(...parts, ["00A4040C07D2760001240102", "9000"], read).at(-1)).toContain("C0 FF EE");
    expect(session(["10A4040C02A000", "6884"], read).at(-1)).toContain("C0 FF EE");
  });

  test("withholds a sector trailer of a MIFARE Classic that is read in part, or without Le", () => {
    for (const command of ["FFB0000310", "FFB000030F", "FFB000030B", "FFB00003", "FFB0000300"]) {
      expect(session([command, `${ANSWER}9000`])[0]).toContain("[8 bytes withheld]");
    }
    for (const command of ["FFB0000304", "FFB0000210", "FFB00002"]) {
      expect(session([command, `${ANSWER}9000`])[0]).toContain("C0 FF EE");
    }
  });

  describe("of a card that was not reset", () => {
    /** What is shown of the last answer, where nothing was seen of what came before. */
    const withheldAfter = (...commands: readonly string[]): number => {
      const redactor = new ExchangeRedactor({ continues: true });
      let withheld = 0;
      for (const command of commands) {
        redactor.command(hexBytes(command));
        ({ withheldBytes: withheld } = redactor.response(
          hexBytes(command.slice(2, 4) === "A4" ? "9000" : `${ANSWER}9000`),
        ));
      }
      return withheld;
    };

    test.each([
      ["READ BINARY of a file that another program may have selected", ["00B0000000"]],
      ["READ RECORD of it", ["00B2010400"]],
      ["READ BINARY with an offset object of it", ["00B1000003540100"]],
      ["READ BINARY of a SIM", ["A0B0000008"]],
      ["EF.Keys by its short identifier", ["00B0880000"]],
      ["EF.Kc of DF.GSM-ACCESS by its short identifier", ["00B0810000"]],
      ["a record of EF.EPSNSC by its short identifier", ["00B201C400"]],
      ["the same on another channel", ["01B0000000"]],
      ["after a SELECT of the parent alone", ["00A4030000", "00B0880000"]],
      ["after MANAGE CHANNEL", ["0070000101", "01B0000000"]],
    ] as const)("withholds %s", (_, commands) => {
      expect(withheldAfter(...commands)).toBeGreaterThan(0);
    });

    test.each([
      ["once a file is selected", ["00A40000022F00", "00B0000000"]],
      ["once an application is", ["00A4040007A0000003080000", "00B0810000"]],
      ["a file by a short identifier that no key has", ["00B09E0000"]],
      ["GET DATA", ["00CA006E00"]],
      ["GET CHALLENGE", ["0084000008"]],
    ] as const)("shows %s", (_, commands) => {
      expect(withheldAfter(...commands)).toBe(0);
    });

    test("and withholds a key file in any case, until the reset", () => {
      expect(withheldAfter("00A40000026F08", "00B0000000")).toBeGreaterThan(0);
      const redactor = new ExchangeRedactor({ continues: true });
      redactor.reset();
      redactor.command(hexBytes("00B0000000"));
      expect(redactor.response(hexBytes(`${ANSWER}9000`)).withheldBytes).toBe(0);
    });
  });

  test("forgets what was selected when the card is reset", () => {
    const redactor = new ExchangeRedactor();
    redactor.command(hexBytes(selectOath[0]));
    redactor.response(hexBytes(selectOath[1]));
    redactor.reset();
    redactor.command(hexBytes("00B0000000"));
    expect(redactor.response(hexBytes(`${ANSWER}9000`)).withheldBytes).toBe(0);
  });

  test("shows commands of the list, and their answers, whole", () => {
    const open = [
      "00A4040C07A0000003080000",
      "01A4000C023F00",
      "00B0000000",
      "00B2010400",
      "00CA006E00",
      "00CB3FFF055C035FC10500",
      "0084000008",
      "0070000001",
      "80CA9F7F00",
      "80F24000024F0000",
      "FFCA000000",
      "A0A40000023F00",
      "00B12F00045402012C00",
      "00A404000007A000000308000000".slice(0, 10),
    ];
    for (const hex of open) {
      const data = "6F009000";
      expect(session([hex, data])[0]).toBe(`${encodeHex(hexBytes(hex), " ")} -> 6F 00 90 00`);
    }
  });
});

describe("wrong arguments", () => {
  test("never turn the withholding off, and are named", () => {
    const make = (options: unknown) => () => new ExchangeRedactor(options as { showData?: boolean });
    expect(make({ showdata: true })).toThrow(
      'ExchangeRedactor: options has no member "showdata"; it may have showData and continues',
    );
    for (const showData of ["no", 1, null, {}])
      expect(make({ showData })).toThrow(/options.showData is .*; give true or/);
    expect(make(null)).toThrow("ExchangeRedactor: options is null; pass an object with showData and continues");
    expect(make({ showData: undefined })().command(hexBytes("002000810431323334")).bytes).toContain("withheld");
    const redactor = new ExchangeRedactor();
    expect(() => redactor.command("0020008104" as never)).toThrow(/^ExchangeRedactor.command: bytes is a string/);
    expect(() => redactor.response([0x90, 0] as never)).toThrow(/^ExchangeRedactor.response: bytes is an array/);
  });
});
