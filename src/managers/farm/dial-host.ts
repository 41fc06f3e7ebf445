// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { type Runtime, SmartCardError } from "../../port/index.ts";
import {
  decodeHelloAnswer,
  decodeWelcome,
  encodeHello,
  encodeIntroduction,
  FARM_SESSION_BYTES,
  type FarmBus,
  type FarmRefusal,
  FarmSession,
  farmPrologue,
  helloSubject,
  inSubject,
  outSubject,
} from "../../wire/farm/index.ts";
import {
  NOISE_KEY_BYTES,
  type NoiseConnection,
  type NoiseCrypto,
  NoiseInitiator,
  type NoiseKeys,
} from "../../wire/noise/index.ts";
import type { Dial, Pipe } from "../pcscd/index.ts";

/** Who a client of a farm is, and how it reaches its hosts. */
export interface FarmClientIdentity {
  readonly bus: FarmBus;
  readonly crypto: NoiseCrypto;
  readonly runtime: Runtime;
  readonly farm: string;
  /** The name under which the hosts know this client. */
  readonly client: string;
  readonly keys: NoiseKeys;
  /** The program that uses it, for those who ask who holds a reader. */
  readonly program: { readonly name: string; readonly pid?: number | undefined };
  /** How long a host may take to answer the first message, in milliseconds. */
  readonly answerMs: number;
}

/** A host of a farm, as its clients know it. */
export interface FarmHostAddress {
  readonly name: string;
  readonly publicKey: Uint8Array;
}

/** The longest silence that a client accepts of a host's times, in milliseconds: it learns of a lost host no later. */
const MOST_SILENCE_MS = 120_000;
const LEAST_BEAT_MS = 100;

/**
 * Connects to the service of a host: each call opens a session of its own.
 *
 * @returns what throws no-service (the host is not there), no-access (it does not know this client), server-too-busy, comm-error (it speaks
 * another version, or what answers is not the host)
 */
export function dialHost(identity: FarmClientIdentity, host: FarmHostAddress): Dial {
  return async (events) => {
    const { bus, client, farm, runtime } = identity;
    const number = runtime.random.bytes(FARM_SESSION_BYTES);
    const name = encodeHex(number).toLowerCase();
    let session: FarmSession | undefined;
    const stop = await bus.subscribe(outSubject(farm, host.name, client, name), ({ data }) => session?.take(data));
    try {
      const { connection, times } = await shakeHands(identity, host, number, name);
      const subject = inSubject(farm, host.name, client, name);
      const opened = new FarmSession({
        clock: runtime.clock,
        times,
        ...connection,
        publish: (message) => bus.publish(subject, message),
        received: events.received,
        drained: () => {},
        closed: (reason) => {
          stop();
          events.closed(`host ${host.name}: ${reason}`);
        },
      });
      session = opened;
      return pipeOf(opened, stop);
    } catch (error) {
      stop();
      throw error;
    }
  };
}

function pipeOf(session: FarmSession, stop: () => void): Pipe {
  return {
    write: (bytes) => session.write(bytes),
    close() {
      session.close("the client has hung up");
      stop();
    },
  };
}

interface Opened {
  readonly connection: NoiseConnection;
  readonly times: { readonly beatMs: number; readonly silenceMs: number };
}

async function shakeHands(
  identity: FarmClientIdentity,
  host: FarmHostAddress,
  session: Uint8Array,
  name: string,
): Promise<Opened> {
  const { answerMs, bus, client, crypto, farm, keys, program, runtime } = identity;
  const prologue = farmPrologue(farm, host.name, client, name);
  const ephemeral = runtime.random.bytes(NOISE_KEY_BYTES);
  const handshake = new NoiseInitiator({ crypto, own: keys, ephemeral, prologue }, host.publicKey);
  const first = handshake.begin(encodeIntroduction({ program: shortened(program.name), pid: program.pid ?? 0 }));
  if (first === undefined) throw unable(host, "comm-error", "its public key is not a key: look at the list of hosts");
  try {
    const subject = helloSubject(farm, host.name, client);
    const answer = await bus.request(subject, encodeHello({ session, handshake: first }), answerMs);
    if (answer.kind !== "answer") throw unable(host, "no-service", notThere[answer.kind]);
    const decoded = decodeHelloAnswer(answer.data);
    if (!decoded.ok) throw unable(host, "comm-error", `its answer is malformed: ${decoded.error.message}`);
    if (decoded.value.kind === "refused") throw refusal(host, client, decoded.value.why);
    const finished = handshake.finish(decoded.value.handshake);
    if (finished === undefined) throw unable(host, "comm-error", "what answers does not have its key");
    const welcome = decodeWelcome(finished.payload);
    if (!welcome.ok) throw unable(host, "comm-error", `its answer is malformed: ${welcome.error.message}`);
    const { beatMs, silenceMs } = welcome.value;
    const times = {
      beatMs: Math.max(LEAST_BEAT_MS, Math.min(beatMs, MOST_SILENCE_MS)),
      silenceMs: Math.max(LEAST_BEAT_MS, Math.min(silenceMs, MOST_SILENCE_MS)),
    };
    return { connection: finished.connection, times };
  } finally {
    handshake.clear();
  }
}

const notThere = {
  "no-listener": "no program listens there; start it: scard farm serve",
  late: "it does not answer, or the broker cannot be reached",
} as const;

function refusal(host: FarmHostAddress, client: string, why: FarmRefusal): SmartCardError {
  switch (why) {
    case "version":
      return unable(host, "comm-error", "it speaks another version: bring both to the same release");
    case "unknown":
      return unable(host, "no-access", `it does not know the client "${client}" with this key: add it there`);
    case "busy":
      return unable(host, "server-too-busy", "it has as many sessions as it may have");
    case "stopping":
      return unable(host, "no-service", "it is stopping");
  }
}

function unable(
  { name }: FarmHostAddress,
  code: "no-service" | "no-access" | "server-too-busy" | "comm-error",
  why: string,
): SmartCardError {
  return new SmartCardError(code, `cannot use the readers of host ${name}: ${why}`);
}

/** A name as it travels: at most 128 bytes of UTF-8. */
function shortened(name: string): string {
  const encoded = new TextEncoder().encode(name).slice(0, 128);
  return new TextDecoder().decode(encoded).replace(/\ufffd+$/, "");
}
