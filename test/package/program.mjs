// SPDX-License-Identifier: MIT

// What a user's first program looks like; tarball.test.ts runs it against the installed package.
import { embeddedManager, softwareCard, virtualReader } from "scard/embedded";
import * as winscard from "scard/winscard";

const reader = virtualReader({ name: "Bare Folder Reader" });
const manager = embeddedManager();
await manager.addReader(reader);
reader.insert(await softwareCard("demo"));
const { context } = await winscard.SCardEstablishContext(winscard.SCARD_SCOPE_USER, { manager });
const { readers } = await winscard.SCardListReaders(context);
const { card } = await winscard.SCardConnect(
  context,
  readers[0],
  winscard.SCARD_SHARE_SHARED,
  winscard.SCARD_PROTOCOL_Tx,
);
const select = Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00);
const { response } = await winscard.SCardTransmit(card, winscard.SCARD_PCI_T1, select);
await winscard.SCardDisconnect(card, winscard.SCARD_LEAVE_CARD);
await winscard.SCardReleaseContext(context);
console.log(JSON.stringify({ node: process.versions.node, readers, response: [...response] }));
