// SPDX-License-Identifier: MIT

import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { describe, it } from "vitest";

/** A program, a library or a data file of another project that tests run against. */
export interface PeerProgram {
  /** Its name in PATH; or its path, where the one that PATH has may be another's, and where it is no program. */
  readonly name: string;
  /** What to do where it is missing. */
  readonly remedy: string;
  /** Runs it for a moment; returns why it is of no use, or undefined where it works. */
  readonly probe: (path: string) => string | undefined;
}

/** Looks a program up in PATH, or a file where its name says. */
function findPeer(name: string): string | undefined {
  if (isAbsolute(name)) return existsSync(name) ? name : undefined;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // It is not here; another folder may have it.
    }
  }
  return undefined;
}

/** With SCARD_PEERS=none no test uses a peer, installed or not. scripts/test.js then installs none either. */
const peersAreLeftOut = process.env.SCARD_PEERS === "none";

/**
 * Declares tests against a peer. Where the peer is missing they are skipped and the reason is printed; in CI (the
 * environment has CI) a missing peer is a failure, because a suite that skips what it is for tells nothing. With
 * SCARD_PEERS=none they are skipped everywhere, and the peer is not even looked for.
 */
export function describePeer(peer: PeerProgram, body: (path: string) => void): void {
  if (peersAreLeftOut) {
    describe.skip(`${peer.name}: left out, as SCARD_PEERS=none`, () => body(peer.name));
    return;
  }
  const path = findPeer(peer.name);
  const problem = path === undefined ? "it is not there" : peer.probe(path);
  if (path !== undefined && problem === undefined) {
    describe(peer.name, () => body(path));
    return;
  }
  const reason = `${peer.name} cannot be used: ${problem}. ${peer.remedy}`;
  if (process.env.CI) {
    describe(peer.name, () => {
      it("is there, as CI needs it", () => {
        throw new Error(reason);
      });
    });
    return;
  }
  console.warn(`skipped: ${reason}`);
  describe.skip(reason, () => body(path ?? peer.name));
}
