// SPDX-License-Identifier: MIT

// gpg knows the keys of an OpenPGP card as an OpenPGP key, verifies what the card signed, and decrypts with what the card made.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type KeyContainer, type OpenCard, openCard } from "../../src/entry/modules.ts";
import { attributes } from "../cards/openpgp-bench.ts";
import { describePeer } from "../peers/peers.ts";
import { type Ending, run } from "../peers/program.ts";
import { openPgpCard } from "./cards.ts";
import { PgpKey } from "./openpgp-packets.ts";
import { onEachManager, type Stage } from "./stage.ts";

const TEXT = "what is signed\n";
const gpg = { name: "gpg", remedy: "scripts/setup-peers.sh installs it on Debian.", probe: () => undefined };
const { ed25519, p256, rsa2048, x25519 } = attributes;

describePeer(gpg, (program) => {
  onEachManager((make) => {
    describe.each([
      ["RSA", [rsa2048, rsa2048, p256]],
      ["Curve25519", [ed25519, x25519, p256]],
    ] as const)("%s", (kind, [signature, decryption, authentication]) => {
      let stage: Stage;
      let card: OpenCard;
      let key: PgpKey;
      let home: string;
      const at = (name: string): string => join(home, name);

      async function done(...args: readonly string[]): Promise<Ending> {
        const usual = ["--homedir", home, "--batch", "--no-autostart", "--trust-model", "always", "--status-fd", "1"];
        const ending = await run(program, [...usual, ...args]);
        expect(ending.status, ending.stderr).toBe(0);
        return ending;
      }

      beforeEach(async () => {
        home = mkdtempSync(join(tmpdir(), "scard-gpg-"));
        stage = await make(await openPgpCard(signature, decryption, authentication));
        card = await openCard(await stage.connect(), { pin: () => "123456" });
        const [signing, decrypting] = (await card.containers()) as [KeyContainer, KeyContainer];
        const how = kind === "RSA" ? ({ isDigest: true, hash: "sha256" } as const) : {};
        key = new PgpKey(signing, decrypting, (digest) => card.sign("signature", digest, how));
        writeFileSync(at("key"), await key.exported("Card of this test"));
        await done("--import", at("key"));
      });
      afterEach(async () => {
        await card?.close();
        await stage?.close();
        rmSync(home, { recursive: true });
      });

      test("a signature", async () => {
        writeFileSync(at("text"), TEXT);
        writeFileSync(at("text.sig"), await key.signed(new TextEncoder().encode(TEXT)));
        const { stdout } = await done("--verify", at("text.sig"), at("text"));
        expect(stdout).toContain(`VALIDSIG ${Buffer.from(key.fingerprint).toString("hex").toUpperCase()}`);
        writeFileSync(at("text"), "something else\n");
        expect(
          (await run(program, ["--homedir", home, "--batch", "--verify", at("text.sig"), at("text")])).status,
        ).toBe(1);
      });

      test("a message", async () => {
        writeFileSync(at("text"), TEXT);
        const recipient = Buffer.from(key.fingerprint).toString("hex");
        await done("--output", at("message"), "--recipient", recipient, "--encrypt", at("text"));
        const message = new Uint8Array(readFileSync(at("message")));
        const session = await key.sessionKey(message, (data) =>
          kind === "RSA" ? card.decrypt("decryption", data) : card.deriveKey("decryption", data),
        );
        await done("--override-session-key", session, "--output", at("again"), "--decrypt", at("message"));
        expect(readFileSync(at("again"), "utf8")).toBe(TEXT);
      });
    });
  });
});
