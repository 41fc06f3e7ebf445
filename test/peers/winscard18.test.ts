// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { clientLibrary } from "./compile.ts";
import { pcscdProgram, startPcscd, startScard } from "./daemon.ts";
import { describePeer, type PeerProgram } from "./peers.ts";
import { differences, formatDifference, parseDifferences, recordTranscript, type Transcript } from "./winscard18.ts";

/** The program's own watchdog is 60 s; it takes 7 s, most of which is waits that have to last. */
const PATIENCE_MS = 90_000;

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

/** The release that docs/interop/pcscd-differences.md is about. */
const stockService: PeerProgram = {
  ...pcscdProgram,
  probe: (path) => {
    const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
    return stdout.includes("version 1.9.9")
      ? pcscdProgram.probe(path)
      : "it is not 1.9.9, which the transcript is about";
  },
};

describePeer(clientLibrary, () => {
  let scard: Transcript;

  beforeAll(async () => {
    const service = await startScard();
    try {
      scard = await recordTranscript(service);
    } finally {
      await service.stop();
    }
  }, PATIENCE_MS);

  it("calls every function of the library", () => {
    const called = new Set([...scard.values()].map((result) => result.split(" ")[0]));
    expect([...called].sort()).toEqual(functions);
  });

  // What every client relies on, whatever else changes. The comparison below knows the rest.
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
  ])("answers «%s» as the API says", (call, result) => {
    expect(scard.get(call)).toMatch(result instanceof RegExp ? result : new RegExp(`^${result}$`));
  });

  describePeer(stockService, () => {
    let pcscd: Transcript;

    beforeAll(async () => {
      const service = await startPcscd();
      try {
        pcscd = await recordTranscript(service);
      } finally {
        await service.stop();
      }
    }, PATIENCE_MS);

    it("answers as pcscd does, but where docs/interop/pcscd-differences.md says so", () => {
      const known = parseDifferences(readFileSync("docs/interop/pcscd-differences.md", "utf8"));
      expect(known.length).toBeGreaterThan(0);
      const rows = differences(pcscd, scard).map(formatDifference);
      // Both ways: a difference that nobody wrote down, and one that is written down but is none any more.
      expect(rows.sort()).toEqual(known.map(formatDifference).sort());
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
