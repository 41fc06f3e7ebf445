// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type CardImageSource, FileSystemCard, parseCardImage } from "../../src/entry/cards.ts";
import { nodeBlockCipher, nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { type Service, startPcscd, startScard } from "./daemon.ts";
import { pcscdProgram } from "./pcscd.ts";
import { describePeer, type PeerProgram } from "./peers.ts";
import { type Ending, run } from "./program.ts";
import { SoftwareVpcdCard } from "./software-vpcd-card.ts";

const explorer: PeerProgram = {
  name: "opensc-explorer",
  remedy: "scripts/setup-peers.sh installs it on Debian.",
  probe: () => undefined,
};

const source: CardImageSource = {
  name: "explored",
  // T=1 only: nothing between OpenSC and the card then takes commands apart.
  atr: { protocols: ["t1"] },
  pins: [
    { reference: 1, value: { text: "1234" }, resettingCode: { value: { text: "87654321" } } },
    { reference: 2, value: { text: "000000" } },
  ],
  access: { createEf: { pin: 1 }, createDf: { pin: 1 }, deleteChild: { pin: 1 } },
  objects: [{ tag: "5A", value: { text: "serial" } }],
  files: [
    {
      type: "linear-variable",
      id: "0002",
      records: [{ text: "first" }, { text: "second" }],
      access: { update: "always" },
    },
    {
      type: "df",
      id: "5000",
      name: "F0 74 65 73 74",
      files: [{ type: "transparent", id: "5001", content: { text: "in a directory" } }],
    },
  ],
};

/** A typed line, its output, and its error message, which may be empty. */
interface Turn {
  readonly types: string;
  readonly prints?: string;
  readonly complains?: string;
}

const turns: readonly Turn[] = [
  { types: "create 3001 12", complains: "CREATE FILE failed: Security status not satisfied" },
  { types: 'verify CHV1 "9999"', prints: "Incorrect code, 2 tries left." },
  { types: 'verify CHV1 "1234"', prints: "Code correct." },
  { types: "create 3001 12" },
  { types: "create 3001 12", complains: "CREATE FILE failed: File already exists" },
  { types: 'update_binary 3001 0 "hello"', prints: "Total of 5 bytes written to 3001 at offset 0." },
  { types: "cat 3001", prints: "68 65 6C 6C 6F 00 00 00 00 00 00 00 hello......." },
  { types: "info 3001", prints: "File path:               3F00/3001\nFile size:               12 bytes" },
  { types: "mkdir 6000 100" },
  { types: "cd 6000" },
  { types: "create 6001 300" },
  { types: "put 6001 IMAGE", prints: "Total of 300 bytes written to 6001." },
  { types: "get 6001 COPY", prints: "Total of 300 bytes read from 6001" },
  { types: "find 6000 6002", prints: "6001 \t wEF   300" },
  { types: "cd .." },
  { types: "delete 6000" },
  { types: "cd 6000", complains: "unable to select DF: File not found" },
  { types: "cd aid:F074657374" },
  { types: "cat 5001", prints: "in a directory" },
  { types: "rm 5001", complains: "DELETE FILE failed: Security status not satisfied" },
  { types: "cd .." },
  { types: 'update_record 0002 1 0 "FIRST"', prints: "Total of 5 bytes written to 0002's record 1 at offset 0." },
  { types: "cat 0002", prints: "46 49 52 53 54 FIRST\nRecord 2:\n00000000: 73 65 63 6F 6E 64 second" },
  { types: "random 8", prints: "00000000: " },
  { types: "apdu 00 CA 00 5A 00", prints: "serial" },
  { types: 'change CHV1 "1234" "5678"', prints: "PIN changed." },
  { types: 'verify CHV1 "1234"', prints: "Incorrect code, 2 tries left." },
  { types: 'verify CHV1 "1234"', prints: "Incorrect code, 1 tries left." },
  { types: 'verify CHV1 "1234"', prints: "Incorrect code, 0 tries left." },
  { types: 'verify CHV1 "5678"', complains: "Unable to verify PIN code: Authentication method blocked" },
  { types: 'unblock CHV1 "87654321" "4321"', prints: "PIN unblocked." },
  { types: 'verify CHV1 "4321"', prints: "Code correct." },
  { types: "rm 3001" },
  { types: "cat 3001", complains: "unable to select file: File not found" },
];

/** Writes what is typed into a script, each turn behind a line that says which it is. */
function writeScript(folder: string): string {
  const typed = turns.flatMap(({ types }, index) => [`echo turn ${index}`, types]).join("\n");
  const script = join(folder, "script");
  const named = typed.replace("IMAGE", join(folder, "image")).replace("COPY", join(folder, "copy"));
  writeFileSync(script, `${named}\necho the end\nquit\n`);
  return script;
}

/** Runs a script on the card in the service's first reader, as soon as the service has seen it. */
async function explore(path: string, script: string, service: Service): Promise<Ending> {
  const { environment } = service;
  const explorer = (file: string): Promise<Ending> =>
    run(path, ["--reader", "0", "--card-driver", "default", file], { environment });
  while ((await explorer("/dev/null")).status !== 0);
  return explorer(script);
}

/** What was printed in each turn. */
function printedByTurn(stdout: string): string[] {
  // A turn may end within a line.
  return stdout.split(/turn \d+ *\n|the end *\n/).slice(1, -1);
}

function itExploresOurCard(path: string, start: () => Promise<Service>): void {
  it("creates, writes, reads, finds and deletes files, verifies, changes and unblocks a PIN", async () => {
    const image = parseCardImage(source);
    if (!image.ok) throw new Error(JSON.stringify(image.error));
    const folder = mkdtempSync(join(tmpdir(), "scard-explorer-"));
    writeFileSync(
      join(folder, "image"),
      // All bytes, and no digits in a row as a PIN has them.
      Uint8Array.from({ length: 300 }, (_, index) => (7 * index) & 0xff),
    );
    const service = await start();
    const card = new FileSystemCard(image.value, nodeRuntime().random, nodeBlockCipher);
    const inserted = await SoftwareVpcdCard.insert(card, service.ports[0]);
    try {
      const { stdout, stderr } = await explore(path, writeScript(folder), service);
      const printed = printedByTurn(stdout);
      expect(printed, stdout + stderr).toHaveLength(turns.length);
      for (const [index, { types, prints = "" }] of turns.entries()) {
        const text = printed[index]?.trim() ?? "";
        if (prints === "") expect(text, types).toBe("");
        else expect(text, types).toContain(prints.trim());
      }
      const complaints = turns.flatMap(({ complains = [] }) => complains);
      const heard = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("ACL for operation"));
      expect(heard, stderr).toEqual(complaints);
      expect(readFileSync(join(folder, "copy"))).toEqual(readFileSync(join(folder, "image")));
    } finally {
      await inserted.remove();
      await service.stop();
      rmSync(folder, { recursive: true });
    }
  });
}

describePeer(explorer, (path) => {
  itExploresOurCard(path, () => startScard());

  describePeer(pcscdProgram, () => itExploresOurCard(path, () => startPcscd()));
});
