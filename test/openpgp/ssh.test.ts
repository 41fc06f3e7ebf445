// SPDX-License-Identifier: MIT

import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { twoFreePorts } from "../peers/free-ports.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { Program } from "../peers/program.ts";
import { GnuPg } from "./gnupg.ts";
import { useOpenPgpCard } from "./openpgp-card.ts";

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";
const sshd: PeerProgram = { name: "/usr/sbin/sshd", remedy: SET_UP, probe: () => undefined };

const card = useOpenPgpCard();

describePeer(sshd, (path) => {
  let gnupg: GnuPg;
  let server: Program | undefined;

  beforeAll(() => {
    gnupg = new GnuPg(card.environment);
  });

  afterAll(async () => {
    await server?.end();
    await gnupg.remove();
  });

  it.each([
    ["Ed25519", "22 ed25519", "ssh-ed25519"],
    ["P-256", "19 nistp256", "ecdsa-sha2-nistp256"],
    ["RSA", "1 rsa2048", "ssh-rsa"],
  ])("a login with the card's %s key, through gpg-agent", async (_, algorithm, type) => {
    await gnupg.setAlgorithm(3, algorithm);
    await gnupg.makeKey(3);
    await gnupg.endAgent();
    await gnupg.run("gpg-connect-agent", ["/bye"]);
    const { stdout: socket } = await gnupg.run("gpgconf", ["--list-dirs", "agent-ssh-socket"]);
    gnupg.environment.SSH_AUTH_SOCK = socket.trim();
    const { stdout: keys } = await gnupg.run("ssh-add", ["-L"]);
    expect(keys).toMatch(new RegExp(`^${type} \\S+ cardno:`));
    const port = await startServer(keys);
    const { username } = userInfo();
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectionAttempts=60"];
    const args = ["-F", "none", ...options.flatMap((option) => ["-o", option]), "-p", String(port)];
    const login = await gnupg.run("ssh", [...args, `${username}@127.0.0.1`, "echo", "logged", "in"]);
    expect(login.stdout, login.stderr).toBe("logged in\n");
  });

  /** An sshd on this machine alone, for one key. */
  async function startServer(keys: string): Promise<number> {
    await server?.end();
    const [port] = await twoFreePorts();
    const at = (name: string): string => join(gnupg.home, name);
    await gnupg.run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(`host-${port}`)]);
    writeFileSync(at("authorized"), keys);
    const lines = [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${at(`host-${port}`)}`,
      `AuthorizedKeysFile ${at("authorized")}`,
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "PermitRootLogin prohibit-password",
      "PidFile none",
    ];
    writeFileSync(at("sshd_config"), `${lines.join("\n")}\n`);
    // What Debian's service makes before it starts sshd.
    if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true });
    server = new Program(path, ["-D", "-e", "-f", at("sshd_config")]);
    return port;
  }
});
