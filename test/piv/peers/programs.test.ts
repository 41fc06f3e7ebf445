// SPDX-License-Identifier: MIT

import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../peers/free-ports.ts";
import { describePeer } from "../../peers/peers.ts";
import { Program, run } from "../../peers/program.ts";
import { MANAGEMENT_KEY, OPENSC_MODULE, OPENSSL_ENGINE, PIN, peer, useToken, YKCS11_MODULE } from "./token.ts";

const token = useToken();
const path = (name: string) => join(token.folder, name);
const SSHD = "/usr/sbin/sshd";

describePeer(peer("ykman"), (ykman) => {
  beforeAll(async () => {
    for (const [slot, algorithm] of [
      ["9a", "RSA2048"],
      ["9d", "ECCP256"],
    ] as const) {
      const publicKey = path(`${slot}.pem`);
      await token.done(ykman, ["piv", "keys", "generate", "-m", MANAGEMENT_KEY, "-a", algorithm, slot, publicKey]);
      const issue = ["-P", PIN, "-m", MANAGEMENT_KEY, "-s", `CN=user ${slot}`, slot, publicKey];
      await token.done(ykman, ["piv", "certificates", "generate", ...issue]);
    }
    await token.done(ykman, ["piv", "certificates", "export", "9a", path("9a.crt")]);
  });

  const modules = [
    ["OpenSC", OPENSC_MODULE],
    ["ykcs11", YKCS11_MODULE],
  ] as const;

  describePeer(peer(SSHD), () => {
    let sshd: Program;
    let port: number;

    beforeAll(async () => {
      port = await freePort();
      await token.done("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path("host")]);
      const keys = await run("ssh-keygen", ["-D", OPENSC_MODULE], { environment: token.environment });
      writeFileSync(path("authorized"), keys.stdout, { mode: 0o600 });
      const [, type, key] = /^(\S+) (\S+)/.exec(readFileSync(path("host.pub"), "utf8")) ?? [];
      writeFileSync(path("known"), `[127.0.0.1]:${port} ${type} ${key}\n`);
      const settings = [
        `Port ${port}`,
        "ListenAddress 127.0.0.1",
        `HostKey ${path("host")}`,
        `AuthorizedKeysFile ${path("authorized")}`,
        "StrictModes no",
        "UsePAM no",
        "PidFile none",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
      ];
      writeFileSync(path("sshd_config"), `${settings.join("\n")}\n`);
      // The script that ssh asks for the PIN.
      writeFileSync(path("askpass"), `#!/bin/sh\necho "$1" >>${path("asked")}\necho ${PIN}\n`);
      chmodSync(path("askpass"), 0o700);
      // It wants this folder, which its service makes.
      await run("mkdir", ["-p", "/run/sshd"]);
      sshd = new Program("sh", ["-c", `exec ${SSHD} -D -e -f "$1" 2>&1`, "sh", path("sshd_config")]);
      await sshd.line((line) => line.includes("Server listening on"));
    });

    afterAll(async () => {
      await sshd.end("SIGTERM");
    });

    it.each(modules)("ssh lists the card's keys, with the module of %s", async (_, module) => {
      const { stdout } = await run("ssh-keygen", ["-D", module], { environment: token.environment });
      expect(stdout).toMatch(/^ssh-rsa AAAA/m);
      expect(stdout).toMatch(/^ecdsa-sha2-nistp256 AAAA/m);
    });

    it.each(modules)("ssh logs in with a key of the card, with the module of %s", async (_, module) => {
      const environment = { ...token.environment, SSH_ASKPASS: path("askpass"), SSH_ASKPASS_REQUIRE: "force" };
      const settings = {
        UserKnownHostsFile: path("known"),
        PKCS11Provider: module,
        PreferredAuthentications: "publickey",
        IdentityAgent: "none",
      };
      const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
      const user = userInfo().username;
      const args = ["-F", "none", "-p", `${port}`, ...options, `${user}@127.0.0.1`, "echo logged in"];
      const { status, stdout, stderr } = await run("ssh", args, { environment });
      expect([status, stdout], stderr).toEqual([0, "logged in\n"]);
      expect(readFileSync(path("asked"), "utf8")).toContain("Enter PIN for ");
    });
  });

  describePeer(peer(OPENSSL_ENGINE), () => {
    it("OpenSSL shows a certificate of the card in TLS, and signs with its key", async () => {
      const port = await freePort();
      const own = ["-keyout", path("server.key"), "-out", path("server.crt"), "-subj", "/CN=localhost", "-nodes"];
      await token.done("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...own]);
      writeFileSync(
        path("engine.cnf"),
        `openssl_conf = openssl\n[openssl]\nengines = engines\n[engines]\npkcs11 = pkcs11\n[pkcs11]\nengine_id = pkcs11\n` +
          `dynamic_path = ${OPENSSL_ENGINE}\nMODULE_PATH = ${OPENSC_MODULE}\ninit = 0\n`,
      );
      const certificates = ["-cert", path("server.crt"), "-key", path("server.key"), "-CAfile", path("9a.crt")];
      const demand = ["-Verify", "1", "-verify_return_error", "-naccept", "1"];
      const server = new Program("openssl", ["s_server", "-accept", `127.0.0.1:${port}`, ...certificates, ...demand]);
      await server.line((line) => line === "ACCEPT");
      const environment = { ...token.environment, OPENSSL_CONF: path("engine.cnf") };
      const key = ["-engine", "pkcs11", "-keyform", "engine", "-key", `pkcs11:id=%01;type=private;pin-value=${PIN}`];
      const args = [
        "s_client",
        "-connect",
        `127.0.0.1:${port}`,
        "-CAfile",
        path("server.crt"),
        "-cert",
        path("9a.crt"),
      ];
      const client = await run("openssl", [...args, ...key, "-brief"], { environment, input: "Q\n" });
      const { stdout, stderr } = await server.end("SIGTERM");
      expect(stdout + stderr, client.stderr).toContain("CN = user 9a");
      expect(stdout + stderr).toContain("Client certificate");
      expect(stderr).not.toContain("verify error");
    });
  });

  describePeer(peer("modutil"), (modutil) => {
    describe.each(modules)("NSS with the module of %s", (name, module) => {
      it("lists the token and its certificates", async () => {
        const database = ["-dbdir", `sql:${path(`nss-${name}`)}`];
        await run("mkdir", [path(`nss-${name}`)]);
        await token.done(modutil, [...database, "-create", "-force"]);
        await token.done(modutil, [...database, "-add", name, "-libfile", module, "-force"]);
        expect(await token.done(modutil, [...database, "-list"])).toMatch(/token: (?:user 9a|YubiKey PIV #\d+)/);
        writeFileSync(path("pin"), `${PIN}\n`);
        const list = ["-L", "-d", `sql:${path(`nss-${name}`)}`, "-h", "all", "-f", path("pin")];
        expect(await token.done("certutil", list)).toMatch(/for PIV Authentication\s+u,u,u/);
      });
    });
  });
});
