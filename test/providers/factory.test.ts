// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import {
  CLSID_Iso7816Provider,
  ClassFactory,
  ComError,
  CSCardLocate,
  CSCardManage,
  clsids,
  type ISCardVerify,
  iso7816Interfaces,
  iso7816Provider,
  SC_DLG,
  SCARD_FLAGS,
  SCARD_SHARE_MODES,
  type WinSCardFunctions,
} from "../../src/faces/providers/index.ts";
import { SCARD_SCOPE_USER, WinSCard } from "../../src/faces/winscard/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { codes } from "./codes.ts";
import { failureOf } from "./failure-of.ts";
import { type IsoWorld, isoWorld, text } from "./iso-card.ts";
import { type Program, rejectionOf, world } from "./world.ts";

const PROVIDER_ID = "{6A2F9D51-7C3E-4B0A-9E14-5D8C2B7F0A11}";
const OTHER_ID = "{6A2F9D51-7C3E-4B0A-9E14-5D8C2B7F0A12}";

async function introduce({ winscard }: Program, name: string, provider: string | null, atr: string): Promise<void> {
  const { context } = await winscard.SCardEstablishContext(SCARD_SCOPE_USER);
  await winscard.SCardIntroduceCardType(context, name, provider, null, hexBytes(atr));
  await winscard.SCardReleaseContext(context);
}

function unsupported(): Promise<never> {
  return Promise.reject(new ComError("E_NOTIMPL", "not with this card"));
}

/** A program that knows the club card's type, and has its provider registered. */
async function isoFactory(): Promise<Pick<IsoWorld, "card" | "name"> & Pick<Program, "factory">> {
  const { card, name, program } = await isoWorld();
  const one = program("one");
  await introduce(one, "Club card", CLSID_Iso7816Provider, encodeHex(card.reset()));
  one.factory.register(CLSID_Iso7816Provider, iso7816Provider);
  return { card, name, factory: one.factory };
}

describe("createInstance", () => {
  test.each(Object.entries(clsids))("makes a %s, another one each time", async (_, classId) => {
    const { factory, winscard } = (await world()).program("one");
    const [one, two] = [await factory.createInstance(classId), await factory.createInstance(classId.toLowerCase())];
    expect(one).not.toBe(two);
    expect(one.constructor).toBe(two.constructor);
    expect(winscard.openHandles).toEqual({ cards: 0, contexts: 0 });
  });

  test("makes a registered provider's manager, until the registration is taken back", async () => {
    const { factory } = (await world()).program("one");
    const unregister = factory.register(PROVIDER_ID, (winscard) => new CSCardManage(winscard, {}));
    expect(await factory.createInstance(PROVIDER_ID)).toBeInstanceOf(CSCardManage);
    unregister();
    unregister();
    expect(await rejectionOf(factory.createInstance(PROVIDER_ID))).toBe("REGDB_E_CLASSNOTREG");
  });

  test("refuses an invalid class, and the replacement of a base class", async () => {
    const { factory } = (await world()).program("one");
    expect(await rejectionOf(factory.createInstance("{}"))).toBe("E_INVALIDARG");
    const make = (winscard: WinSCardFunctions): CSCardManage => new CSCardManage(winscard, {});
    expect(failureOf(() => factory.register("nonsense", make))).toBe("E_INVALIDARG");
    expect(failureOf(() => factory.register(clsids.CSCard, make))).toBe("E_INVALIDARG");
  });

  test("makes no card while the resource manager does not run", async () => {
    const winscard = new WinSCard({
      defaultManager: () => {
        throw new SmartCardError("no-service", "nothing listens");
      },
    });
    const factory = new ClassFactory({ winscard });
    expect(await rejectionOf(factory.createInstance(clsids.CSCard))).toBe("SCARD_E_NO_SERVICE");
    await factory.createInstance(clsids.CSCardCmd);
  });
});

describe("the provider of a card", () => {
  test("is found by the name of its type, and by the card that is in a reader", async () => {
    const { name, program } = await world();
    const one = program("one");
    await introduce(one, "Plain", null, "3B8180018080");
    await introduce(one, "Provided", PROVIDER_ID, "3B8180018080");
    one.factory.register(PROVIDER_ID, (winscard) => new CSCardManage(winscard, {}));
    expect(await one.factory.createManage("provided")).toBeInstanceOf(CSCardManage);
    const manage = await one.factory.manageCardIn(name);
    expect((await manage.Status()).protocol).toBe(2);
    await manage.Detach();
    expect(one.winscard.openHandles).toEqual({ cards: 0, contexts: 0 });
  });

  test("is another one's as soon as that is registered by the same GUID, and the callers stay the same", async () => {
    const { name, program } = await world();
    const one = program("one");
    await introduce(one, "Provided", PROVIDER_ID, "3B8180018080");
    class Vendor extends CSCardManage {}
    one.factory.register(PROVIDER_ID, (winscard) => new CSCardManage(winscard, {}));
    const unregister = one.factory.register(PROVIDER_ID, (winscard) => new Vendor(winscard, {}));
    const manage = await one.factory.manageCardIn(name);
    expect(manage).toBeInstanceOf(Vendor);
    await manage.Detach();
    unregister();
    expect(await rejectionOf(one.factory.manageCardIn(name))).toBe("REGDB_E_CLASSNOTREG");
  });

  test("may verify codes in its own way: the program that asks for it is the same", async () => {
    const { card, factory, name } = await isoFactory();
    const enter = async (code: string): Promise<string> => {
      const manage = await factory.manageCardIn(name);
      try {
        await manage.CreateCHVerification().Verify(text(code), SCARD_FLAGS.SC_FL_IHV_GLOBAL, 1);
        return "S_OK";
      } catch (error) {
        return (error as ComError).hresultName;
      } finally {
        await manage.Detach();
      }
    };
    expect(await enter(codes.global)).toBe("S_OK");
    expect(await enter(`${codes.global}\0\0`)).toBe("SCARD_W_WRONG_CHV");

    /** A vendor whose programs fill codes up with zeros, which its cards do not. */
    class VendorVerify implements ISCardVerify {
      readonly #standard: ISCardVerify;
      constructor(standard: ISCardVerify) {
        this.#standard = standard;
      }
      Verify(code: Uint8Array, flags: number, ref: number): Promise<void> {
        return this.#standard.Verify(
          code.filter((byte) => byte !== 0),
          flags,
          ref,
        );
      }
      ChangeCode = (): Promise<void> => unsupported();
      ResetSecurityState = (): Promise<void> => unsupported();
      Unblock = (): Promise<void> => unsupported();
    }
    const unregister = factory.register(CLSID_Iso7816Provider, (winscard) => {
      const standard = iso7816Interfaces();
      return new CSCardManage(winscard, { ...standard, verify: (link) => new VendorVerify(standard.verify(link)) });
    });
    expect(await enter(`${codes.global}\0\0`)).toBe("S_OK");
    expect(card.name).toBe("club card");
    unregister();
    expect(await rejectionOf(enter(codes.global))).toBe("REGDB_E_CLASSNOTREG");
  });

  test("that is missing is said to be, one way or the other", async () => {
    const { name, program, reader } = await world();
    const one = program("one");
    expect(await rejectionOf(one.factory.createManage("Unknown"))).toBe("SCARD_E_UNKNOWN_CARD");
    expect(await rejectionOf(one.factory.manageCardIn(name))).toBe("SCARD_E_UNKNOWN_CARD");
    await introduce(one, "Plain", null, "3B8180018080");
    expect(await rejectionOf(one.factory.createManage("Plain"))).toBe("SCARD_E_ICC_INSTALLATION");
    expect(await rejectionOf(one.factory.manageCardIn(name))).toBe("SCARD_E_ICC_INSTALLATION");
    await introduce(one, "Provided", OTHER_ID, "3B00");
    expect(await rejectionOf(one.factory.createManage("Provided"))).toBe("REGDB_E_CLASSNOTREG");
    expect(await rejectionOf(one.factory.manageCardIn("none"))).toBe("SCARD_E_UNKNOWN_READER");
    reader.remove();
    expect(await rejectionOf(one.factory.manageCardIn(name))).toBe("SCARD_E_NO_SMARTCARD");
    expect(one.winscard.openHandles).toEqual({ cards: 0, contexts: 0 });
  });
});

describe("ISCardDatabase", () => {
  test("answers what is introduced", async () => {
    const { name, program } = await world();
    const one = program("one");
    const database = await one.factory.createInstance(clsids.CSCardDatabase);
    const { context } = await one.winscard.SCardEstablishContext(SCARD_SCOPE_USER);
    const atr = Uint8Array.of(0x3b, 0x00);
    await one.winscard.SCardIntroduceCardType(context, "A card", PROVIDER_ID, [OTHER_ID], atr);
    await one.winscard.SCardReleaseContext(context);
    expect(await database.GetProviderCardId("A card")).toBe(PROVIDER_ID);
    expect(await database.ListCardInterfaces("A card")).toEqual([OTHER_ID]);
    expect(await database.ListCards()).toEqual(["A card"]);
    expect(await database.ListCards(atr, [OTHER_ID.toLowerCase()], 0x409)).toEqual(["A card"]);
    expect(await database.ListCards(Uint8Array.of(0x3b, 0x01))).toEqual([]);
    expect(await database.ListReaders(0)).toEqual([name]);
    expect(await database.ListReaderGroups(0)).toEqual(["SCard$DefaultReaders"]);
  });

  test("says what is missing, and refuses invalid arguments", async () => {
    const { manager, name, program } = await world();
    const one = program("one");
    const database = await one.factory.createInstance(clsids.CSCardDatabase);
    expect(await rejectionOf(database.GetProviderCardId("none"))).toBe("SCARD_E_UNKNOWN_CARD");
    expect(await rejectionOf(database.ListCardInterfaces("none"))).toBe("SCARD_E_UNKNOWN_CARD");
    expect(await rejectionOf(database.ListCards(undefined, ["nonsense"]))).toBe("E_INVALIDARG");
    expect(await rejectionOf(database.ListCards("3B00" as never))).toBe("E_POINTER");
    await manager.removeReader(name);
    expect(await database.ListReaders()).toEqual([]);
  });
});

describe("ISCardLocate", () => {
  test("finds a card by the name of its type and connects to it; ISCard goes on", async () => {
    const { name, program } = await world();
    const one = program("one");
    await introduce(one, "Provided", null, "3B8180018080");
    const locate = await one.factory.createInstance(clsids.CSCardLocate);
    locate.ConfigureCardNameSearch(["Provided"], null, "", SC_DLG.NO_UI);
    const found = await locate.FindCard(SCARD_SHARE_MODES.SHARED, 3);
    expect(found).toMatchObject({ ActiveProtocol: 2, ShareMode: SCARD_SHARE_MODES.SHARED });
    const card = await one.factory.createInstance(clsids.CSCard);
    await card.AttachByHandle(found.hCard);
    expect((await one.winscard.SCardStatus(found.hCard)).readerNames).toEqual([name]);
    await card.Detach();
    await one.winscard.SCardReleaseContext(found.hContext);
    expect(one.winscard.openHandles).toEqual({ cards: 0, contexts: 0 });
  });

  test("shows a dialog of its own, which is an object as that of SCardUIDlgSelectCard is", async () => {
    const { name, program } = await world();
    const { winscard } = program("one");
    const picker = { pick: async () => name };
    const factory = new ClassFactory({ winscard, picker });
    for (const locate of [await factory.createInstance(clsids.CSCardLocate), new CSCardLocate(winscard, picker)]) {
      locate.ConfigureCardNameSearch([], null, "Which card?", SC_DLG.FORCE_UI);
      const { hCard, hContext } = await locate.FindCard(SCARD_SHARE_MODES.SHARED, 3);
      expect((await winscard.SCardStatus(hCard)).readerNames).toEqual([name]);
      await winscard.SCardReleaseContext(hContext);
    }
    expect(winscard.openHandles).toEqual({ cards: 0, contexts: 0 });
    const misspelt = { winscard, pikcer: picker };
    expect(() => new ClassFactory(misspelt)).toThrow(/no member "pikcer". Did you mean picker\?/);
  });

  test("shows the dialog where it must, and ends when the person ends it", async () => {
    const { program } = await world();
    const asked: string[] = [];
    const pick = async ({ title }: { readonly title: string }): Promise<undefined> => {
      asked.push(title);
    };
    const one = program("one", { pick });
    await introduce(one, "Another", null, "3B00");
    const locate = await one.factory.createInstance(clsids.CSCardLocate);
    locate.ConfigureCardNameSearch(["Another"], ["SCard$DefaultReaders"], "Which card?");
    expect(await rejectionOf(locate.FindCard(SCARD_SHARE_MODES.SHARED, 3))).toBe("SCARD_W_CANCELLED_BY_USER");
    expect(asked).toEqual(["Which card?"]);
    const none = locate.FindCard(SCARD_SHARE_MODES.SHARED, 3, SC_DLG.NO_UI);
    expect(await rejectionOf(none)).toBe("SCARD_E_NO_SMARTCARD");
    expect(one.winscard.openHandles).toEqual({ cards: 0, contexts: 0 });
  });

  test("refuses an invalid search", async () => {
    const { factory } = (await world()).program("one");
    const locate = await factory.createInstance(clsids.CSCardLocate);
    const { SHARED } = SCARD_SHARE_MODES;
    expect(await rejectionOf(locate.FindCard(SHARED, 3))).toBe("E_UNEXPECTED");
    expect(failureOf(() => locate.ConfigureCardNameSearch(undefined as never))).toBe("E_POINTER");
    expect(failureOf(() => locate.ConfigureCardNameSearch([""]))).toBe("E_INVALIDARG");
    expect(failureOf(() => locate.ConfigureCardNameSearch(["a"], "b" as never))).toBe("E_POINTER");
    expect(failureOf(() => locate.ConfigureCardNameSearch(["a"], null, 7 as never))).toBe("E_INVALIDARG");
    expect(failureOf(() => locate.ConfigureCardNameSearch(["a"], null, "", 3 as never))).toBe("E_INVALIDARG");
    expect(failureOf(() => locate.ConfigureCardGuidSearch(["a"]))).toBe("E_INVALIDARG");
    locate.ConfigureCardGuidSearch([OTHER_ID], null, "", SC_DLG.NO_UI);
    expect(await rejectionOf(locate.FindCard(3 as never, 3))).toBe("E_INVALIDARG");
    expect(await rejectionOf(locate.FindCard(SHARED, 0))).toBe("E_INVALIDARG");
    expect(await rejectionOf(locate.FindCard(SHARED, 3, 3 as never))).toBe("E_INVALIDARG");
    expect(await rejectionOf(locate.FindCard(SHARED, 3))).toBe("SCARD_E_NO_SMARTCARD");
    locate.ConfigureCardNameSearch(["Unknown"], null, "", SC_DLG.NO_UI);
    expect(await rejectionOf(locate.FindCard(SHARED, 3))).toBe("SCARD_E_UNKNOWN_CARD");
  });
});
