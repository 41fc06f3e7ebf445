// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import {
  CByteBuffer,
  CSCardManage,
  type ISCardFileAccess,
  type ISCardManage,
  type ISCardVerify,
  REFTYPE,
  SCARD_FLAGS,
} from "../../src/faces/providers/index.ts";
import { codes } from "./codes.ts";
import { isoWorld, text } from "./iso-card.ts";
import { errorOf, rejectionOf } from "./world.ts";

const {
  SC_FL_IHV_DISABLE: DISABLE,
  SC_FL_IHV_ENABLE: ENABLE,
  SC_FL_IHV_GLOBAL: GLOBAL,
  SC_FL_IHV_LOCAL: LOCAL,
} = SCARD_FLAGS;

interface Verifying {
  readonly verify: ISCardVerify;
  readonly access: ISCardFileAccess;
  readonly manage: ISCardManage;
}

async function verifying(): Promise<Verifying> {
  const { manage } = await isoWorld();
  return { manage, verify: manage.CreateCHVerification(), access: manage.CreateFileAccess() };
}

/** Whether the code of the whole card counts as verified: files can be created then. */
async function isVerified({ access }: Verifying): Promise<boolean> {
  const table = [
    { Tag: 0x82, Length: 1, Value: Uint8Array.of(0x01), Valid: true },
    { Tag: 0x80, Length: 1, Value: Uint8Array.of(0x01), Valid: true },
  ];
  try {
    await access.Create(REFTYPE.SC_TYPE_BY_ID, "1001", table);
  } catch {
    return false;
  }
  await access.Delete(REFTYPE.SC_TYPE_BY_ID, "1001");
  return true;
}

const padded = (code: string): Uint8Array => Uint8Array.from({ length: 12 }, (_, index) => text(code)[index] ?? 0xff);

describe("Verify", () => {
  test("opens what the code guards; ResetSecurityState closes it again", async () => {
    const around = await verifying();
    expect(await isVerified(around)).toBe(false);
    await around.verify.Verify(CByteBuffer.of(text(codes.global)), GLOBAL, 1);
    expect(await isVerified(around)).toBe(true);
    await around.verify.ResetSecurityState();
    expect(await isVerified(around)).toBe(false);
  });

  test("counts the tries, and says when none is left", async () => {
    const { verify } = await verifying();
    for (const left of ["2 tries", "1 try", "no tries"]) {
      const { hresultName, message } = await errorOf(verify.Verify(text(codes.wrong), GLOBAL, 1));
      expect(hresultName).toBe("SCARD_W_WRONG_CHV");
      expect(message).toContain(`${left} left`);
    }
    expect(await rejectionOf(verify.Verify(text(codes.global), GLOBAL, 1))).toBe("SCARD_W_CHV_BLOCKED");
  });

  test("of a local code is about the directory that the files are in", async () => {
    const { access, manage, verify } = await verifying();
    await access.ChangeDir(REFTYPE.SC_TYPE_BY_NAME, "A000000001C1");
    await manage.SCardLock();
    await verify.Verify(text(codes.local), LOCAL, 1);
    const file = await access.Open(REFTYPE.SC_TYPE_BY_ID, "0005");
    expect((await access.Read(file, 1)).bytesRead).toBe(1);
    await manage.SCardUnlock();
  });

  test.each<[string, string, (verify: ISCardVerify) => Promise<void>]>([
    ["no code", "E_POINTER", (verify) => verify.Verify(undefined as never, GLOBAL, 1)],
    ["a text", "E_POINTER", (verify) => verify.Verify("1234" as never, GLOBAL, 1)],
    ["an empty code, which would only ask", "E_INVALIDARG", (verify) => verify.Verify(new Uint8Array(0), GLOBAL, 1)],
    ["too long a code", "E_INVALIDARG", (verify) => verify.Verify(new Uint8Array(256), GLOBAL, 1)],
    ["neither global nor local", "E_INVALIDARG", (verify) => verify.Verify(text("0"), 0, 1)],
    ["both", "E_INVALIDARG", (verify) => verify.Verify(text("0"), GLOBAL | LOCAL, 1)],
    ["other flags", "E_INVALIDARG", (verify) => verify.Verify(text("0"), GLOBAL | ENABLE, 1)],
    ["a reference that is too large", "E_INVALIDARG", (verify) => verify.Verify(text("0"), GLOBAL, 32)],
    ["an invalid reference", "E_INVALIDARG", (verify) => verify.Verify(text("0"), GLOBAL, -1)],
    ["a code that is not there", "SCARD_E_INVALID_PARAMETER", (verify) => verify.Verify(text("0"), GLOBAL, 9)],
    ["a code of a wrong length", "SCARD_E_INVALID_CHV", (verify) => verify.Verify(text(codes.padded), GLOBAL, 2)],
  ])("refuses %s: %s", async (_, code, call) => {
    expect(await rejectionOf(call((await verifying()).verify))).toBe(code);
  });
});

describe("ChangeCode", () => {
  test("replaces the code", async () => {
    const around = await verifying();
    const { verify } = around;
    await verify.ChangeCode(text(codes.global), text(codes.next), GLOBAL | ENABLE, 1);
    expect(await rejectionOf(verify.Verify(text(codes.global), GLOBAL, 1))).toBe("SCARD_W_WRONG_CHV");
    await verify.Verify(text(codes.next), GLOBAL, 1);
    await verify.ChangeCode(text(codes.next), text(codes.global), GLOBAL, 1);
    expect(await isVerified(around)).toBe(true);
  });

  test("disables a code that can be, and enables it again", async () => {
    const { verify } = await verifying();
    const [one, other] = [padded(codes.padded), padded(codes.other)];
    await verify.ChangeCode(one, other, GLOBAL | DISABLE, 2);
    await verify.ChangeCode(other, one, GLOBAL | ENABLE, 2);
    const { hresultName, message } = await errorOf(
      verify.ChangeCode(text(codes.global), text(codes.global), GLOBAL | DISABLE, 1),
    );
    expect(hresultName).toBe("SCARD_E_NO_ACCESS");
    expect(message).toContain("which was changed");
  });

  test.each<[string, string, (verify: ISCardVerify) => Promise<void>]>([
    ["no old code", "E_POINTER", (verify) => verify.ChangeCode(undefined as never, text("1"), GLOBAL, 1)],
    ["no new code", "E_POINTER", (verify) => verify.ChangeCode(text("1"), undefined as never, GLOBAL, 1)],
    ["an empty new code", "E_INVALIDARG", (verify) => verify.ChangeCode(text("1"), text(""), GLOBAL, 1)],
    ["to do both", "E_INVALIDARG", (verify) => verify.ChangeCode(text("1"), text("2"), GLOBAL | ENABLE | DISABLE, 1)],
    ["a wrong old code", "SCARD_W_WRONG_CHV", (verify) => verify.ChangeCode(text(codes.wrong), text("2"), GLOBAL, 1)],
    [
      "a new code that does not fit",
      "SCARD_E_INVALID_CHV",
      (verify) => verify.ChangeCode(padded(codes.padded), text("22"), GLOBAL, 2),
    ],
  ])("refuses %s: %s", async (_, code, call) => {
    expect(await rejectionOf(call((await verifying()).verify))).toBe(code);
  });
});

describe("Unblock", () => {
  async function blocked(): Promise<Verifying> {
    const around = await verifying();
    for (let tries = 0; tries < 3; tries++) await rejectionOf(around.verify.Verify(text(codes.wrong), GLOBAL, 1));
    return around;
  }

  test("gives the tries back for the resetting code, with a new code or without", async () => {
    const { verify } = await blocked();
    await verify.Unblock(text(codes.resetting), GLOBAL, 1);
    await verify.Verify(text(codes.global), GLOBAL, 1);
    await verify.Unblock(text(codes.resetting), GLOBAL, 1, text(codes.next));
    await verify.Verify(text(codes.next), GLOBAL, 1);
  });

  test("needs no resetting code where another code is enough", async () => {
    const { verify } = await verifying();
    expect(await rejectionOf(verify.Unblock(null, GLOBAL, 2))).toBe("SCARD_W_SECURITY_VIOLATION");
    await verify.Verify(text(codes.global), GLOBAL, 1);
    await verify.Unblock(null, GLOBAL, 2);
    await verify.Unblock(null, GLOBAL, 2, padded(codes.other));
    await verify.Verify(padded(codes.other), GLOBAL, 2);
  });

  test.each<[string, string, (verify: ISCardVerify) => Promise<void>]>([
    ["a wrong resetting code", "SCARD_W_WRONG_CHV", (verify) => verify.Unblock(text(codes.wrong), GLOBAL, 1)],
    ["a code without one", "SCARD_E_NO_ACCESS", (verify) => verify.Unblock(text(codes.wrong), GLOBAL, 2)],
    ["no data", "E_POINTER", (verify) => verify.Unblock(undefined as never, GLOBAL, 1)],
    ["other flags", "E_INVALIDARG", (verify) => verify.Unblock(null, GLOBAL | DISABLE, 1)],
  ])("refuses %s: %s", async (_, code, call) => {
    expect(await rejectionOf(call((await blocked()).verify))).toBe(code);
  });
});

test("ResetSecurityState resets the card, and others learn of it", async () => {
  const { manage, name, program } = await isoWorld();
  const other = new CSCardManage(program("other").winscard, {});
  await other.AttachByIFD(name);
  await manage.CreateCHVerification().ResetSecurityState();
  expect(await rejectionOf(other.Status())).toBe("SCARD_W_RESET_CARD");
});

test.each<[string, (verify: ISCardVerify) => Promise<void>]>([
  ["ChangeCode", (verify) => verify.ChangeCode(text("1"), text("2"), GLOBAL, 1)],
  ["ResetSecurityState", (verify) => verify.ResetSecurityState()],
  ["Unblock", (verify) => verify.Unblock(null, GLOBAL, 1)],
  ["Verify", (verify) => verify.Verify(text("1"), GLOBAL, 1)],
])("%s ends with the attachment", async (_, call) => {
  const { manage, verify } = await verifying();
  await manage.Detach();
  expect(await rejectionOf(call(verify))).toBe("SCARD_E_INVALID_HANDLE");
});
