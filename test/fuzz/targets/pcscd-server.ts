// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import { VirtualReader } from "../../../src/entry/cards.ts";
import { PcscliteServer, type ServerLogEntry } from "../../../src/faces/pcsclite-server/index.ts";
import { EmbeddedManager } from "../../../src/managers/embedded/index.ts";
import { SimulatedRuntime } from "../../../src/testing/runtime/index.ts";
import { encodeRequest, type Request } from "../../../src/wire/pcsclite/index.ts";
import { EchoCard } from "../../manager/world.ts";
import { u32, WireClient } from "../../pcsclite/wire-client.ts";
import { type Dice, piecesOf } from "../dice.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must, mustBeAlike } from "../target.ts";
import { makeRequest } from "./streams.ts";

/** The handles that a hostile client may name: each word stands for the newest of its kind that a client was given. */
const HANDLE_MARK = 0x7ead;

/** Requests, each with the number of the client that sends it and its length; handles are named by marks. */
function makeConversation(dice: Dice): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let count = 2 + dice.below(20); count > 0; count--) {
    const isOpening = count % 5 === 0;
    const request: Request = isOpening
      ? dice.pick<Request>([
          { kind: "establish-context", scope: 2 },
          { kind: "version", major: 4, minor: 6, extension: 1 },
        ])
      : makeRequest(dice, [HANDLE_MARK, HANDLE_MARK, HANDLE_MARK, 1]);
    const bytes = encodeRequest(request);
    const damaged = dice.chance(90) ? bytes : bytes.slice(0, dice.below(bytes.length + 1));
    parts.push(Uint8Array.of(dice.below(16), damaged.length >> 8, damaged.length & 0xff), damaged);
  }
  return concatBytes(...parts);
}

/** Puts the handles that this client was given last in the place of the marks. */
function withHandles(bytes: Uint8Array, handles: { context: number; card: number }): Uint8Array {
  if (bytes.length < 12 || u32(bytes, 8) !== HANDLE_MARK) return bytes;
  const own = bytes.slice();
  const command = u32(bytes, 4);
  // Release, connect, cancel and ours name a context; all others a card. LudovicRousseau/PCSC, src/winscard_msg.h.
  const handle = [0x02, 0x04, 0x0d, 0x5301, 0x5302, 0x5303].includes(command) ? handles.context : handles.card;
  new DataView(own.buffer).setUint32(8, handle, true);
  return own;
}

interface HostileClient {
  wire: WireClient;
  readonly handles: { context: number; card: number };
}

/** What came back may hold handles: they are numbers that are neither small nor negative. */
function learn({ handles, wire }: HostileClient): void {
  const answer = wire.take();
  if (answer.length === 12) handles.context = u32(answer, 4);
  if (answer.length === 152) handles.card = u32(answer, -12);
}

export const pcscdServer: FuzzTarget = {
  name: "pcscd-server",
  about:
    "Three programs that send the service anything, beside one that behaves: it is served, and nothing is left of them",
  covers: ["PcscliteServer"],
  measures: ["faces/pcsclite-server/", "wire/pcsclite/request", "wire/pcsclite/responses", "managers/embedded/"],
  maxBytes: 3000,
  generate: makeConversation,
  async run(input) {
    const tape = new Tape(input);
    const runtime = new SimulatedRuntime({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
    const manager = new EmbeddedManager({ runtime, profile: "pcsclite" });
    const readers = ["Reader", "Quiet"].map((name) => new VirtualReader({ name, clock: runtime.clock }));
    for (const reader of readers) {
      await manager.addReader(reader);
      reader.insert(new EchoCard());
    }
    const faults: ServerLogEntry[] = [];
    const log = (entry: ServerLogEntry): unknown => entry.level === "error" && faults.push(entry);
    const server = new PcscliteServer({ runtime, manager, log });
    const good = new WireClient(server, { name: "good" });
    const ask = async (request: Request): Promise<Uint8Array> => {
      good.ask(request);
      await runtime.settle();
      return good.take();
    };
    const context = u32(await ask({ kind: "establish-context", scope: 2 }), 4);
    const connected = await ask({ kind: "connect", context, reader: "Quiet", shareMode: 2, preferredProtocols: 3 });
    const card = u32(connected, -12);

    const open = (): WireClient => new WireClient(server, { name: "hostile" }, { mayUse: (name) => name !== "Quiet" });
    const hostile = Array.from({ length: 3 }, () => ({ wire: open(), handles: { context: 0, card: 0 } }));
    for (let count = 0; count < 60 && !tape.ended; count++) {
      const what = tape.byte();
      const client = hostile[what % hostile.length] as HostileClient;
      if (what >= 0xf0) await runtime.advance(tape.pick(1, 100, 1000));
      else if (what >= 0xe8) readers[0]?.[tape.byte() % 2 === 0 ? "remove" : "unplug"]();
      else if (what >= 0xe0) client.wire.session.closed();
      else {
        const bytes = withHandles(tape.bytes(Math.min(400, (tape.byte() << 8) | tape.byte())), client.handles);
        for (const piece of what % 2 === 0 ? [bytes] : piecesOf(bytes)) client.wire.session.received(piece);
      }
      await runtime.settle();
      learn(client);
      if (client.wire.closedWith !== undefined) client.wire = open();
    }

    const pci = { sendProtocol: 2, sendPciLength: 16, receiveProtocol: 0, receivePciLength: 0 };
    const command = Uint8Array.of(0, 0xa4, 0, 0);
    const answer = await ask({ kind: "transmit", card, ...pci, receiveLength: 258, command });
    must(answer.length === 38 && u32(answer, 28) === 0, "the client that behaves is not served");
    for (const { wire } of hostile) wire.session.closed();
    await runtime.advance(20_000);
    must(faults.length === 0, `a fault of ours: ${JSON.stringify(faults[0]?.detail ?? faults[0])}`);
    mustBeAlike(server.sessions, 1, "sessions when the hostile clients are gone");
    const { clients } = await manager.inspect();
    must(clients.length === 1, `${clients.length} clients are left`);
    good.session.closed();
    await runtime.advance(20_000);
    mustBeAlike([server.sessions, ...runtime.pendingTimers], [0], "sessions and timers in the end");
    await manager.close();
  },
};
