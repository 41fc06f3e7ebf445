// SPDX-License-Identifier: MIT

// TLS with a client certificate whose key is on a card: what Node takes, and what it does not.

import { X509Certificate } from "node:crypto";
import { join, resolve } from "node:path";
import { createSecureContext } from "node:tls";
import { beforeAll, expect, test } from "vitest";
import { openCard } from "../../src/entry/modules.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { root } from "../documentation/pages.ts";
import { describePeer } from "../peers/peers.ts";
import { OPENSC_MODULE, OPENSSL_ENGINE, PIN, peer, useToken } from "../piv/peers/token.ts";

const token = useToken(`${root}docs/guide/card-modules/holder-card.json`);
const path = (name: string): string => join(token.folder, name);
const KEY = "pkcs11:id=%01;type=private";

test("Node takes no key of a card for TLS by itself", async () => {
  await using card = await openCard({ manager: pcscdManager({ socket: token.environment.PCSCLITE_CSOCK_NAME ?? "" }) });
  const { privateKey } = await card.webcrypto.keyPair("9A");
  expect(() => createSecureContext({ key: privateKey as never })).toThrow(TypeError);
});

describePeer(peer(OPENSC_MODULE), (module) => {
  describePeer(peer(OPENSSL_ENGINE), (engine) => {
    const client = (key: string, version: string) => {
      const program = resolve("test/web-crypto/tls-client.mjs");
      const given = [engine, key, version, path("server.key"), path("server.crt")];
      const environment = `PKCS11_MODULE_PATH=${module}`;
      return token.run("env", [environment, "SCARD_MANAGER=pcscd", process.execPath, program, ...given]);
    };

    beforeAll(async () => {
      const own = ["-keyout", path("server.key"), "-out", path("server.crt"), "-subj", "/CN=localhost", "-nodes"];
      await token.done("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...own]);
    });

    test.each(["TLSv1.3", "TLSv1.2"])("%s through OpenSSL's engine for PKCS#11", async (version) => {
      const { stderr, stdout } = await client(`${KEY};pin-value=${PIN}`, version);
      const manager = pcscdManager({ socket: token.environment.PCSCLITE_CSOCK_NAME ?? "" });
      await using card = await openCard({ manager });
      const { fingerprint256 } = new X509Certificate(await card.certificate("9A"));
      expect(stdout, stderr).toBe(`true ${version} ${fingerprint256}`);
    });

    test("a wrong PIN: no connection", async () => {
      const { status, stdout } = await client(`${KEY};pin-value=000000`, "TLSv1.3");
      expect([status, stdout]).toEqual([1, ""]);
    });
  });
});
