// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { concatBytes, encodeHex } from "../../src/base/binary/index.ts";
import { cmac, encryptCbc } from "../../src/cards/software-card/cipher-modes.ts";
import { type IByteBuffer, type ISCardAuth, ISO_ALGORITHM, REFTYPE } from "../../src/faces/providers/index.ts";
import { nodeBlockCipher } from "../../src/platform/node/runtime/index.ts";
import { codes } from "./codes.ts";
import { bytes, encipher } from "./encipher.ts";
import { type IsoWorld, isoWorld, keys, text } from "./iso-card.ts";
import { rejectionOf } from "./world.ts";

const { CODE, IMPLICIT, MUTUAL } = ISO_ALGORITHM;
/** P1 of NIST SP 800-78-4, table 6-2, which the card knows. */
const AES_128 = 0x08;

async function authenticating(): Promise<IsoWorld & { readonly auth: ISCardAuth }> {
  const around = await isoWorld();
  return { ...around, auth: around.manage.CreateCardAuth() };
}

function content(buffer: IByteBuffer): Uint8Array {
  return buffer.Read(buffer.Stat().cbSize);
}

const key = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

describe("APP_Auth", () => {
  test.each([["APP_Auth"], ["User_Auth"]] as const)("by %s the one who has the key is let in", async (method) => {
    const { auth, manage } = await authenticating();
    const access = manage.CreateFileAccess();
    const file = await access.Open(REFTYPE.SC_TYPE_BY_ID, "5100/0006");
    expect(await rejectionOf(access.Read(file, 1))).toBe("SCARD_W_SECURITY_VIOLATION");
    await manage.SCardLock();
    const challenge = content(await auth.GetChallenge(AES_128, 16));
    await auth[method](AES_128, key(1), encipher(keys.external, challenge));
    await manage.SCardUnlock();
    expect((await access.Read(file, 1)).bytesRead).toBe(1);
  });

  test("others are not", async () => {
    const { auth } = await authenticating();
    for (const answer of ["63C2", "63C1", "63C0"]) {
      await auth.GetChallenge(IMPLICIT, 16);
      const refused = auth.APP_Auth(IMPLICIT, key(1), new Uint8Array(16));
      await expect(refused).rejects.toMatchObject({
        hresultName: "SCARD_W_SECURITY_VIOLATION",
        message: expect.stringContaining(answer),
      });
    }
    const challenge = content(await auth.GetChallenge(IMPLICIT, 16));
    const right = auth.APP_Auth(IMPLICIT, key(1), encipher(keys.external, challenge));
    expect(await rejectionOf(right)).toBe("SCARD_W_SECURITY_VIOLATION");
  });

  test("needs a challenge that the card has just given", async () => {
    const { auth } = await authenticating();
    expect(await rejectionOf(auth.APP_Auth(IMPLICIT, key(1), new Uint8Array(16)))).toBe("SCARD_E_NO_ACCESS");
  });
});

describe("ICC_Auth", () => {
  test("the card shows that it has the key", async () => {
    const { auth } = await authenticating();
    const challenge = bytes("00112233445566778899AABBCCDDEEFF");
    const answer = content(await auth.ICC_Auth(AES_128, key(2), challenge));
    expect(encodeHex(answer)).toBe(encodeHex(encipher(keys.internal, challenge)));
  });

  test("both show it to each other", async () => {
    const { auth, manage } = await authenticating();
    const cipher = nodeBlockCipher("aes", bytes(keys.mutual));
    const macCipher = nodeBlockCipher("aes", bytes(keys.mutualMac));
    await manage.SCardLock();
    const challenge = content(await auth.GetChallenge(IMPLICIT, 16));
    const own = bytes("A0A1A2A3A4A5A6A7A8A9AAABACADAEAF");
    const cryptogram = encryptCbc(cipher, concatBytes(own, challenge, new Uint8Array(32)));
    const token = concatBytes(cryptogram, cmac(macCipher, cryptogram).slice(0, 8));
    const answer = content(await auth.ICC_Auth(MUTUAL | AES_128, key(3), token));
    await manage.SCardUnlock();
    expect(answer).toHaveLength(72);
    expect(answer.slice(64)).toEqual(cmac(macCipher, answer.slice(0, 64)).slice(0, 8));
  });
});

describe("User_Auth", () => {
  test("presents a code, too", async () => {
    const { auth } = await authenticating();
    await auth.User_Auth(CODE, key(1), text(codes.global));
    expect(await rejectionOf(auth.User_Auth(CODE, key(1), text(codes.wrong)))).toBe("SCARD_W_WRONG_CHV");
  });

  test("of the current directory's code", async () => {
    const { auth, manage } = await authenticating();
    await manage.CreateFileAccess().ChangeDir(REFTYPE.SC_TYPE_BY_ID, "5100");
    await auth.User_Auth(CODE, key(0x81), text(codes.local));
  });
});

describe("GetChallenge", () => {
  test("gives as many bytes as are asked for, never the same", async () => {
    const { auth } = await authenticating();
    const [one, two] = [await auth.GetChallenge(0, 8, key(1)), await auth.GetChallenge(0, 8)];
    expect([one.Stat().cbSize, two.Stat().cbSize]).toEqual([8, 8]);
    expect(content(one)).not.toEqual(content(two));
  });

  test.each([0, -1, 0.5, 65_537])("refuses a length of %d", async (length) => {
    expect(await rejectionOf((await authenticating()).auth.GetChallenge(0, length))).toBe("E_INVALIDARG");
  });
});

const block = new Uint8Array(16);

test.each<[string, string, (auth: ISCardAuth) => Promise<unknown>]>([
  ["an algorithm beyond P1", "E_INVALIDARG", (auth) => auth.APP_Auth(0x100, key(1), block)],
  ["a negative one", "E_INVALIDARG", (auth) => auth.ICC_Auth(-1, key(1), block)],
  ["a mutual one of the user", "E_INVALIDARG", (auth) => auth.User_Auth(MUTUAL, key(1), block)],
  ["an unknown one for a challenge", "E_INVALIDARG", (auth) => auth.GetChallenge(0x400, 8)],
  ["no parameter", "E_POINTER", (auth) => auth.APP_Auth(0, undefined as never, block)],
  ["an invalid parameter", "E_POINTER", (auth) => auth.GetChallenge(0, 8, "1" as never)],
  ["an empty parameter", "E_INVALIDARG", (auth) => auth.ICC_Auth(0, key(), block)],
  ["too long a parameter", "E_INVALIDARG", (auth) => auth.User_Auth(0, key(1, 2), block)],
  ["a key that P2 has no room for", "E_INVALIDARG", (auth) => auth.APP_Auth(0, key(0x20), block)],
  ["no data", "E_POINTER", (auth) => auth.ICC_Auth(0, key(2), undefined as never)],
  ["empty data", "E_INVALIDARG", (auth) => auth.APP_Auth(0, key(1), key())],
  ["too much data", "E_INVALIDARG", (auth) => auth.User_Auth(0, key(1), new Uint8Array(256))],
  ["a key that is not there", "SCARD_E_INVALID_PARAMETER", (auth) => auth.ICC_Auth(0, key(9), block)],
  ["another algorithm than the key's", "SCARD_E_UNSUPPORTED_FEATURE", (auth) => auth.ICC_Auth(0x0c, key(2), block)],
  ["a challenge of a wrong length", "SCARD_E_INVALID_PARAMETER", (auth) => auth.ICC_Auth(0, key(2), key(1))],
])("refused: %s, %s", async (_, code, call) => {
  expect(await rejectionOf(call((await authenticating()).auth))).toBe(code);
});

test.each<[string, (auth: ISCardAuth) => Promise<unknown>]>([
  ["APP_Auth", (auth) => auth.APP_Auth(0, key(1), block)],
  ["GetChallenge", (auth) => auth.GetChallenge(0, 8)],
  ["ICC_Auth", (auth) => auth.ICC_Auth(0, key(2), block)],
  ["User_Auth", (auth) => auth.User_Auth(0, key(1), block)],
])("%s ends with the attachment", async (_, call) => {
  const { auth, manage } = await authenticating();
  await manage.Detach();
  expect(await rejectionOf(call(auth))).toBe("SCARD_E_INVALID_HANDLE");
});
