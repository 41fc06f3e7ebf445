// SPDX-License-Identifier: MIT

import { readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { attestationRoot } from "../../../src/cards/crypto/index.ts";
import { describePeer } from "../../peers/peers.ts";
import { run } from "../../peers/program.ts";
import { crypto } from "../piv-session.ts";
import { peer, useToken } from "./token.ts";

/** Where Debian's golang-github-go-piv-piv-go-dev puts its sources. */
const GOPATH = "/usr/share/gocode";
const PACKAGE = `${GOPATH}/src/github.com/go-piv/piv-go/piv`;
const KEY_SOURCE = `${PACKAGE}/key.go`;

const token = useToken();

/** Yubico's root certificate in the source, in which no card of software has a part, gives way to ours. */
async function withOurRoot(): Promise<string> {
  const source = readFileSync(KEY_SOURCE, "utf8");
  const base64 = Buffer.from(await attestationRoot(crypto)).toString("base64");
  const pem = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----`;
  const changed = source.replace(/(?<=const yubicoPIVCAPEM = `)[^`]*/, pem);
  expect(changed).not.toBe(source);
  const path = join(token.folder, "key.go");
  writeFileSync(path, changed);
  const overlay = join(token.folder, "overlay.json");
  writeFileSync(overlay, JSON.stringify({ Replace: { [KEY_SOURCE]: path } }));
  return overlay;
}

describePeer(peer("go"), (go) => {
  describePeer(peer(KEY_SOURCE), () => {
    it("piv-go's own tests pass, all 40", async () => {
      const program = join(token.folder, "piv.test");
      const environment = {
        ...token.environment,
        GO111MODULE: "off",
        GOPATH,
        // What was compiled once serves the next run too.
        GOCACHE: join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "scard-peers", "go"),
        GOFLAGS: "",
      };
      const args = ["test", "-c", "-overlay", await withOurRoot(), "-o", program, "github.com/go-piv/piv-go/piv"];
      const compiled = await run(go, args, { environment });
      expect(compiled.status, compiled.stderr).toBe(0);
      const { stdout, stderr, status } = await run(program, ["-test.v", "--wipe-yubikey"], { environment });
      expect(status, stdout + stderr).toBe(0);
      const lines = stdout.split("\n");
      expect(lines.filter((line) => line.startsWith("--- PASS: "))).toHaveLength(40);
      expect(lines.filter((line) => line.includes("--- SKIP") || line.includes("--- FAIL"))).toEqual([]);
    });
  });
});
