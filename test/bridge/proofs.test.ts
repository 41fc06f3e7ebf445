// SPDX-License-Identifier: MIT

// What page and bridge prove to each other, and what others make of what they hear.

import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { BridgedSmartCard } from "../../src/faces/bridge-client/index.ts";
import { bridgeCrypto } from "../../src/platform/node/bridge/index.ts";
import {
  closeCodes,
  decodePageMessage,
  decodeServiceMessage,
  encodePageMessage,
  encodeServiceMessage,
  type PageMessage,
  type ServiceMessage,
} from "../../src/wire/bridge/index.ts";
import { pagePairing, RawPage } from "./page-pairing.ts";
import { ADDRESS, bridgeStage, ORIGIN, OTHER } from "./stage.ts";

let end: (() => Promise<void>) | undefined;
afterEach(async () => {
  await end?.();
  end = undefined;
});

const bytes32 = new Uint8Array(32).fill(9);

/** A bridge, and the secret of a page that is paired with it. */
async function paired() {
  const stage = await bridgeStage({ origins: [ORIGIN, OTHER].map((origin) => ({ origin, pairings: [] })) });
  end = () => stage.close();
  const page = stage.page();
  await page.smartCard.establishContext();
  const token = page.token();
  if (token === undefined) throw new Error("nothing was kept");
  return { stage, token };
}

type Stage = Awaited<ReturnType<typeof paired>>["stage"];

function challengeOf({ link }: ReturnType<Stage["raw"]>) {
  const message = decodeServiceMessage(link.sent.at(-1) ?? new Uint8Array());
  if (!message.ok || message.value.kind !== "challenge") throw new Error("there is no challenge");
  return message.value;
}

describe("a page that names a pairing", () => {
  it("gets a proof of the service, and is let in for its own", async () => {
    const { stage, token } = await paired();
    const raw = stage.raw();
    const page = new RawPage(token, ORIGIN, ADDRESS);
    raw.session.received(page.hello());
    const { nonce, proof } = challengeOf(raw);
    const { expected, message } = page.prove(nonce);
    expect(proof).toEqual(expected);
    raw.session.received(message);
    expect([raw.link.end, raw.session.state]).toEqual([undefined, "open"]);
  });

  it("is sent away for the proof of another secret, and told nothing", async () => {
    const { stage, token } = await paired();
    const raw = stage.raw();
    const page = new RawPage(token, ORIGIN, ADDRESS);
    raw.session.received(page.hello());
    raw.session.received(page.prove(challengeOf(raw).nonce, new Uint8Array(randomBytes(32))).message);
    expect(raw.link.end).toEqual({ code: closeCodes.notPaired, reason: "the proof of the pairing is wrong" });
    expect(raw.link.sent).toHaveLength(1);
  });

  it("is sent away for a proof that another connection has heard", async () => {
    const { stage, token } = await paired();
    const first = stage.raw();
    const page = new RawPage(token, ORIGIN, ADDRESS);
    first.session.received(page.hello());
    const { message } = page.prove(challengeOf(first).nonce);
    first.session.received(message.slice());
    expect(first.session.state).toBe("open");
    const second = stage.raw();
    // The same first message, too.
    second.session.received(page.hello());
    second.session.received(message.slice());
    expect(second.link.end?.code).toBe(closeCodes.notPaired);
  });

  it("cannot prove itself as another origin, nor by what the service keeps", async () => {
    const { stage, token } = await paired();
    const other = stage.raw(OTHER);
    other.session.received(new RawPage(token, OTHER, ADDRESS).hello());
    // It is no pairing of that origin.
    expect(decodeServiceMessage(other.link.sent[0] ?? new Uint8Array())).toMatchObject({
      value: { kind: "pairingWanted" },
    });
    const [kept] = stage.origins.list.find(({ origin }) => origin === ORIGIN)?.pairings ?? [];
    const raw = stage.raw();
    const page = new RawPage(token, ORIGIN, ADDRESS);
    raw.session.received(page.hello());
    const thief = page.prove(challengeOf(raw).nonce, new Uint8Array(Buffer.from(kept?.stored ?? "", "hex")));
    raw.session.received(thief.message);
    expect(raw.link.end?.code).toBe(closeCodes.notPaired);
  });

  it("is not let in once its pairing was revoked between the challenge and the proof", async () => {
    const { stage, token } = await paired();
    const raw = stage.raw();
    const page = new RawPage(token, ORIGIN, ADDRESS);
    raw.session.received(page.hello());
    const { message } = page.prove(challengeOf(raw).nonce);
    stage.origins.list = [{ origin: ORIGIN, pairings: [] }];
    raw.session.received(message);
    expect(raw.link.end?.code).toBe(closeCodes.notPaired);
  });

  it("has ten seconds for its proof", async () => {
    const { stage, token } = await paired();
    const raw = stage.raw();
    raw.session.received(new RawPage(token, ORIGIN, ADDRESS).hello());
    await stage.runtime.advance(10_000);
    expect(raw.link.end?.code).toBe(closeCodes.malformed);
  });
});

describe("who hands on what page and bridge say, from one port to another", () => {
  it("gets no connection of a page that is paired", async () => {
    const { stage, token } = await paired();
    const page = stage.page(ORIGIN, { token, address: "127.0.0.1:5000" });
    await expect(page.smartCard.establishContext()).rejects.toMatchObject({
      responseCode: "no-service",
      message: expect.stringContaining("no proof"),
    });
  });

  it("gets no pairing, though the user types in the right code", async () => {
    const { stage } = await paired();
    const before = stage.notices.length;
    const page = stage.page(OTHER, { address: "127.0.0.1:5000" });
    await expect(page.smartCard.establishContext()).rejects.toMatchObject({ name: "NotAllowedError" });
    expect(stage.notices.slice(before).map(({ kind }) => kind)).toEqual([
      ...["pairing-code", "wrong-code", "wrong-code", "wrong-code", "refused"],
    ]);
  });

  it("nor as another origin", async () => {
    const { stage } = await paired();
    const page = stage.page(OTHER, { claims: "https://evil.example" });
    await expect(page.smartCard.establishContext()).rejects.toMatchObject({ name: "NotAllowedError" });
  });
});

describe("a code", () => {
  it.each([
    ["of zeros", new Uint8Array(32)],
    ["of order 4", Uint8Array.of(1, ...new Uint8Array(31))],
  ])("is not shown by a share %s, which has one result for every code", async (_, share) => {
    const { stage } = await paired();
    const raw = stage.raw(OTHER);
    raw.session.received(encodePageMessage({ kind: "hello", version: 3, nonce: bytes32 }));
    raw.session.received(encodePageMessage({ kind: "pair", share, proof: bytes32 }));
    expect(stage.notices.at(-1)).toEqual({ kind: "wrong-code", origin: OTHER, triesLeft: 2 });
  });

  it("is asked for by a nonce and a share of its own in each try", async () => {
    const { stage } = await paired();
    const raw = stage.raw(OTHER);
    raw.session.received(encodePageMessage({ kind: "hello", version: 3, nonce: bytes32 }));
    raw.session.received(encodePageMessage({ kind: "pair", share: bytes32, proof: bytes32 }));
    const [first, second] = raw.link.sent.map((sent) => {
      const decoded = decodeServiceMessage(sent);
      return decoded.ok && decoded.value.kind === "pairingWanted" ? decoded.value : undefined;
    });
    expect(second?.nonce).not.toEqual(first?.nonce);
    expect(second?.share).not.toEqual(first?.share);
  });
});

/** A page that meets a program which is not the bridge: what it says, and how it ends. */
async function meets(
  impostor: (message: PageMessage) => ServiceMessage | undefined,
  kept: { token?: Uint8Array | undefined },
  code?: string,
) {
  const said: Uint8Array[] = [];
  const asked: string[] = [];
  const smartCard = new BridgedSmartCard({
    later: () => () => undefined,
    dial: (events) => {
      queueMicrotask(events.opened);
      return {
        send(encoded) {
          said.push(encoded.slice());
          const decoded = decodePageMessage(encoded);
          const answer = decoded.ok ? impostor(decoded.value) : undefined;
          if (answer !== undefined) queueMicrotask(() => events.received(encodeServiceMessage(answer)));
        },
        close: () => undefined,
      };
    },
    pairing: pagePairing(
      ORIGIN,
      `ws://${ADDRESS}`,
      () => {
        asked.push("");
        return code;
      },
      kept,
    ),
  });
  const error = await smartCard.establishContext().then(
    () => undefined,
    (reason: Error) => reason,
  );
  return { error, said, asked };
}

describe("a program that listens in the bridge's place", () => {
  const token = new Uint8Array(32).fill(0xab);
  const welcome: ServiceMessage = { kind: "welcome", version: 3 };
  const challenge: ServiceMessage = { kind: "challenge", nonce: bytes32, proof: bytes32 };
  const wanted: ServiceMessage = {
    kind: "pairingWanted",
    triesLeft: 3,
    nonce: bytes32,
    share: bridgeCrypto.x25519(bytes32, Uint8Array.of(9, ...new Uint8Array(31))),
  };

  it.each<readonly [string, (message: PageMessage) => ServiceMessage | undefined]>([
    ["lets the page in at once", () => welcome],
    ["lets the page in, with a proof of nothing", () => ({ ...welcome, proof: bytes32 })],
    ["sends a challenge with a wrong proof", () => challenge],
    ["names an older version", () => ({ kind: "welcome", version: 1 })],
  ])("%s: the page says hello, and no more", async (_, impostor) => {
    const { error, said } = await meets(impostor, { token });
    expect(error).toMatchObject({ responseCode: "no-service", message: expect.stringContaining("does not fit") });
    expect(said).toHaveLength(1);
    expect(Buffer.concat(said).includes(Buffer.from(token))).toBe(false);
  });

  it("asks for a code: it gets neither the code nor the token, and cannot let the page in", async () => {
    const kept = { token };
    const impostor = ({ kind }: PageMessage): ServiceMessage =>
      kind === "hello" ? wanted : { ...welcome, proof: bytes32 };
    const { error, said } = await meets(impostor, kept, "1234 5678");
    expect(error).toMatchObject({ message: expect.stringContaining("no proof") });
    const heard = Buffer.concat(said);
    expect(said).toHaveLength(2);
    for (const secret of [Buffer.from(token), Buffer.from("1234 5678"), Buffer.from("12345678")])
      expect(heard.includes(secret)).toBe(false);
    // The pairing that the page had still holds.
    expect(kept.token).toEqual(token);
  });

  it("asks for a code with a share of low order, or lets the page in after it without a proof: refused", async () => {
    const zero = await meets(() => ({ ...wanted, share: new Uint8Array(32) }), {}, "12345678");
    expect([zero.error?.message, zero.said.length]).toEqual([expect.stringContaining("no proof"), 1]);
    const bare = await meets(({ kind }) => (kind === "hello" ? wanted : welcome), {}, "12345678");
    expect(bare.error?.message).toContain("no proof");
  });

  it("sends a challenge to a page that has named no pairing, or after a code: refused", async () => {
    expect((await meets(() => challenge, {})).error?.message).toContain("no proof");
    const later = await meets(({ kind }) => (kind === "hello" ? wanted : challenge), { token }, "12345678");
    expect(later.error?.message).toContain("no proof");
  });
});

it("a page in no secure context says nothing, and says why", async () => {
  const said: Uint8Array[] = [];
  const smartCard = new BridgedSmartCard({
    later: () => () => undefined,
    dial: (events) => {
      queueMicrotask(events.opened);
      return { send: (message) => void said.push(message), close: () => undefined };
    },
    pairing: {
      ...pagePairing(ORIGIN, `ws://${ADDRESS}`, () => undefined),
      crypto: () => {
        throw new DOMException("no secure context", "SecurityError");
      },
    },
  });
  await expect(smartCard.establishContext()).rejects.toMatchObject({ name: "SecurityError" });
  expect(said).toEqual([]);
});
