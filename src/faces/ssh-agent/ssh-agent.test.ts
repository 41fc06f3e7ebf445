// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { concatBytes, copyBytes, encodeHex, equalBytes } from "../../base/binary/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { type AgentIdentity, encodeIdentities } from "../../wire/ssh-agent/index.ts";
import type { AgentSigning, SshAgentKeys } from "./agent-ports.ts";
import { SshAgent } from "./index.ts";

const FAILURE = "0000000105";
const SUCCESS = "0000000106";
const blob = new TextEncoder().encode("the key");
const identity: AgentIdentity = {
  key: { key: { kind: "ed25519", point: new Uint8Array(32).fill(1) }, name: "ssh-ed25519", blob },
  comment: "a card",
};

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** An agent with one key, and the log of what was refused. */
function makeAgent(given: Partial<SshAgentKeys> = {}) {
  const runtime = new SimulatedRuntime({ settle });
  const refusals: string[] = [];
  const asked: AgentSigning[] = [];
  let locked = 0;
  const agent = new SshAgent({
    clock: runtime.clock,
    refused: (reason) => refusals.push(reason),
    keys: {
      identities: async () => [identity],
      find: async (wanted) => (equalBytes(wanted, blob) ? identity : undefined),
      sign: async (request) => {
        asked.push({ ...request, data: copyBytes(request.data) });
        return new Uint8Array(64).fill(2);
      },
      lock: () => locked++,
      ...given,
    },
  });
  return { agent, runtime, refusals, asked, locked: () => locked };
}

/** A client, with the answers it got. */
function makeClient(agent: SshAgent) {
  const events: string[] = [];
  const session = agent.accept({
    send: (bytes) => events.push(encodeHex(bytes)),
    pause: () => {},
    resume: () => {},
    close: (reason) => events.push(`closed: ${reason}`),
  });
  return {
    session,
    events,
    async ask(...messages: readonly Uint8Array[]): Promise<readonly string[]> {
      const from = events.length;
      session.received(concatBytes(...messages));
      await settle();
      return events.slice(from);
    },
  };
}

const bytes32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
const string = (value: Uint8Array): Uint8Array => concatBytes(bytes32(value.length), value);
const word = (value: string): Uint8Array => string(new TextEncoder().encode(value));
const request = (type: number, ...parts: readonly Uint8Array[]): Uint8Array =>
  string(concatBytes(Uint8Array.of(type), ...parts));
const signing = (key = blob, flags = 0): Uint8Array => request(13, string(key), word("message"), bytes32(flags));

describe("an SSH agent", () => {
  it("lists its keys and signs with one", async () => {
    const { agent, asked } = makeAgent();
    const { ask } = makeClient(agent);
    expect(await ask(request(11))).toEqual([encodeHex(encodeIdentities([identity]))]);
    const signature = concatBytes(word("ssh-ed25519"), string(new Uint8Array(64).fill(2)));
    expect(await ask(signing())).toEqual([encodeHex(request(14, string(signature)))]);
    expect(asked).toEqual([
      { identity, algorithm: { name: "ssh-ed25519", hash: undefined }, data: new TextEncoder().encode("message") },
    ]);
  });

  it("answers in the order of the requests, one at a time", async () => {
    const { agent } = makeAgent();
    const { ask } = makeClient(agent);
    const answers = await ask(request(11), signing(Uint8Array.of(1)), request(11), request(19));
    const list = encodeHex(encodeIdentities([identity]));
    expect(answers).toEqual([list, FAILURE, list, FAILURE]);
  });

  it("fails for a key that is not there, a request that is cut, and one that is for other agents, and says why", async () => {
    const { agent, refusals } = makeAgent();
    const { ask } = makeClient(agent);
    expect(await ask(signing(Uint8Array.of(1)))).toEqual([FAILURE]);
    expect(await ask(string(Uint8Array.of(13, 0, 0)))).toEqual([FAILURE]);
    expect(await ask(request(17))).toEqual([FAILURE]);
    expect(refusals).toEqual([
      "the key is on no card that is there",
      expect.stringContaining("is missing"),
      "keys cannot be added or removed: they are on the cards",
    ]);
  });

  it("fails where the card fails, and serves the next request", async () => {
    const { agent, refusals } = makeAgent({
      sign: () => Promise.reject(new Error("the card was removed")),
    });
    const { ask } = makeClient(agent);
    expect(await ask(signing(), request(11))).toHaveLength(2);
    expect(refusals).toEqual(["the card was removed"]);
  });

  it("clears what was signed", async () => {
    let kept: Uint8Array | undefined;
    const { agent } = makeAgent({
      sign: async ({ data }) => {
        kept = data;
        return new Uint8Array(64);
      },
    });
    await makeClient(agent).ask(signing());
    expect(kept).toEqual(new Uint8Array(7));
  });

  it("names the extensions that it knows, and fails for others", async () => {
    const { agent, refusals } = makeAgent();
    const { ask } = makeClient(agent);
    expect(await ask(request(27, word("query")))).toEqual([encodeHex(request(29, word("query"), word("query")))]);
    expect(await ask(request(27, word("session-bind@openssh.com"), word("x")))).toEqual([FAILURE]);
    expect(refusals).toEqual([]);
  });

  it("shows and signs nothing while it is locked, for every client", async () => {
    const { agent, locked, runtime } = makeAgent();
    const first = makeClient(agent);
    const second = makeClient(agent);
    expect(await first.ask(request(22, word("open sesame")))).toEqual([SUCCESS]);
    expect(locked()).toBe(1);
    expect(await second.ask(request(22, word("another")))).toEqual([FAILURE]);
    expect(await second.ask(request(11), signing())).toEqual([encodeHex(encodeIdentities([])), FAILURE]);
    expect(await second.ask(request(23, word("another")))).toEqual([]);
    await runtime.advance(999);
    expect(second.events).toHaveLength(3);
    await runtime.advance(1);
    expect(second.events.at(-1)).toBe(FAILURE);
    expect(await second.ask(request(23, word("open sesame")), request(11))).toEqual([
      SUCCESS,
      encodeHex(encodeIdentities([identity])),
    ]);
    expect(await second.ask(request(23, word("open sesame")))).toEqual([FAILURE]);
  });

  it("gives up what is under way for a client that has gone", async () => {
    let signal: AbortSignal | undefined;
    const { agent } = makeAgent({
      sign: (_, given) => {
        signal = given;
        return new Promise(() => {});
      },
    });
    const { ask, session } = makeClient(agent);
    expect(await ask(signing())).toEqual([]);
    expect(signal?.aborted).toBe(false);
    session.closed();
    expect(signal?.aborted).toBe(true);
  });

  it("ends the connection for a length that cannot be, and reads nothing after it", async () => {
    const { agent } = makeAgent();
    const { ask } = makeClient(agent);
    const reason = "closed: the length of a message is 0 or too large";
    expect(await ask(bytes32(0))).toEqual([reason]);
    expect(await ask(request(11))).toEqual([]);
  });

  it("sends a client away that goes on sending while it is not read from", async () => {
    const { agent } = makeAgent({ sign: () => new Promise(() => {}) });
    const { ask } = makeClient(agent);
    expect(await ask(signing(), new Uint8Array(600_000))).toEqual(["closed: more was sent than a message can have"]);
  });
});
