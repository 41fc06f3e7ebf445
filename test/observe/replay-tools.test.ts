// SPDX-License-Identifier: MIT

// Sessions of other people's programs on our cards through the daemon, recorded, and played again as cards: the same program runs
// without a card behind. Not so: what a program draws by chance and sends as data of other commands than authentications, such as a
// new CHUID, a key that it imports, or the hash of a signature with the time in it (gpg, unless the time is given).

import { afterAll, beforeAll, expect, it } from "vitest";
import type { SoftwareCard } from "../../src/entry/cards.ts";
import {
  formatRecording,
  parseRecording,
  type RecordedEvent,
  type Recording,
  recordedCard,
  redactRecording,
} from "../../src/entry/observe.ts";
import { softwareCard } from "../../src/entry/software.ts";
import { GnuPg } from "../openpgp/gnupg.ts";
import { type ScardService, startScard } from "../peers/daemon.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { run } from "../peers/program.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";

const peer = (name: string): PeerProgram => ({
  name,
  remedy: "scripts/setup-peers.sh installs it on Debian.",
  probe: () => undefined,
});
const READER = "Virtual PCD";
const PIN = "123456";
const PIN_BYTES = Buffer.from(PIN).toString("hex");

let service: ScardService;
beforeAll(async () => {
  service = await startScard();
});
afterAll(() => service.stop());

const bytesOf = (bytes: Uint8Array) => ({ before: bytes.slice(), withheld: 0, after: new Uint8Array(0) });

/** The card, and what is said to it. */
function overheard(card: SoftwareCard): { readonly card: SoftwareCard; recording(): Recording } {
  const events: RecordedEvent[] = [];
  let atr = new Uint8Array(0);
  return {
    card: {
      reset(kind) {
        atr = card.reset(kind).slice();
        events.push({ event: "reset", atMs: 0, atr });
        return atr;
      },
      powerOff: () => card.powerOff(),
      async process(bytes) {
        const command = bytesOf(bytes);
        const answer = await card.process(bytes);
        events.push({ event: "exchange", atMs: 0, command, response: bytesOf(answer) });
        return answer;
      },
    },
    recording: () => ({ header: { recorded: 0, data: "raw", atr, protocol: "t1" }, events }),
  };
}

/** A card that fails answers 6F00: over vpcd it has no other way to say so. */
function answering(card: SoftwareCard): SoftwareCard {
  return {
    reset: (kind) => card.reset(kind),
    powerOff: () => card.powerOff(),
    async process(command) {
      try {
        return await card.process(command);
      } catch {
        return Uint8Array.of(0x6f, 0x00);
      }
    },
  };
}

/** Runs a program with a card in one of the two readers. */
async function withCard<T>(card: SoftwareCard, work: () => Promise<T>, slot: 0 | 1 = 0): Promise<T> {
  const inserted = await SoftwareVpcdCard.insert(answering(card), service.ports[slot]);
  await service.seesCards(1);
  try {
    return await work();
  } finally {
    await inserted.remove();
    while ((await service.who()).readers.some((reader) => reader.card?.atr));
  }
}

/** Runs a program with the card, and again with the recording of it, which is read from its text. */
async function twice(kind: string, work: () => Promise<string>, slot: 0 | 1 = 0): Promise<Recording> {
  const spied = overheard(await softwareCard(kind));
  const first = await withCard(spied.card, work, slot);
  const read = parseRecording(formatRecording(spied.recording()));
  if (!read.ok) throw new Error(`line ${read.error.line} ${read.error.message}`);
  expect(read.value.events.filter(({ event }) => event === "exchange").length).toBeGreaterThan(3);
  const card = recordedCard(read.value, { readsInAnyOrder: true });
  const second = await withCard(card, work, slot);
  expect(card.difference?.text).toBeUndefined();
  expect(second).toBe(first);
  return read.value;
}

async function output(path: string, ...args: readonly string[]): Promise<string> {
  const { status, stderr, stdout } = await run(path, args, { environment: { ...service.environment, LC_ALL: "C" } });
  expect(status, stderr).toBe(0);
  return stdout;
}

describePeer(peer("opensc-tool"), (tool) => {
  it("finds the card again", async () => {
    await twice("piv", () => output(tool, "-n"));
  });
});

describePeer(peer("pkcs15-tool"), (tool) => {
  it("lists the PINs again", async () => {
    await twice("piv", () => output(tool, "--list-pins"));
  });
});

describePeer(peer("yubico-piv-tool"), (tool) => {
  it("verifies the PIN and tells the status again, and the redacted recording has no PIN", async () => {
    const work = () => output(tool, "-r", READER, "-P", PIN, "-a", "verify-pin", "-a", "status");
    const recording = await twice("piv", work);
    expect(formatRecording(recording).replaceAll(" ", "")).toContain(PIN_BYTES);
    expect(formatRecording(redactRecording(recording)).replaceAll(" ", "")).not.toContain(PIN_BYTES);
    // The redacted one does not serve this program: the version of the application comes with an instruction of Yubico's, whose
    // answer is withheld.
  });

  it("is told what is wrong where it asks for something else", async () => {
    const spied = overheard(await softwareCard("piv"));
    await withCard(spied.card, () => output(tool, "-r", READER, "-a", "status"));
    const card = recordedCard(spied.recording());
    await withCard(card, () =>
      run(tool, ["-r", READER, "-P", PIN, "-a", "verify-pin"], { environment: service.environment }),
    );
    expect(card.difference?.text).toMatch(/is not the recorded one[\s\S]*\+ 00 20 00 80 08 \[8 bytes withheld\]/);
  });
});

describePeer(peer("ykman"), (tool) => {
  it("tells what is in PIV again", async () => {
    // It takes a part of a name: that of the first reader is in both.
    await twice("yubikey", () => output(tool, "--reader", `${READER} 1`, "piv", "info"), 1);
  });
});

describePeer(peer("gpg"), () => {
  it("tells the card's status again, after a PIN", async () => {
    const gpg = new GnuPg(service.environment);
    try {
      await twice("openpgp", async () => {
        const status = await gpg.cardStatus();
        const verified = await gpg.cardEdit("verify");
        await gpg.endAgent();
        expect(verified).not.toMatch(/failed|error/i);
        // The first time it also tells of the file for keys that it makes.
        return status.replace(/^gpg: .*\n/gm, "");
      });
    } finally {
      await gpg.remove();
    }
  });
});
