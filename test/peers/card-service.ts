// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { type Ending, run } from "./program.ts";
import { digitsOf, TracedDaemon } from "./traced-daemon.ts";

export { digitsOf };

/** What card is in the reader of a service. */
export interface ServedCard {
  /** As `--card` takes it: a kind of card, or the path of a description. Or the description itself. */
  readonly card: string | object;
  /** The reader's name. @default the one that the card asks for */
  readonly reader?: string;
  /** Hexadecimal digits that must not be in the log or in a trace when the tests are over, whatever stands between them. */
  readonly secrets: readonly string[];
}

/** Our daemon with a card in a virtual reader, for the tests of one file. */
export interface CardService {
  /** What programs need in their environment. */
  readonly environment: NodeJS.ProcessEnv;
  /** A folder that is gone after the tests. */
  readonly folder: string;
  /** Runs a program to its end. */
  run(path: string, args: readonly string[], input?: string): Promise<Ending>;
  /** Runs a program that has to succeed; what it printed on either channel. */
  done(path: string, args: readonly string[], input?: string): Promise<string>;
}

/** Starts it before the tests of a file, and ends it after them. It is traced all the time: no secret may be in a trace or in the log. */
export function serveCard({ card, reader, secrets }: ServedCard): CardService {
  const folder = mkdtempSync(join(tmpdir(), "scard-card-"));
  const socket = join(folder, "comm");
  let daemon: TracedDaemon | undefined;
  const environment = { ...process.env, PCSCLITE_CSOCK_NAME: socket };

  beforeAll(async () => {
    const described = join(folder, "card.json");
    if (typeof card === "object") writeFileSync(described, JSON.stringify(card));
    const place = reader === undefined ? "virtual" : `virtual:${reader}`;
    const args = ["--log-level", "trace", "--reader", place, "--card", typeof card === "object" ? described : card];
    daemon = await TracedDaemon.start({ args, socket, control: join(folder, "control"), secrets });
  });

  afterAll(async () => {
    const ending = await daemon?.end();
    rmSync(folder, { recursive: true });
    // Where programs have used the card, that was traced.
    const connected = ending?.stderr.split("\n").filter((line) => line.includes('"msg":"connected"')).length;
    expect(daemon?.connects).toBeGreaterThanOrEqual(connected ?? 0);
  });

  const service: CardService = {
    environment,
    folder,
    run: (path, args, input = "") => run(path, args, { environment, input }),
    async done(path, args, input) {
      const { status, stdout, stderr } = await service.run(path, args, input);
      expect(status, `${path} ${args.join(" ")}: ${stdout}${stderr}`).toBe(0);
      return stdout + stderr;
    },
  };
  return service;
}
