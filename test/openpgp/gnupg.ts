// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "vitest";
import { type Ending, run } from "../peers/program.ts";

/** What the tests' pinentry answers, by what the prompt contains; the first that fits. */
export type Pins = Readonly<Record<string, string>>;

/** GnuPG with a home of its own, an agent of its own, and a pinentry that answers for the user. */
export class GnuPg {
  readonly home: string;
  readonly environment: NodeJS.ProcessEnv;

  /** @param service the environment in which programs find the PC/SC service */
  constructor(service: NodeJS.ProcessEnv) {
    this.home = mkdtempSync(join(tmpdir(), "scard-gnupg-"));
    this.environment = { ...service, GNUPGHOME: this.home, LC_ALL: "C" };
    // Without the first it would look for readers on USB before it asks the service.
    writeFileSync(join(this.home, "scdaemon.conf"), "disable-ccid\n");
    const pinentry = resolve("test/openpgp/pinentry.mjs");
    writeFileSync(join(this.home, "gpg-agent.conf"), `pinentry-program ${pinentry}\nenable-ssh-support\n`);
    this.answer({ "Admin PIN": "12345678", PIN: "123456" });
  }

  /** What is answered from now on. The agent forgets what it verified: it starts anew. */
  answer(pins: Pins): void {
    const lines = Object.entries(pins).map(([pattern, pin]) => `${pattern}=${pin}\n`);
    writeFileSync(join(this.home, "pins"), lines.join(""));
  }

  /** What pinentry was asked so far: prompts, without answers. */
  asked(): string {
    return readFileSync(join(this.home, "asked"), "utf8");
  }

  run(program: string, args: readonly string[], input = ""): Promise<Ending> {
    return run(program, args, { environment: this.environment, input });
  }

  /** gpg, which has to succeed; what it wrote. */
  async gpg(args: readonly string[], input = ""): Promise<string> {
    const { status, stdout, stderr } = await this.run("gpg", ["--no-tty", "--trust-model", "always", ...args], input);
    expect(status, `gpg ${args.join(" ")}: ${stderr}`).toBe(0);
    return stdout + stderr;
  }

  /** gpg, which has to fail; what it wrote. */
  async gpgFails(args: readonly string[], input = ""): Promise<string> {
    const { status, stdout, stderr } = await this.run("gpg", ["--no-tty", "--trust-model", "always", ...args], input);
    expect(status, `gpg ${args.join(" ")} should fail: ${stdout}`).not.toBe(0);
    return stdout + stderr;
  }

  /** `gpg --card-edit` with the answers to its prompts. */
  async cardEdit(...answers: readonly string[]): Promise<string> {
    const { stdout, stderr } = await this.run(
      "gpg",
      ["--no-tty", "--command-fd", "0", "--status-fd", "1", "--card-edit"],
      `${[...answers, "quit"].join("\n")}\n`,
    );
    return stdout + stderr;
  }

  cardStatus(): Promise<string> {
    return this.gpg(["--card-status"]);
  }

  /** Sets the algorithm of a key, as gpg's menu does: 1 signature, 2 encryption, 3 authentication. */
  setAlgorithm(key: number, algorithm: string): Promise<void> {
    return this.#askCardDaemon(`SETATTR KEY-ATTR --force ${key} ${algorithm}`);
  }

  /** Makes one key alone on the card; gpg's own menu makes all three. */
  makeKey(key: number): Promise<void> {
    return this.#askCardDaemon(`GENKEY --force ${key}`);
  }

  async #askCardDaemon(command: string): Promise<void> {
    const { stdout, stderr } = await this.run("gpg-connect-agent", [`SCD ${command}`, "/bye"]);
    expect(stdout + stderr).toMatch(/^OK$/m);
  }

  /** Signs and verifies, encrypts and decrypts. */
  async roundTrip(name: string): Promise<void> {
    const file = join(this.home, "message");
    for (const ending of ["", ".sig", ".gpg"]) rmSync(file + ending, { force: true });
    writeFileSync(file, `for ${name}`);
    await this.gpg(["--batch", "-u", name, "-o", `${file}.sig`, "--detach-sign", file]);
    expect(await this.gpg(["--verify", `${file}.sig`, file])).toContain("Good signature");
    await this.gpg(["--batch", "-r", name, "-o", `${file}.gpg`, "--encrypt", file]);
    expect(await this.gpg(["--batch", "--decrypt", `${file}.gpg`])).toContain(`for ${name}`);
  }

  /** Ends the agent and the card daemon, and waits until they have ended: who meets an agent that is ending is refused. */
  async endAgent(): Promise<void> {
    await run("gpgconf", ["--kill", "all"], { environment: this.environment, timeoutMs: 20_000 });
    for (const deadline = Date.now() + 60_000; ; ) {
      const { stderr } = await this.run("gpg-connect-agent", ["--no-autostart", "/bye"]);
      if (/no gpg-agent running/.test(stderr)) return;
      if (Date.now() > deadline) throw new Error(`gpg-agent does not end: ${stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async remove(): Promise<void> {
    await this.endAgent();
    rmSync(this.home, { recursive: true, force: true });
  }
}
