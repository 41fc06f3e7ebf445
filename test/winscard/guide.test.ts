// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { allPages, blocksOf } from "../documentation/pages.ts";

/** The functions whose pages in MicrosoftDocs/sdk-api have a section "Examples", A and W counted once. */
const withExample = [
  "SCardAddReaderToGroup",
  "SCardAudit",
  "SCardBeginTransaction",
  "SCardCancel",
  "SCardConnect",
  "SCardControl",
  "SCardDisconnect",
  "SCardEndTransaction",
  "SCardEstablishContext",
  "SCardForgetCardType",
  "SCardForgetReader",
  "SCardForgetReaderGroup",
  "SCardGetAttrib",
  "SCardGetCardTypeProviderName",
  "SCardGetProviderId",
  "SCardGetReaderDeviceInstanceId",
  "SCardGetReaderIcon",
  "SCardGetStatusChange",
  "SCardIntroduceCardType",
  "SCardIntroduceReader",
  "SCardIntroduceReaderGroup",
  "SCardIsValidContext",
  "SCardListCards",
  "SCardListInterfaces",
  "SCardListReaderGroups",
  "SCardListReaders",
  "SCardListReadersWithDeviceInstanceId",
  "SCardLocateCards",
  "SCardReconnect",
  "SCardRemoveReaderFromGroup",
  "SCardSetAttrib",
  "SCardSetCardTypeProviderName",
  "SCardStatus",
  "SCardTransmit",
  "SCardUIDlgSelectCard",
];

// test/examples.test.ts compiles and runs them, and compares what they print with the page.
describe("the ported examples of Microsoft's pages", () => {
  const blocks = blocksOf(allPages().filter(({ path }) => path.startsWith("docs/guide/winscard/")));
  const under = (name: string, kind: string): string =>
    blocks.find(({ heading, language }) => heading === name && language === kind)?.code ?? "";

  it.each(withExample)("%s: there is one, it calls the function, and the page says what it prints", (name) => {
    expect(under(name, "ts")).toMatch(new RegExp(`\\b${name}\\(`));
    expect(under(name, "text")).not.toBe("");
  });

  it("every example has its output below it", () => {
    const silent = blocks.filter(({ language }, index) => language === "ts" && blocks[index + 1]?.language !== "text");
    expect(silent).toEqual([]);
  });
});
