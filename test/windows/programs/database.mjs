// SPDX-License-Identifier: MIT

// The functions of WinSCard on the database of Windows, in a program for Windows. It prints what they give, as JSON.

import { env } from "node:process";
import { pathToFileURL } from "node:url";

const from = (path) => import(pathToFileURL(`${env.SCARD_TEST_DIST}/${path}`).href);
const { WinSCard } = await from("entry/winscard.js");
const { openManager } = await from("entry/machine.js");

const { manager } = await openManager(`system:${env.SCARD_TEST_LIBRARY}`);
const calls = new WinSCard({ defaultManager: () => manager, database: "system" });
const { context } = await calls.SCardEstablishContext(0);
const reader = env.SCARD_TEST_READER;
const said = {};

/** Notes what a call gives, or the code that it fails with. */
async function note(name, call) {
  try {
    said[name] = await call();
  } catch (error) {
    if (error.code === undefined) throw error;
    said[name] = error.code;
  }
}

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const flags = (eventState) => eventState & 0xff;
const located = ({ readerStates }) => readerStates.map(({ atr, eventState }) => [hex(atr), flags(eventState)]);
const atr = Uint8Array.from(Buffer.from(env.SCARD_TEST_ATR, "hex"));
const [primary, one, other] = [
  "{50DD5230-BA8A-11D1-BF5D-0000F805F530}",
  "{01234567-89AB-CDEF-0123-456789ABCDEF}",
  "{FEDCBA98-7654-3210-FEDC-BA9876543210}",
];
const card = "Ausweis 卡";
const mask = new Uint8Array(atr.length).fill(0xff);
await note("introduce", () => calls.SCardIntroduceCardType(context, card, primary, [one, other], atr, mask));
await note("introduce plain", () => calls.SCardIntroduceCardType(context, "Plain", null, null, null));
await note("set provider", () => calls.SCardSetCardTypeProviderName(context, card, 2, "Grüner Anbieter"));
await note("provider", () => calls.SCardGetCardTypeProviderName(context, card, 2));
await note("primary as text", () => calls.SCardGetCardTypeProviderName(null, card, 1));
await note("no provider", () => calls.SCardGetCardTypeProviderName(context, card, 3));
await note("provider id", () => calls.SCardGetProviderId(context, card));
await note("interfaces", () => calls.SCardListInterfaces(context, card));
await note("no interfaces", () => calls.SCardListInterfaces(context, "Plain"));
await note("cards", () => calls.SCardListCards(context));
await note("cards of the ATR", () => calls.SCardListCards(context, atr, [one]));
await note("cards of another ATR", () => calls.SCardListCards(context, Uint8Array.of(0x3b, 0x00)));
await note("forgotten", () => calls.SCardForgetCardType(context, "Nothing"));
const states = [{ reader, currentState: 0 }];
await note("locate", async () => located(await calls.SCardLocateCards(context, [card, "Plain"], states)));
await note("locate by ATR", async () =>
  located(await calls.SCardLocateCardsByATR(context, [{ atr }, { atr, mask }], states)),
);
await note("locate nothing", async () => located(await calls.SCardLocateCardsByATR(context, [{ atr: mask }], states)));
await note("introduce reader", () => calls.SCardIntroduceReader(context, "Zweiter Name", reader));
await note("add to group", () => calls.SCardAddReaderToGroup(context, "Zweiter Name", "Türen"));
await note("introduce group", () => calls.SCardIntroduceReaderGroup(context, "Leer"));
await note("readers", () => calls.SCardListReaders(context));
await note("readers of the group", () => calls.SCardListReaders(context, ["Nichts", "Türen", "x"]));
await note("groups", () => calls.SCardListReaderGroups(context));
await note("remove from group", () => calls.SCardRemoveReaderFromGroup(context, "Zweiter Name", "Türen"));
await note("forget group", () => calls.SCardForgetReaderGroup(context, "Türen"));
await note("groups afterwards", () => calls.SCardListReaderGroups(context));
await note("forget reader", () => calls.SCardForgetReader(context, "Zweiter Name"));
await note("type", () => calls.SCardGetDeviceTypeId(context, reader));
await note("instance", () => calls.SCardGetReaderDeviceInstanceId(context, reader));
await note("readers of the instance", () => {
  return calls.SCardListReadersWithDeviceInstanceId(context, said.instance.deviceInstanceId);
});
await note("readers of no instance", () => calls.SCardListReadersWithDeviceInstanceId(context, "NONE"));
await note("icon", async () => (await calls.SCardGetReaderIcon(context, reader)).icon.length);
await note("no icon", () => calls.SCardGetReaderIcon(context, "No reader"));
const data = Uint8Array.from({ length: 10_000 }, (_, at) => at & 0xff);
await note("write cache", () => calls.SCardWriteCache(context, one, 7, "Größe", data));
await note("read cache", async () => hex((await calls.SCardReadCache(context, one, 7, "Größe")).data) === hex(data));
await note("not in the cache", () => calls.SCardReadCache(context, other, 7, "Größe"));
await note("stale in the cache", () => calls.SCardReadCache(context, one, 8, "Größe"));
await note("audit", () => calls.SCardAudit(context, 1));
await note("forget card type", () => calls.SCardForgetCardType(context, card));
await note("cards afterwards", () => calls.SCardListCards(context));
await note("cards of no context", () => calls.SCardListCards(null));
await calls.SCardReleaseContext(context);
await note("released", () => calls.SCardListCards(context));
console.log(JSON.stringify(said));
