// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hexBytes } from "../../base/binary/index.ts";
import { applicationIdentifiers, describeCommandBytes } from "../../base/iso7816/index.ts";
import { commandName } from "./command-names.ts";

type Application = keyof typeof applicationIdentifiers;

function nameOf(command: string, application?: Application): string {
  const identifier = application && hexBytes(applicationIdentifiers[application]);
  return commandName(hexBytes(command.replaceAll(" ", "")), identifier);
}

describe("commandName", () => {
  test.each<[command: string, application: Application | undefined, name: string]>([
    ["00A4040C02 3F00", undefined, "SELECT"],
    ["0020008104 31323334", undefined, "VERIFY"],
    ["0020008108 3132333435363738", "piv", "VERIFY"],
    ["0087039B00", "piv", "PIV GENERAL AUTHENTICATE"],
    ["00F7009A", "piv", "PIV GET METADATA"],
    ["002A9E9A04 01020304 00", "openPgp", "PSO: COMPUTE DIGITAL SIGNATURE"],
    ["002A808603 000102 00", "openPgp", "PSO: DECIPHER"],
    ["00CC7F2100", "openPgp", "OpenPGP GET NEXT DATA"],
    ["00472080", "gids", "GENERATE ASYMMETRIC KEY PAIR"],
    ["80A8000002 8300 00", "paymentSystemEnvironment", "GET PROCESSING OPTIONS"],
    ["80AE8000", "contactlessPaymentEnvironment", "GENERATE AC"],
    ["0022C1A4", "travelDocument", "MSE:SET AT (PACE)"],
    ["0084000008", "travelDocument", "GET CHALLENGE"],
    ["0020000108 3132333435363738", "usim", "VERIFY PIN"],
    ["80F2000000", "usim", "STATUS"],
    ["A0A40000027F20", undefined, "SELECT"],
    ["A0C0000016", undefined, "GET RESPONSE"],
    ["A088000010 000102030405060708090A0B0C0D0E0F", undefined, "RUN GSM ALGORITHM"],
    ["8050000008 0102030405060708 00", "issuerSecurityDomain", "INITIALIZE UPDATE"],
    ["8050000008 0102030405060708 00", undefined, "INITIALIZE UPDATE"],
    ["80F24000024F00", undefined, "GET STATUS"],
    ["001D000000", "yubicoManagement", "READ CONFIG"],
    ["0003000000", "yubicoOtp", "OTP READ STATUS"],
    ["00A4000000", "yubicoOath", "OATH CALCULATE ALL"],
    ["00A4040007 A0000005272101", "yubicoOath", "SELECT"],
    ["FFCA000000", undefined, "reader: GET DATA"],
    ["FF82000006 A0A1A2A3A4A5", undefined, "reader: LOAD KEYS"],
    ["FFC2000103 5F4600", undefined, "reader: TRANSPARENT EXCHANGE"],
    ["00FF0000", undefined, "unknown instruction"],
  ])("%s for %s", (command, application, name) => {
    expect(nameOf(command, application)).toBe(name);
  });

  test("a PIN that looks like a header has no name", () => {
    // 31 20 31 31: the digits 1, blank, 1, 1.
    expect(nameOf("31203131")).toBe("unknown instruction");
    expect(nameOf("20203131")).toBe("unknown instruction");
    expect(nameOf("0020 31323334")).toBe("VERIFY");
  });

  test("property: a name depends on the first two bytes, and on what is shown of the other two", () => {
    const applications = Object.keys(applicationIdentifiers) as Application[];
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 4, maxLength: 40 }),
        fc.uint8Array({ minLength: 40, maxLength: 40 }),
        fc.constantFrom(...applications),
        (one, others, application) => {
          const name = commandName(one, hexBytes(applicationIdentifiers[application]));
          expect(name).toMatch(/^[A-Za-z0-9: /()-]+$/);
          const two = Uint8Array.from([...one.slice(0, 2), ...others]).slice(0, one.length);
          const header = (bytes: Uint8Array): string => describeCommandBytes(bytes).slice(0, 11);
          if (header(one) === header(two))
            expect(commandName(two, hexBytes(applicationIdentifiers[application]))).toBe(name);
        },
      ),
    );
  });
});
