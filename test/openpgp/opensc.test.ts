// SPDX-License-Identifier: MIT

import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { SERIAL_NUMBER, useOpenPgpCard } from "./openpgp-card.ts";

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";
const opensc: PeerProgram = { name: "opensc-tool", remedy: SET_UP, probe: () => undefined };
const admin = ["--verify", "CHV3", "--pin", "12345678"];
const architectures = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
const folders = architectures.map((name) => `/usr/lib/${name}/opensc-pkcs11.so`);
const pkcs11 = folders.find((path) => existsSync(path)) ?? "opensc-pkcs11.so";

const card = useOpenPgpCard({ severalSignatures: true });
const ok = card.done;

describePeer(opensc, () => {
  it("knows the card", async () => {
    expect(await ok("opensc-tool", ["-n"])).toContain(`OpenPGP card v3.4 (FFFF ${SERIAL_NUMBER})`);
    const shown = await ok("openpgp-tool", ["-C", "-K"]);
    expect(shown).toContain(`Serial number:   ${SERIAL_NUMBER}`);
    expect(shown).toContain("Sig Algorithm:   RSA2048");
  });

  it("makes keys on it, and shows them", async () => {
    for (const at of ["1", "2", "3"]) await ok("openpgp-tool", [...admin, "--gen-key", at, "--key-type", "rsa2048"]);
    const shown = await ok("pkcs15-tool", ["--list-pins", "--list-keys", "--list-public-keys"]);
    for (const text of ["User PIN", "Admin PIN", "Private RSA Key [Signature key]", "Public RSA Key [Encryption key]"])
      expect(shown).toContain(text);
  });

  it.each(["0", "1"])("passes the test of pkcs11-tool in slot %s", async (slot) => {
    const login = ["--slot-index", slot, "--login", "--pin", "123456"];
    const shown = await ok("pkcs11-tool", ["--module", pkcs11, ...login, "--test"]);
    expect(shown).toContain("No errors");
    expect(shown).toMatch(/SHA256-RSA-PKCS: OK/);
  });

  it("a wrong PIN three times blocks, and its words say so", async () => {
    const wrong = ["--module", pkcs11, "--login", "--pin", "999999", "-O"];
    for (let count = 0; count < 3; count++) {
      const { status } = await card.run("pkcs11-tool", wrong);
      expect(status).not.toBe(0);
    }
    const { stderr } = await card.run("pkcs11-tool", wrong);
    expect(stderr).toMatch(/CKR_PIN_LOCKED/);
    const passwordStatus = ["-s", "00:A4:04:00:06:D2:76:00:01:24:01", "-s", "00:CA:00:C4:00"];
    expect(await ok("opensc-tool", passwordStatus)).toContain("01 7F 7F 7F 00 00 03");
  });
});
