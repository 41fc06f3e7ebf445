// SPDX-License-Identifier: MIT

import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { equalBytes } from "../../src/base/binary/index.ts";
import { decodePublicKey } from "../../src/base/keys/index.ts";
import { SshAgent } from "../../src/faces/ssh-agent/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { type AgentIdentity, sshPublicKey } from "../../src/wire/ssh-agent/index.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { run } from "../peers/program.ts";

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";
const sshKeygen: PeerProgram = { name: "ssh-keygen", remedy: SET_UP, probe: () => undefined };

interface TestKey {
  readonly identity: AgentIdentity;
  readonly privateKey: KeyObject;
}

function makeKey(comment: string, privateKey: KeyObject): TestKey {
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const decoded = decodePublicKey(new Uint8Array(spki));
  const key = decoded.ok ? sshPublicKey(decoded.value) : undefined;
  if (key === undefined) throw new Error(`SSH has no format for ${comment}`);
  return { identity: { key, comment }, privateKey };
}

const curveKey = (namedCurve: string): KeyObject => generateKeyPairSync("ec", { namedCurve }).privateKey;
const keys = [
  makeKey("rsa", generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey),
  makeKey("p256", curveKey("P-256")),
  makeKey("p384", curveKey("P-384")),
  makeKey("p521", curveKey("P-521")),
  makeKey("ed25519", generateKeyPairSync("ed25519").privateKey),
];

describePeer(sshKeygen, (keygen) => {
  const folder = mkdtempSync(join(tmpdir(), "scard-ssh-agent-"));
  const environment = { ...process.env, SSH_AUTH_SOCK: join(folder, "agent") };
  const refusals: string[] = [];
  let server: Server;

  beforeAll(async () => {
    const agent = new SshAgent({
      clock: nodeRuntime().clock,
      refused: (reason) => refusals.push(reason),
      keys: {
        identities: async () => keys.map(({ identity }) => identity),
        find: async (blob) => keys.find(({ identity }) => equalBytes(identity.key.blob, blob))?.identity,
        sign: async ({ algorithm, data, identity }) => {
          const key = keys.find((one) => one.identity === identity)?.privateKey;
          if (key === undefined) throw new Error("another key");
          return new Uint8Array(sign(algorithm.hash, data, { key, dsaEncoding: "ieee-p1363" }));
        },
      },
    });
    server = createServer((socket) => {
      const session = agent.accept({
        send: (bytes) => socket.write(bytes),
        pause: () => socket.pause(),
        resume: () => socket.resume(),
        close: () => socket.destroySoon(),
      });
      socket.on("data", (bytes) => session.received(bytes));
      socket.on("close", () => session.closed());
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => server.listen(environment.SSH_AUTH_SOCK, resolve));
  });

  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  it("ssh-add lists the keys as authorized_keys has them", async () => {
    const { status, stdout } = await run("ssh-add", ["-L"], { environment });
    expect(status).toBe(0);
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => line.replace(/ \S+ /, " … "))).toEqual([
      "ssh-rsa … rsa",
      "ecdsa-sha2-nistp256 … p256",
      "ecdsa-sha2-nistp384 … p384",
      "ecdsa-sha2-nistp521 … p521",
      "ssh-ed25519 … ed25519",
    ]);
  });

  it.each(keys.map(({ identity }) => identity.comment))(
    "ssh-keygen signs with %s, and takes the signature",
    async (name) => {
      const { stdout: lines } = await run("ssh-add", ["-L"], { environment });
      const line = lines.split("\n").find((candidate) => candidate.endsWith(` ${name}`)) ?? "";
      writeFileSync(join(folder, `${name}.pub`), `${line}\n`);
      writeFileSync(join(folder, `${name}.txt`), "what is signed");
      writeFileSync(join(folder, "allowed"), `someone ${line}\n`);
      const key = join(folder, `${name}.pub`);
      const signed = await run(keygen, ["-Y", "sign", "-n", "file", "-f", key, join(folder, `${name}.txt`)], {
        environment,
      });
      expect(signed.status, signed.stderr).toBe(0);
      const verify = ["-Y", "verify", "-n", "file", "-f", join(folder, "allowed"), "-I", "someone"];
      const verified = await run(keygen, [...verify, "-s", join(folder, `${name}.txt.sig`)], {
        input: "what is signed",
      });
      expect(verified.status, verified.stderr + verified.stdout).toBe(0);
    },
  );
});
