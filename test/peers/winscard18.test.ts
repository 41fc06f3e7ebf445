// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { clientLibrary } from "./compile.ts";
import { type Service, startPcscd, startScard } from "./daemon.ts";
import { writtenAboutPcscd } from "./pcscd.ts";
import { describePeer } from "./peers.ts";
import { differences, formatDifference, parseDifferences, recordTranscript, type Transcript } from "./winscard18.ts";

/** Every function of winscard.h that libpcsclite has. */
const functions = [
  "SCardBeginTransaction",
  "SCardCancel",
  "SCardConnect",
  "SCardControl",
  "SCardDisconnect",
  "SCardEndTransaction",
  "SCardEstablishContext",
  "SCardFreeMemory",
  "SCardGetAttrib",
  "SCardGetStatusChange",
  "SCardIsValidContext",
  "SCardListReaderGroups",
  "SCardListReaders",
  "SCardReconnect",
  "SCardReleaseContext",
  "SCardSetAttrib",
  "SCardStatus",
  "SCardTransmit",
];

/**
 * How many times as long as usual a call has for its answer before the program says that it waits. On a busy machine an answer
 * can seem a wait: what is off is tried again with more time, which has the last word.
 */
const patiences = [1, 12] as const;
type Patience = (typeof patiences)[number];

/** Records what a service does, once for each patience that is asked for. */
function recorder(start: () => Promise<Service>): (patience: Patience) => Promise<Transcript> {
  const recorded = new Map<Patience, Promise<Transcript>>();
  const record = async (patience: Patience): Promise<Transcript> => {
    const service = await start();
    try {
      return await recordTranscript(service, patience);
    } finally {
      await service.stop();
    }
  };
  return (patience) => {
    const transcript = recorded.get(patience) ?? record(patience);
    recorded.set(patience, transcript);
    return transcript;
  };
}

describePeer(clientLibrary, () => {
  const scard = recorder(startScard);

  it("calls every function of the library", async () => {
    const called = new Set([...(await scard(1)).values()].map((result) => result.split(" ")[0]));
    expect([...called].sort()).toEqual(functions);
  });

  // What every client relies on in any case. The comparison below checks the rest.
  it.each([
    ["connect for either", "SCardConnect 0x00000000 protocol=2"],
    ["exchange", "SCardTransmit 0x00000000 6162639000"],
    ["known state, 150 ms", /^SCardGetStatusChange 0x8010000A .* waited=1$/],
    ["shared beside exclusive", "SCardConnect 0x8010000B"],
    ["begin beside a transaction", "SCardBeginTransaction 0x00000000 waits=1"],
    ["end another's transaction", "SCardEndTransaction 0x8010000B waits=0"],
    ["other after a reset, begin", "SCardBeginTransaction 0x80100068"],
    ["the wait that was cancelled", "SCardGetStatusChange 0x80100002"],
    ["the wait of another context", "SCardGetStatusChange 0x8010000A"],
    ["status with a card that is gone", "SCardStatus 0x80100069"],
  ])('answers "%s" as the API says', async (call, result) => {
    const pattern = result instanceof RegExp ? result : new RegExp(`^${result}$`);
    let answered: string | undefined;
    for (const patience of patiences) {
      answered = (await scard(patience)).get(call);
      if (pattern.test(answered ?? "")) break;
    }
    expect(answered).toMatch(pattern);
  });

  describePeer(writtenAboutPcscd, () => {
    const pcscd = recorder(startPcscd);

    it("answers as pcscd does, but where docs/interop/pcscd-differences.md says so", async () => {
      const known = parseDifferences(readFileSync("docs/interop/pcscd-differences.md", "utf8"))
        .map(formatDifference)
        .sort();
      expect(known.length).toBeGreaterThan(0);
      let rows: readonly string[] = [];
      for (const patience of patiences) {
        rows = differences(await pcscd(patience), await scard(patience))
          .map(formatDifference)
          .sort();
        if (rows.join() === known.join()) break;
      }
      // Both ways: a difference that is missing in the table, and a row that is no longer a difference.
      expect(rows).toEqual(known);
    });
  });

  describe("the comparison goes red", () => {
    it("for another result, and for a call that one of them lacks", () => {
      const one = new Map([["a call", "SCardStatus 0x00000000"]]);
      expect(differences(one, new Map([["a call", "SCardStatus 0x80100003"]]))).toHaveLength(1);
      expect(differences(one, new Map())).toHaveLength(1);
      expect(differences(one, new Map(one))).toEqual([]);
    });
  });
});
