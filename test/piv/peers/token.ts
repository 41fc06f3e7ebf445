// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import type { PeerProgram } from "../../peers/peers.ts";
import { type Ending, Program, run } from "../../peers/program.ts";

/** The program as it was built; tests run in the repository's root folder. */
const scardProgram = resolve("dist/apps/cli/main.js");

export const READER = "Yubico YubiKey CCID 00 00";
export const PIN = "123456";
export const PUK = "12345678";
export const MANAGEMENT_KEY = "010203040506070801020304050607080102030405060708";
/** Where Debian keeps PKCS#11 modules. */
const LIBRARIES = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
export const OPENSC_MODULE = `${LIBRARIES}/opensc-pkcs11.so`;
export const YKCS11_MODULE = `${LIBRARIES}/libykcs11.so`;
export const OPENSSL_ENGINE = `${LIBRARIES}/engines-3/pkcs11.so`;

const SET_UP = "scripts/setup-peers.sh installs it on Debian.";

/** A program, or a file of one, that the tests use. */
export function peer(name: string): PeerProgram {
  return { name, remedy: SET_UP, probe: () => undefined };
}

/** Our daemon with a PIV card in a reader that has a token's name, for the tests of one file. */
interface Token {
  /** What programs need in their environment. */
  readonly environment: NodeJS.ProcessEnv;
  /** A folder that is gone after the tests. */
  readonly folder: string;
  /** Runs a program to its end. */
  run(path: string, args: readonly string[], input?: string): Promise<Ending>;
  /** Runs a program that has to succeed; what it printed on either channel. */
  done(path: string, args: readonly string[], input?: string): Promise<string>;
  /** What the daemon has logged. */
  log(): string;
}

/** Starts it before the tests of a file, and ends it after them. No secret may be in its log then. */
export function useToken(card = "piv"): Token {
  const folder = mkdtempSync(join(tmpdir(), "scard-piv-"));
  const socket = join(folder, "comm");
  const logFile = join(folder, "log");
  let daemon: Program | undefined;
  const environment = { ...process.env, PCSCLITE_CSOCK_NAME: socket };

  beforeAll(async () => {
    const options = ["--socket", socket, "--control", join(folder, "control"), "--log-level", "trace"];
    const reader = ["--reader", `virtual:${READER}`, "--card", card];
    const script = 'log=$1; shift; exec "$@" 2>"$log"';
    const command = [process.execPath, scardProgram, "daemon", ...options, ...reader];
    daemon = new Program("sh", ["-c", script, "sh", logFile, ...command]);
    await daemon.line((line) => line.startsWith("export PCSCLITE_CSOCK_NAME="));
  });

  afterAll(async () => {
    await daemon?.end("SIGTERM");
    const log = readFileSync(logFile, "utf8");
    rmSync(folder, { recursive: true });
    expect(secretsIn(log), "no PIN and no key is in the log").toEqual([]);
  });

  const token: Token = {
    environment,
    folder,
    run: (path, args, input = "") => run(path, args, { environment, input }),
    async done(path, args, input) {
      const { status, stdout, stderr } = await token.run(path, args, input);
      expect(status, `${path} ${args.join(" ")}: ${stdout}${stderr}`).toBe(0);
      return stdout + stderr;
    },
    log: () => readFileSync(logFile, "utf8"),
  };
  return token;
}

/** The PIN, the PUK and the management key in any form in which a log could have them. */
function secretsIn(log: string): readonly string[] {
  const plain = log.replaceAll(/[ :]/g, "").toUpperCase();
  const hex = (text: string): string => Buffer.from(text).toString("hex").toUpperCase();
  const forms = [hex(PIN), hex(PUK), hex("654321"), MANAGEMENT_KEY, MANAGEMENT_KEY.slice(0, 16)];
  return forms.filter((form) => plain.includes(form));
}
