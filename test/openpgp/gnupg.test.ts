// SPDX-License-Identifier: MIT

import { afterAll, beforeAll, expect, it } from "vitest";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { GnuPg } from "./gnupg.ts";
import { SERIAL_NUMBER, useOpenPgpCard } from "./openpgp-card.ts";

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";
const gpg: PeerProgram = { name: "gpg", remedy: SET_UP, probe: () => undefined };

const card = useOpenPgpCard({}, ["87654321", "abcdef77", "resetme1"]);

describePeer(gpg, () => {
  let gnupg: GnuPg;

  beforeAll(() => {
    gnupg = new GnuPg(card.environment);
  });

  afterAll(() => gnupg.remove());

  /** Makes three keys on the card, through the prompts of --card-edit. */
  async function generate(name: string): Promise<void> {
    const said = await gnupg.cardEdit("admin", "generate", "n", "0", "y", name, `${name}@example.org`, "", "o");
    expect(said).toContain("[GNUPG:] KEY_CREATED B");
  }

  it("shows the card", async () => {
    const shown = await gnupg.cardStatus();
    expect(shown).toContain(`Application ID ...: D276000124010304FFFF${SERIAL_NUMBER}0000`);
    expect(shown).toContain("Version ..........: 3.4");
    expect(shown).toContain("Manufacturer .....: test card");
    expect(shown).toContain("Key attributes ...: rsa2048 rsa2048 rsa2048");
    expect(shown).toContain("PIN retry counter : 3 0 3");
    expect(shown).toContain("Signature key ....: [none]");
  });

  it("writes what the card's holder is called, and all else of --card-edit", async () => {
    const lines = ["name", "Doe", "Jane", "lang", "en", "sex", "f", "login", "jane", "url", "https://example.org/k"];
    await gnupg.cardEdit("admin", ...lines, "forcesig");
    const shown = await gnupg.cardStatus();
    for (const text of ["Jane Doe", "Ms.", "https://example.org/k", "Signature PIN ....: not forced"])
      expect(shown).toContain(text);
    expect(shown).toMatch(/Login data .*: jane/);
  });

  it.each([
    ["ed25519", ["22 ed25519", "18 cv25519", "22 ed25519"], "ed25519 cv25519 ed25519"],
    ["brainpool", ["19 brainpoolP256r1", "18 brainpoolP256r1", "19 brainpoolP256r1"], "brainpoolP256r1"],
    ["nistp", ["19 nistp384", "18 nistp384", "19 nistp384"], "nistp384 nistp384 nistp384"],
    ["rivest", ["1 rsa2048", "1 rsa2048", "1 rsa2048"], "rsa2048 rsa2048 rsa2048"],
  ])("makes %s keys on the card, signs, verifies and decrypts with them", async (name, algorithms, shown) => {
    for (const [at, algorithm] of algorithms.entries()) await gnupg.setAlgorithm(at + 1, algorithm);
    await generate(name);
    const status = await gnupg.cardStatus();
    expect(status).toMatch(new RegExp(`Key attributes .*: ${shown}`));
    await gnupg.roundTrip(`${name}@example.org`);
  });

  it("moves keys of its own to the card (keytocard)", async () => {
    await gnupg.cardEdit("admin", "factory-reset", "y", "yes");
    await gnupg.endAgent();
    const batch = ["--batch", "--pinentry-mode", "loopback", "--passphrase", ""];
    // A key of another kind than the place on the card is made for needs its attributes first.
    for (const [name, algorithms, attributes] of [
      ["moved", ["ed25519", "cv25519"], ["22 ed25519", "18 cv25519"]],
      ["movedrsa", ["rsa2048", "rsa2048"], ["1 rsa2048", "1 rsa2048"]],
    ] as const) {
      const user = `${name}@example.org`;
      for (const [at, attribute] of attributes.entries()) await gnupg.setAlgorithm(at + 1, attribute);
      await gnupg.gpg([...batch, "--quick-generate-key", user, algorithms[0], "sign", "never"]);
      const [, fingerprint = ""] = /^fpr:+([0-9A-F]{40}):/m.exec(await gnupg.gpg(["--with-colons", "-K", user])) ?? [];
      await gnupg.gpg([...batch, "--quick-add-key", fingerprint, algorithms[1], "encrypt", "never"]);
      const moves = ["keytocard", "y", "1", "key 1", "keytocard", "2", "save"];
      await gnupg.gpg(["--command-fd", "0", "--status-fd", "1", "--edit-key", user], `${moves.join("\n")}\n`);
      expect(await gnupg.gpg(["-K", user])).toMatch(/^sec>/m);
      await gnupg.roundTrip(user);
    }
  });

  it("a wrong PIN three times blocks; the reset code and the Admin PIN unblock", async () => {
    const user = "movedrsa@example.org";
    gnupg.answer({ "New Reset Code": "resetme1", "Admin PIN": "12345678", PIN: "123456" });
    await gnupg.cardEdit("admin", "passwd", "4", "q");
    await gnupg.endAgent();
    gnupg.answer({ PIN: "abcdef77" });
    // To its output: gpg removes a file that it could not finish.
    const sign = ["--batch", "--armor", "-u", user, "-o", "-", "--detach-sign"];
    expect(await gnupg.gpgFails(sign, "text")).toContain("Bad PIN");
    expect(await gnupg.gpgFails(sign, "text")).toContain("Bad PIN");
    expect(await gnupg.gpgFails(sign, "text")).toContain("PIN blocked");
    expect(await gnupg.cardStatus()).toContain("PIN retry counter : 0 3 3");
    gnupg.answer({ "Reset Code for the card": "resetme1", "New PIN": "abcdef77", PIN: "abcdef77" });
    await gnupg.cardEdit("unblock");
    expect(await gnupg.cardStatus()).toContain("PIN retry counter : 3 3 3");
    await gnupg.roundTrip(user);
    await gnupg.endAgent();
    gnupg.answer({ PIN: "000000000" });
    for (let count = 0; count < 3; count++) await gnupg.gpgFails(sign, "text");
    expect(await gnupg.cardStatus()).toContain("PIN retry counter : 0 3 3");
    gnupg.answer({ "Admin PIN": "12345678", "New PIN": "123456", PIN: "123456" });
    await gnupg.cardEdit("admin", "passwd", "2", "q");
    expect(await gnupg.cardStatus()).toContain("PIN retry counter : 3 3 3");
    await gnupg.roundTrip(user);
  });

  it("changes both PINs", async () => {
    // gpg asks for the second time with the same words for both: they get the same value.
    gnupg.answer({ "New Admin PIN": "87654321", "New PIN": "87654321", "Admin PIN": "12345678", PIN: "123456" });
    await gnupg.cardEdit("admin", "passwd", "1", "3", "q");
    expect(gnupg.asked()).toContain("New Admin PIN");
    await gnupg.endAgent();
    gnupg.answer({ "Admin PIN": "87654321", PIN: "87654321" });
    await gnupg.roundTrip("movedrsa@example.org");
    await gnupg.cardEdit("admin", "login", "changed");
    expect(await gnupg.cardStatus()).toMatch(/Login data .*: changed/);
  });

  it("sets the KDF up, and the PINs go on working; a factory reset ends all", async () => {
    gnupg.answer({ "Admin PIN": "12345678", PIN: "123456" });
    await gnupg.cardEdit("admin", "factory-reset", "y", "yes");
    await gnupg.endAgent();
    expect(await gnupg.cardStatus()).toMatch(/KDF setting .*: off/);
    await gnupg.cardEdit("admin", "kdf-setup");
    expect(await gnupg.cardStatus()).toMatch(/KDF setting .*: on/);
    await gnupg.endAgent();
    await gnupg.setAlgorithm(1, "22 ed25519");
    await gnupg.setAlgorithm(2, "18 cv25519");
    await gnupg.setAlgorithm(3, "22 ed25519");
    await generate("hashed");
    await gnupg.roundTrip("hashed@example.org");
    await gnupg.cardEdit("admin", "factory-reset", "y", "yes");
    await gnupg.endAgent();
    const shown = await gnupg.cardStatus();
    expect(shown).toMatch(/KDF setting .*: off/);
    expect(shown).toContain("Signature key ....: [none]");
    expect(shown).toContain("PIN retry counter : 3 0 3");
  });
});
