// SPDX-License-Identifier: MIT

import { expect, it, vi } from "vitest";
import * as room from "../faces/providers/index.ts";
import * as published from "./providers.ts";
import { SCardConnect, SCardEstablishContext, SCardListReaders, SCardReleaseContext } from "./winscard.ts";

it("scard/providers works on the default manager, and with the handles of scard/winscard", async () => {
  vi.stubEnv("SCARD_MANAGER", "embedded:virtual+demo");
  const { context } = await SCardEstablishContext(0);
  const [reader = ""] = (await SCardListReaders(context)).readers;
  const { card } = await SCardConnect(context, reader, 2, 3);
  const factory = published.defaultFactory();
  const iscard = await factory.createInstance(published.clsids.CSCard);
  await iscard.AttachByHandle(card);
  const cmd = await iscard.Transaction(new published.CSCardISO7816().SelectFile(0, 0x0c, Uint8Array.of(0x3f, 0x00)));
  expect(cmd.ReplyStatus).toBe(0x9000);
  await iscard.Detach();
  await SCardReleaseContext(context);
  expect(await factory.createInstance(published.CLSID_Iso7816Provider)).toBeInstanceOf(published.CSCardManage);
  vi.unstubAllEnvs();
});

it("scard/providers takes a dialog, and no option that there is not", () => {
  expect(published.defaultFactory({ picker: { pick: async () => undefined } })).toBeInstanceOf(room.ClassFactory);
  const make = (options: object) => () => published.defaultFactory(options);
  expect(make({ pikcer: {} })).toThrow(/no member "pikcer". Did you mean picker\?/);
  expect(make({ picker: () => undefined })).toThrow(/picker is a function; pass a card picker/);
  expect(make(null as never)).toThrow(/options is null/);
});

it("scard/providers exports all that the room has", () => {
  expect(Object.keys(published).sort()).toEqual([...Object.keys(room), "defaultFactory"].sort());
});
