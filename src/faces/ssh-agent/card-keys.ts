// SPDX-License-Identifier: MIT

import { equalBytes } from "../../base/binary/index.ts";
import { decodePublicKey } from "../../base/keys/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { type AgentIdentity, sshPublicKey } from "../../wire/ssh-agent/index.ts";
import type { KeyContainer, OpenCard } from "../modules/index.ts";
import type { AgentSigning, SshAgentKeys } from "./agent-ports.ts";

/** Where the cards are. */
export interface AgentCards {
  /** The cards that are in readers now, each of them open. Cards that nothing can be done with are left out. */
  open(signal: AbortSignal): Promise<readonly OpenCard[]>;
  /** The cards that are open already. */
  readonly opened: readonly OpenCard[];
  /** A card has gone, or its service: it is closed, and opened anew where it is there again. */
  drop(card: OpenCard): Promise<void>;
}

/** A key of a card, and its place. */
interface PlacedKey {
  readonly identity: AgentIdentity;
  readonly card: OpenCard;
  readonly container: KeyContainer;
}

/** Containers for logging in, which a client tries first. SP 800-73-4 part 1, 3.1.1; OpenPGP card 3.4.1, 4.4.3.8. */
const loginKeys: readonly string[] = ["9A", "authentication"];

/** What says that a card is not there any more. */
const goneCodes: readonly string[] = ["removed-card", "reader-unavailable", "invalid-handle", "no-service"];

/** The keys of cards, for an SSH agent: all that can sign and that SSH has a format for. */
export class CardKeys implements SshAgentKeys {
  readonly #cards: AgentCards;
  #known: readonly PlacedKey[] = [];

  constructor(cards: AgentCards) {
    this.#cards = cards;
  }

  async identities(signal: AbortSignal): Promise<readonly AgentIdentity[]> {
    await this.#look(signal);
    return this.#known.map(({ identity }) => identity);
  }

  async find(blob: Uint8Array, signal: AbortSignal): Promise<AgentIdentity | undefined> {
    const known = this.#find(blob);
    if (known !== undefined) return known.identity;
    await this.#look(signal);
    return this.#find(blob)?.identity;
  }

  async sign(request: AgentSigning, signal: AbortSignal): Promise<Uint8Array> {
    const { blob } = request.identity.key;
    const placed = this.#find(blob);
    if (placed !== undefined) {
      try {
        return await sign(placed, request, signal);
      } catch (error) {
        if (!isGone(error)) throw error;
        await this.#cards.drop(placed.card);
      }
    }
    // The card was pulled, and may be there again, in another reader even.
    await this.#look(signal);
    const again = this.#find(blob);
    if (again !== undefined) return sign(again, request, signal);
    throw new SmartCardError("no-smartcard", "the card with this key is not there", { operation: "sign" });
  }

  lock(): void {
    for (const card of this.#cards.opened) card.forgetPins();
  }

  #find(blob: Uint8Array): PlacedKey | undefined {
    const { opened } = this.#cards;
    return this.#known.find(({ card, identity }) => opened.includes(card) && equalBytes(identity.key.blob, blob));
  }

  /** Reads the keys of all cards anew: a key may have been made meanwhile. */
  async #look(signal: AbortSignal): Promise<void> {
    const found: PlacedKey[] = [];
    for (const card of await this.#cards.open(signal)) {
      try {
        found.push(...(await keysOf(card, signal)));
      } catch (error) {
        if (!isGone(error)) throw error;
        await this.#cards.drop(card);
      }
    }
    const isForLogin = ({ container }: PlacedKey): boolean => loginKeys.includes(container.name);
    this.#known = [...found.filter(isForLogin), ...found.filter((key) => !isForLogin(key))];
  }
}

async function keysOf(card: OpenCard, signal: AbortSignal): Promise<readonly PlacedKey[]> {
  const containers = await card.containers({ signal });
  const { label, serialNumber } = await card.properties({ signal });
  const name = serialNumber === undefined ? label : `${label} ${serialNumber}`;
  return containers.flatMap((container) => {
    const { publicKey, uses } = container;
    if (publicKey === undefined || !uses.includes("sign")) return [];
    const decoded = decodePublicKey(publicKey);
    const key = decoded.ok ? sshPublicKey(decoded.value) : undefined;
    return key === undefined ? [] : [{ card, container, identity: { key, comment: `${name} ${container.name}` } }];
  });
}

function sign({ card, container }: PlacedKey, { algorithm, data }: AgentSigning, signal: AbortSignal) {
  const { hash } = algorithm;
  return card.sign(container, data, { format: "raw", signal, ...(hash !== undefined && { hash }) });
}

function isGone(error: unknown): boolean {
  return error instanceof SmartCardError && goneCodes.includes(error.code);
}
