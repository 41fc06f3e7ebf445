// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { buildFolder, clientLibrary } from "./compile.ts";
import { startScard } from "./daemon.ts";
import { describePeer, type PeerProgram } from "./peers.ts";
import { Program } from "./program.ts";
import { VPCD_CARD_ATR, VpcdCard } from "./vpcd-card.ts";

const javac: PeerProgram = {
  name: "javac",
  remedy: "scripts/setup-peers.sh installs a JDK on Debian.",
  probe: (path) => {
    const { status, stderr } = spawnSync(path, ["-version"], { encoding: "utf8" });
    return status === 0 ? undefined : stderr;
  },
};

/** Java looks for the library under a name that only the headers' package has; it can be told its path. */
function libraryPath(): string {
  return spawnSync("gcc", ["-print-file-name=libpcsclite.so.1"], { encoding: "utf8" }).stdout.trim();
}

describePeer(clientLibrary, () => {
  describePeer(javac, (compiler) => {
    it("lists terminals, locks the card, transmits, and waits for the card to go and to come", async () => {
      const compiled = spawnSync(compiler, ["-d", buildFolder(), "test/peers/Terminals.java"], { encoding: "utf8" });
      expect(compiled.stderr).toBe("");
      const service = await startScard();
      const card = await VpcdCard.insert(service.ports[0]);
      const library = `-Dsun.security.smartcardio.library=${libraryPath()}`;
      const java = new Program(
        "java",
        ["-Xshare:auto", library, "-cp", buildFolder(), "Terminals"],
        service.environment,
      );
      try {
        const [atr, response] = [VPCD_CARD_ATR.toLowerCase(), "0102039000"];
        const used = [`card T=1 ${atr}`, `response ${response}`, "other thread was refused"];
        for (const line of ["terminal Virtual PCD", "terminal Virtual PCD 1", "present at the start true"]) {
          expect(await java.line()).toBe(line);
        }
        for (const line of [...used, "@out"]) expect(await java.line()).toBe(line);
        await card.move("out");
        java.write("\n");
        for (const line of ["absent true", "present too early false", "@in"]) expect(await java.line()).toBe(line);
        await card.move("in");
        java.write("\n");
        for (const line of ["present true", "with a card 1", ...used]) expect(await java.line()).toBe(line);
        expect((await java.ended).status).toBe(0);
      } finally {
        await java.end();
        await card.end();
        await service.stop();
      }
    });
  });
});
