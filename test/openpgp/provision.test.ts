// SPDX-License-Identifier: MIT

// What `scard card provision` puts on an OpenPGP card is what GnuPG would have put there: it makes the same fingerprints itself.

import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digitsOf, serveCard } from "../peers/card-service.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { GnuPg } from "./gnupg.ts";

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";
const gpg: PeerProgram = { name: "gpg", remedy: SET_UP, probe: () => undefined };
const program = resolve("dist/bundle/entry/main.js");
const USER = "jane@example.org";
const slots = ["signature", "decryption", "authentication"] as const;

function scard(input: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [program, "card", ...args], { input, encoding: "utf8" });
  expect(status, stderr).toBe(0);
}

describePeer(gpg, () => {
  describe.each([
    ["ed25519", "x25519", "ed25519"],
    ["p384", "p256", "p521"],
    ["brainpoolp256r1", "brainpoolp512r1", "brainpoolp384r1"],
    ["rsa2048", "rsa2048", "p256"],
  ])("%s, %s, %s", (...algorithms) => {
    const folder = mkdtempSync(join(tmpdir(), "scard-provision-"));
    const path = join(folder, "card.json");
    const service = serveCard({ card: path, secrets: ["271828", "31415926"].map(digitsOf) });
    let gnupg: GnuPg;

    // Before the card is served.
    scard("", "new", "openpgp", path);
    scard("271828\n31415926\n", "provision", path, "--pin", "stdin", "--puk", "stdin");
    for (const [at, slot] of slots.entries()) {
      const certificate = algorithms[at] === "x25519" ? [] : ["--certificate-out", join(folder, `${slot}.pem`)];
      const key = ["--key", slot, "--algorithm", algorithms[at] ?? "", "--subject", "Jane"];
      scard("", "provision", path, ...key, ...certificate);
    }

    beforeAll(() => {
      gnupg = new GnuPg(service.environment);
      gnupg.answer({ "Admin PIN": "31415926", PIN: "271828" });
    });

    afterAll(async () => {
      await gnupg.remove();
      rmSync(folder, { recursive: true });
    });

    it("GnuPG shows the keys, makes the same fingerprints, signs and decrypts with the new PIN", async () => {
      const shown = await gnupg.gpg(["--card-status", "--with-colons"]);
      const [, ...fingerprints] = /^fpr:(\w{40}):(\w{40}):(\w{40}):$/m.exec(shown) ?? [];
      const [, ...times] = /^fprtime:(\d+):(\d+):(\d+):$/m.exec(shown) ?? [];
      expect([fingerprints.length, times.length], shown).toEqual([3, 3]);
      const age = Date.now() / 1000 - Number(times[0]);
      expect(age, "it was made a minute before it was provisioned").toBeGreaterThanOrEqual(60);
      const expert = ["--command-fd", "0", "--status-fd", "1", "--expert"];
      const at = (key: number): readonly string[] => ["--faked-system-time", `${times[key]}!`, ...expert];
      await gnupg.gpg([...at(0), "--full-generate-key"], `14\n1\nq\n0\nJane Doe\n${USER}\n\no\n`);
      for (const key of [1, 2])
        await gnupg.gpg([...at(key), "--edit-key", USER], `addkey\n14\n${key + 1}\nq\n0\nsave\n`);
      const made = await gnupg.gpg(["-K", "--with-colons", "--with-subkey-fingerprint"]);
      expect([...made.matchAll(/^fpr:+(\w{40}):/gm)].map(([, fingerprint]) => fingerprint)).toEqual(fingerprints);
      await gnupg.roundTrip(USER);
    });

    it("the certificates are of these keys", () => {
      for (const [at, slot] of slots.entries()) {
        if (algorithms[at] === "x25519") continue;
        const certificate = new X509Certificate(readFileSync(join(folder, `${slot}.pem`)));
        expect([certificate.subject, certificate.issuer]).toEqual(["CN=Jane", "CN=Jane"]);
        expect(certificate.verify(certificate.publicKey)).toBe(true);
        const saved = JSON.parse(readFileSync(path, "utf8")).applications.openpgp.certificates[slot];
        expect(saved.toLowerCase()).toBe(certificate.raw.toString("hex"));
      }
    });
  });
});
