// SPDX-License-Identifier: MIT

// `scard ssh-agent` with a PIV card in our daemon, and the programs of OpenSSH as its clients.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { scardProgram } from "../daemon/running.ts";
import { digitsOf, serveCard } from "../peers/card-service.ts";
import { freePort } from "../peers/free-ports.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { type Ending, Program, run } from "../peers/program.ts";

const PIN = "918273";
const SET_UP = "scripts/setup-peers.sh installs it on Debian.";
const READER = "Yubico YubiKey CCID 00 00";
const sshd: PeerProgram = { name: "/usr/sbin/sshd", remedy: SET_UP, probe: () => undefined };

const made = mkdtempSync(join(tmpdir(), "scard-ssh-card-"));
const card = join(made, "card.json");
for (const [action, ...args] of [
  ["new", "piv", card],
  ["provision", card, "--key", "9A", "--algorithm", "p256", "--pin", "stdin"],
  ["provision", card, "--key", "9C", "--algorithm", "ed25519"],
]) {
  execFileSync(process.execPath, [scardProgram, "card", `${action}`, ...args], { input: PIN });
}
const service = serveCard({ card, reader: READER, secrets: [digitsOf(PIN)] });

describePeer(sshd, (path) => {
  const at = (name: string): string => join(service.folder, name);
  const endings: Ending[] = [];

  beforeAll(() => {
    // What ssh-askpass does: it is given the question, and prints the PIN.
    writeFileSync(at("askpass"), `#!/bin/sh\necho "$1" >>${at("asked")}\ncat ${at("pin")}\n`);
    chmodSync(at("askpass"), 0o700);
    writeFileSync(at("text"), "what is signed\n");
  });

  beforeEach(() => {
    rmSync(at("asked"), { force: true });
    writeFileSync(at("pin"), `${PIN}\n`);
  });

  afterAll(() => {
    rmSync(made, { recursive: true });
    const told = endings.map(({ stderr, stdout }) => stdout + stderr).join("");
    expect(told).not.toContain(PIN);
  });

  /** Runs a shell's commands with an agent that asks for the PIN as its options say. */
  async function agent(options: readonly string[], commands: string): Promise<Ending> {
    const args = [scardProgram, "ssh-agent", ...options, "--", "sh", "-c", commands];
    const environment = { ...service.environment, SSH_ASKPASS: "", PIN, OTHER: "111111", FOLDER: service.folder };
    const ending = await run(process.execPath, args, { environment });
    endings.push(ending);
    return ending;
  }

  const asked = (): readonly string[] =>
    existsSync(at("asked")) ? readFileSync(at("asked"), "utf8").trimEnd().split("\n") : [];

  /** Signs with the key on line N of `ssh-add -L`. */
  const sign = (line: number): string =>
    `ssh-add -L | sed -n ${line}p >"$FOLDER/key.pub"; rm -f "$FOLDER/text.sig"; ` +
    `ssh-keygen -q -Y sign -n file -f "$FOLDER/key.pub" "$FOLDER/text"; `;

  it("lists the keys of the card, the one for logging in first", async () => {
    const { status, stdout } = await agent([], "ssh-add -L");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ecdsa-sha2-nistp256 \S+ YubiKey \S+ \d+ 9A\nssh-ed25519 \S+ YubiKey \S+ \d+ 9C\n$/);
  });

  it("logs in to an sshd", async () => {
    const [, port] = [await agent([], `ssh-add -L >"$FOLDER/authorized"`), await freePort()];
    await service.done("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at("host")]);
    const settings = [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${at("host")}`,
      `AuthorizedKeysFile ${at("authorized")}`,
      "StrictModes no",
      "UsePAM no",
      "PidFile none",
      "PasswordAuthentication no",
      "PermitRootLogin prohibit-password",
    ];
    writeFileSync(at("sshd_config"), `${settings.join("\n")}\n`);
    // What Debian's service makes before it starts sshd.
    if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true });
    const server = new Program("sh", ["-c", `exec ${path} -D -e -f "$1" 2>&1`, "sh", at("sshd_config")]);
    try {
      await server.line((line) => line.includes("Server listening on"));
      const options = ["StrictHostKeyChecking=no", `UserKnownHostsFile=${at("known")}`, "LogLevel=ERROR"];
      const words = options.map((option) => `-o ${option}`).join(" ");
      const { stderr, stdout } = await agent(
        ["--pin", "env:PIN"],
        `ssh -F none ${words} -p ${port} ${userInfo().username}@127.0.0.1 echo logged in`,
      );
      expect(stdout, stderr).toBe("logged in\n");
    } finally {
      await server.end("SIGTERM");
    }
  });

  it("signs, and ends with the exit code of the command", async () => {
    const commands = `${sign(2)} echo "someone $(cat "$FOLDER/key.pub")" >"$FOLDER/allowed"; exit 7`;
    const { status, stderr } = await agent(["--pin", "env:PIN"], commands);
    expect(status, stderr).toBe(7);
    const verify = ["-Y", "verify", "-n", "file", "-f", at("allowed"), "-I", "someone", "-s", at("text.sig")];
    const verified = await service.run("ssh-keygen", verify, readFileSync(at("text"), "utf8"));
    expect(verified.status, verified.stderr).toBe(0);
  });

  it("asks for the PIN once and keeps it, or each time", async () => {
    const askpass = ["--askpass", at("askpass")];
    await agent(askpass, sign(1) + sign(1));
    expect(asked()).toEqual([expect.stringMatching(/^PIN of YubiKey \S+ for the key 9A, 3 tries left$/)]);
    await agent([...askpass, "--forget", "0"], sign(1) + sign(1));
    expect(asked()).toHaveLength(3);
  });

  it("asks again after it was locked", async () => {
    // ssh-add asks for the passphrase as ssh does.
    const lock = `SSH_ASKPASS="$FOLDER/askpass" SSH_ASKPASS_REQUIRE=force ssh-add -q`;
    const commands = `${sign(1)} ${lock} -x; ssh-add -l; ${lock} -X; ${sign(1)}`;
    const { stdout } = await agent(["--askpass", at("askpass")], commands);
    expect(stdout).toContain("The agent has no identities.");
    expect(asked().filter((question) => question.startsWith("PIN of"))).toHaveLength(2);
  });

  it("works on with a card that was pulled and put in again", async () => {
    const move = (action: string): string =>
      `"${process.execPath}" "${scardProgram}" ${action} "${READER}" --control "$FOLDER/control"; `;
    const put = `"${process.execPath}" "${scardProgram}" insert "${READER}" "${card}" --control "$FOLDER/control"; `;
    const { stderr, stdout } = await agent(
      ["--askpass", at("askpass")],
      `${sign(1)} ${move("remove")} ssh-add -L; ${put} rm "$FOLDER/text.sig"; ` +
        `ssh-keygen -q -Y sign -n file -f "$FOLDER/key.pub" "$FOLDER/text" && echo signed`,
    );
    expect(stdout, stderr).toContain("The agent has no identities.");
    expect(stdout, stderr).toContain("signed");
    expect(asked()).toHaveLength(2);
  });

  it("sends a wrong PIN once, and says why nothing was signed", async () => {
    const { stderr } = await agent(["--pin", "env:OTHER"], `${sign(1)} ${sign(1)}`);
    expect(stderr).toMatch(/the PIN is wrong; 2 tries are left/);
    expect(stderr).toMatch(/YubiKey \S+ has refused this PIN before, so it is not sent again/);
    expect(await service.done("ykman", ["piv", "info"])).toMatch(/PIN tries remaining:\s+2\/3/);
    await agent(["--pin", "env:PIN"], sign(1));
  });

  it("does without a PIN where it has none, and says so", async () => {
    const { stderr } = await agent([], sign(1));
    expect(stderr).toMatch(/the PIN of YubiKey \S+ is needed: give --pin SOURCE or --askpass PROGRAM/);
  });

  it("keeps the PIN from the command that it runs", async () => {
    expect((await agent(["--pin", "env:PIN"], 'echo "$PIN"')).stdout).toBe("\n");
  });

  it("says why a key cannot be removed, and names the readers that there are", async () => {
    expect((await agent([], "ssh-add -q -D")).stderr).toContain("keys cannot be added or removed");
    const { status, stderr } = await agent(["--reader", "Nope"], "true");
    expect([status, stderr]).toEqual([1, expect.stringContaining(`0 "${READER}"`)]);
  });

  it("is told wrongly: exit code 2", async () => {
    expect((await agent(["--forget", "x"], "true")).status).toBe(2);
    const missing = [scardProgram, "ssh-agent", "--", "/nonexistent/program"];
    const ending = await run(process.execPath, missing, { environment: service.environment });
    expect([ending.status, ending.stderr]).toEqual([2, expect.stringContaining("cannot be started (ENOENT)")]);
    const options = [scardProgram, "ssh-agent", "ssh-add", "-L"];
    const { status, stderr } = await run(process.execPath, options, { environment: service.environment });
    expect([status, stderr]).toEqual([2, expect.stringContaining("stands behind --: scard ssh-agent -- COMMAND")]);
  });

  it("removes the socket of an agent that was killed", async () => {
    const folder = at("runtime");
    mkdirSync(join(folder, "scard"), { recursive: true, mode: 0o700 });
    chmodSync(join(folder, "scard"), 0o700);
    const sockets = (): readonly string[] => readdirSync(join(folder, "scard"));
    const environment = { ...service.environment, XDG_RUNTIME_DIR: folder };
    const killed = new Program(process.execPath, [scardProgram, "ssh-agent"], environment);
    await killed.line((line) => line.startsWith("SSH_AUTH_SOCK="));
    await killed.end("SIGKILL");
    expect(sockets()).toHaveLength(1);
    const args = [scardProgram, "ssh-agent", "--", "true"];
    expect((await run(process.execPath, args, { environment })).status).toBe(0);
    expect(sockets()).toEqual([]);
  });
});
