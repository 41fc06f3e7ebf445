// SPDX-License-Identifier: MIT

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { type Ending, run } from "../peers/program.ts";
import { CardPlace } from "./card-place.ts";

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";
const opensc: PeerProgram = { name: "opensc-tool", remedy: SET_UP, probe: () => undefined };
const admin = ["--verify", "CHV3", "--pin", "12345678"];
const architectures = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
const folders = architectures.map((name) => `/usr/lib/${name}/opensc-pkcs11.so`);
const pkcs11 = folders.find((path) => existsSync(path)) ?? "opensc-pkcs11.so";

describePeer(opensc, () => {
  let place: CardPlace;
  let folder: string;

  beforeAll(async () => {
    place = await CardPlace.start({ serialNumber: "0000A1B2", severalSignatures: true });
    folder = mkdtempSync(join(tmpdir(), "scard-opensc-"));
    // It takes a reader that says nothing of extended length for one without it.
    writeFileSync(
      join(folder, "opensc.conf"),
      "app default { reader_driver pcsc { max_recv_size = 65536; max_send_size = 65535; } }\n",
    );
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await place.stop("12345678", "123456");
  });

  function ask(program: string, ...args: string[]): Promise<Ending> {
    const environment = { ...place.service.environment, OPENSC_CONF: join(folder, "opensc.conf") };
    return run(program, args, { environment });
  }

  async function ok(program: string, ...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await ask(program, ...args);
    expect(status, stdout + stderr).toBe(0);
    return stdout + stderr;
  }

  it("knows the card", async () => {
    expect(await ok("opensc-tool", "-n")).toContain("OpenPGP card v3.4 (FFFF 0000A1B2)");
    const shown = await ok("openpgp-tool", "-C", "-K");
    expect(shown).toContain("Serial number:   0000A1B2");
    expect(shown).toContain("Sig Algorithm:   RSA2048");
  });

  it("makes keys on it, and shows them", async () => {
    for (const at of ["1", "2", "3"]) await ok("openpgp-tool", ...admin, "--gen-key", at, "--key-type", "rsa2048");
    const shown = await ok("pkcs15-tool", "--list-pins", "--list-keys", "--list-public-keys");
    for (const text of ["User PIN", "Admin PIN", "Private RSA Key [Signature key]", "Public RSA Key [Encryption key]"])
      expect(shown).toContain(text);
  });

  it.each(["0", "1"])("passes the test of pkcs11-tool in slot %s", async (slot) => {
    const login = ["--slot-index", slot, "--login", "--pin", "123456"];
    const shown = await ok("pkcs11-tool", "--module", pkcs11, ...login, "--test");
    expect(shown).toContain("No errors");
    expect(shown).toMatch(/SHA256-RSA-PKCS: OK/);
  });

  it("a wrong PIN three times blocks, and its words say so", async () => {
    const wrong = ["--module", pkcs11, "--login", "--pin", "999999", "-O"];
    for (let count = 0; count < 3; count++) {
      const { status } = await ask("pkcs11-tool", ...wrong);
      expect(status).not.toBe(0);
    }
    const { stderr } = await ask("pkcs11-tool", ...wrong);
    expect(stderr).toMatch(/CKR_PIN_LOCKED/);
    expect(await place.bench.get("C4")).toBe("017F7F7F000003");
  });
});
