// SPDX-License-Identifier: MIT

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import {
  CByteBuffer,
  CSCard,
  CSCardCmd,
  CSCardISO7816,
  CSCardTypeConv,
  ISO_ALGORITHM,
  iso7816Provider,
  SCARD_FLAGS,
  SCARD_SHARE_MODES,
  type WinSCardFunctions,
} from "../../src/faces/providers/index.ts";
import type { WinSCard } from "../../src/faces/winscard/index.ts";
import { codes } from "./codes.ts";
import { isoWorld, text } from "./iso-card.ts";
import { leaksIn } from "./leaks.ts";
import { errorOf, recorder } from "./world.ts";

const { SC_FL_IHV_DISABLE, SC_FL_IHV_ENABLE, SC_FL_IHV_GLOBAL, SC_FL_IHV_LOCAL } = SCARD_FLAGS;
const { SHARED } = SCARD_SHARE_MODES;

describe("a search for codes finds them", () => {
  const bytes = [...text(codes.global)];
  const hex = bytes.map((byte) => byte.toString(16));
  test.each([
    ["as text", codes.global],
    ["between others", `the PIN is ${codes.global}.`],
    ["in hexadecimal", hex.join("")],
    ["with spaces", hex.join(" ")],
    ["as C writes it", hex.map((byte) => `0x${byte}`).join(", ")],
    ["as numbers", inspect(bytes)],
    ["as a typed array", inspect(Uint8Array.from(bytes))],
    ["as a Buffer", inspect(Buffer.from(bytes))],
    ["as JSON", JSON.stringify({ code: bytes })],
    ["packed two digits a byte", codes.global.replaceAll(/(..)/g, "$1 ")],
  ])("%s", (_, written) => {
    expect(leaksIn(written)).toHaveLength(1);
  });
});

/** The functions of a program, and what they were given to send: the very arrays. */
function tapped(winscard: WinSCard): { readonly functions: WinSCardFunctions; readonly sent: Uint8Array[] } {
  const sent: Uint8Array[] = [];
  const SCardTransmit: WinSCard["SCardTransmit"] = (card, pci, command, options) => {
    sent.push(command);
    return winscard.SCardTransmit(card, pci, command, options);
  };
  return { functions: { ...winscard, SCardTransmit }, sent };
}

const wrong = text(codes.wrong);
const key = Uint8Array.of(1);

test("no code is in an error, a trace, on the console or in an object, after any use", async () => {
  const { manage, manager, name, program, reader, runtime } = await isoWorld();
  const { factory, winscard } = program("other");
  const verify = manage.CreateCHVerification();
  const auth = manage.CreateCardAuth();
  await verify.Verify(CByteBuffer.of(text(codes.global)), SC_FL_IHV_GLOBAL, 1);
  await verify.ChangeCode(text(codes.global), text(codes.next), SC_FL_IHV_GLOBAL | SC_FL_IHV_ENABLE, 1);
  await verify.Unblock(text(codes.resetting), SC_FL_IHV_GLOBAL, 1, text(codes.other));
  await auth.User_Auth(ISO_ALGORITHM.CODE, key, text(codes.other));
  for (const failing of [
    () => verify.Verify(wrong, SC_FL_IHV_GLOBAL, 1),
    () => verify.Verify(wrong, SC_FL_IHV_GLOBAL, 9),
    () => verify.Verify(wrong, SC_FL_IHV_LOCAL | SC_FL_IHV_ENABLE, 1),
    () => verify.Verify(codes.global as never, SC_FL_IHV_GLOBAL, 1),
    () => verify.Verify([...text(codes.global)] as never, SC_FL_IHV_GLOBAL, 1),
    () => verify.Verify(text(codes.global.repeat(40)), SC_FL_IHV_GLOBAL, 1),
    () => verify.Verify(text(codes.global), text(codes.global) as never, 1),
    () => verify.Verify(text(codes.global), SC_FL_IHV_GLOBAL, text(codes.global) as never),
    () => auth.User_Auth(text(codes.global) as never, key, wrong),
    async () => new CSCardISO7816().Verify(text(codes.global) as never, key),
    () => verify.ChangeCode(wrong, text(codes.next), SC_FL_IHV_GLOBAL, 1),
    () => verify.ChangeCode(text(codes.other), text(codes.next), SC_FL_IHV_GLOBAL | SC_FL_IHV_DISABLE, 1),
    () => verify.Unblock(wrong, SC_FL_IHV_GLOBAL, 1, text(codes.next)),
    () => auth.User_Auth(ISO_ALGORITHM.CODE, key, wrong),
    () => auth.User_Auth(ISO_ALGORITHM.CODE, text(codes.global), wrong),
    () => auth.APP_Auth(0, key, text(codes.global)),
    () => auth.APP_Auth(0, key, text(codes.global.repeat(40))),
  ])
    recorder.write(await errorOf(failing()));

  const card = new CSCard(winscard);
  await card.AttachByReader(name, SHARED, 3);
  const iso = new CSCardISO7816();
  const cmd = iso.Verify(1, text(codes.next));
  const transacted = await card.Transaction(iso.Verify(1, text(codes.other)));
  const envelope = new CSCardCmd();
  envelope.Encapsulate(cmd.Apdu, 3);
  const buffer = CByteBuffer.of(text(codes.local));
  const conv = new CSCardTypeConv();
  const objects = { verify, auth, manage, card, iso, cmd, transacted, envelope, conv, factory, winscard, reader };
  recorder.write({ ...objects, manager, buffer, clone: buffer.Clone(), stream: buffer.Stream });
  console.log(objects, String(buffer), JSON.stringify({ buffer, cmd, stream: buffer.Stream }));
  console.error("on the console:", buffer, buffer.Stream);
  reader.remove();
  recorder.write(await errorOf(verify.Verify(text(codes.other), SC_FL_IHV_GLOBAL, 1)));
  recorder.write(await errorOf(card.Transaction(cmd)));
  expect(runtime.events.length).toBeGreaterThan(5);
  for (const sign of ["SCARD_W_WRONG_CHV", "lock-granted", "on the console:"]) expect(recorder.text).toContain(sign);
  expect(recorder.leaks()).toEqual([]);
});

test("what was sent is zeros as soon as it was answered, and also where it could not be sent", async () => {
  const { name, program, reader } = await isoWorld();
  const { functions, sent } = tapped(program("other").winscard);
  const manage = iso7816Provider(functions);
  await manage.AttachByIFD(name);
  const verify = manage.CreateCHVerification();
  const code = CByteBuffer.of(text(codes.global));
  await verify.Verify(code, SC_FL_IHV_GLOBAL, 1);
  await verify.ChangeCode(code, text(codes.next), SC_FL_IHV_GLOBAL | SC_FL_IHV_ENABLE, 1);
  await errorOf(verify.Verify(code, SC_FL_IHV_GLOBAL, 1));
  const card = new CSCard(functions);
  await card.AttachByReader(name, SHARED, 3);
  await card.Transaction(new CSCardISO7816().Verify(1, text(codes.next)));
  await manage.SCardLock();
  reader.remove();
  await errorOf(verify.Verify(code, SC_FL_IHV_GLOBAL, 1));
  expect(sent.length).toBeGreaterThanOrEqual(5);
  for (const bytes of sent) expect(bytes.every((byte) => byte === 0)).toBe(true);
  // The caller's own buffer is the caller's to write over.
  expect(code.Read(8)).toEqual(text(codes.global));
});

test("a command that is cleared, or built anew, is written over; so is a buffer that is cut off", () => {
  const cmd = new CSCardCmd();
  const source = text(codes.global);
  cmd.BuildCmd(0, 0x20, 0, 1, source);
  cmd.Clear();
  expect(cmd.ApduLength).toBe(0);
  expect(source).toEqual(text(codes.global));
  const buffer = CByteBuffer.of(source);
  const memory = new CSCardTypeConv().GetAtIStreamMemory(buffer.Stream);
  buffer.SetSize(0);
  expect([...memory]).toEqual(Array(8).fill(0));
});
