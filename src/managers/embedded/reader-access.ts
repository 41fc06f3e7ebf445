// SPDX-License-Identifier: MIT

import { copyBytes, hexDword, type SecretBytes, withSecret } from "../../base/binary/index.ts";
import {
  type CardState,
  checkCommand,
  type PowerAction,
  type Protocol,
  protocolToTransmit,
  SmartCardError,
} from "../../port/index.ts";
import type { Card } from "./card.ts";
import type { CardLifecycle } from "./card-lifecycle.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { Driver } from "./driver.ts";
import type { IoctlTarget } from "./ioctl.ts";
import type { Profile } from "./profile.ts";
import { readAttribute } from "./reader-attributes.ts";
import { cardState } from "./slot-report.ts";
import type { Transactions } from "./transactions.ts";

/** What the access to a reader works with. */
export interface ReaderAccessDeps {
  /** The reader's unique name. */
  readonly name: string;
  readonly profile: Profile;
  readonly card: Card;
  readonly driver: Driver;
  readonly lifecycle: CardLifecycle;
  readonly transactions: Transactions;
}

/**
 * What a connection does with a reader and the card in it, in its turn, which the caller has taken. Only
 * {@link getAttribute} needs none.
 */
export class ReaderAccess implements IoctlTarget {
  readonly #deps: ReaderAccessDeps;
  #exchanges = 0;

  constructor(deps: ReaderAccessDeps) {
    this.#deps = deps;
  }

  /** Exchanges of all connections so far, modulo 2^32. */
  get exchanges(): number {
    return this.#exchanges;
  }

  /** One exchange with the card. @param asked the protocol that the caller names @throws as the port's transmit */
  async exchange(connection: ConnectionState, command: SecretBytes, asked: Protocol | undefined): Promise<Uint8Array> {
    const { card, driver, transactions } = this.#deps;
    const protocol = protocolToTransmit(connection, asked);
    const speaking = card.speak(protocol);
    if (speaking !== undefined) {
      await speaking;
      // The card may have been replaced in this moment: the new one must not get the command.
      connection.checkUsable("card");
    }
    try {
      const response = await driver.transmit(command, protocol);
      this.#exchanges = (this.#exchanges + 1) >>> 0;
      transactions.exchanged(connection);
      return response;
    } catch (error) {
      throw this.#pulled(error);
    }
  }

  async transmit(
    connection: ConnectionState,
    command: Uint8Array,
    protocol: Protocol | undefined,
  ): Promise<Uint8Array> {
    connection.checkUsable("card");
    checkCommand(command, this.#deps.name);
    return await withSecret(command, (secret) => this.exchange(connection, secret, protocol));
  }

  /** A command for the reader's driver. @throws what the driver fails with */
  control(code: number, input: SecretBytes): Promise<Uint8Array> {
    return this.#deps.driver.control(code, input);
  }

  power(connection: ConnectionState, action: PowerAction): Promise<Uint8Array> {
    return this.#deps.lifecycle.power(action, connection);
  }

  async setProtocol(connection: ConnectionState, preferred: readonly Protocol[]): Promise<Protocol> {
    const protocol = await this.#deps.lifecycle.setProtocol(preferred, connection);
    connection.changeProtocol(protocol);
    return protocol;
  }

  async eject(): Promise<void> {
    const { driver, lifecycle, name: reader } = this.#deps;
    lifecycle.checkCard("control");
    if (driver.description.canEject) return await driver.eject();
    throw new SmartCardError("unsupported-feature", `"${reader}" cannot eject cards`, { reader, operation: "control" });
  }

  /** The state of the card, the same for every client. */
  get cardState(): CardState {
    const { card } = this.#deps;
    return cardState(card, card.protocol);
  }

  getAttribute(attribute: number): Uint8Array {
    const { card, driver, name, profile } = this.#deps;
    const { vendorTextEndsInNul } = profile;
    const value = readAttribute(attribute, { name, card, driver, vendorTextEndsInNul });
    if (value === undefined) throw this.#unsupported(attribute, "get attribute");
    return copyBytes(value);
  }

  setAttribute(attribute: number, value: Uint8Array): void {
    if (!this.#deps.driver.setAttribute(attribute, value)) throw this.#unsupported(attribute, "set attribute");
  }

  /** What an exchange under way fails with, where its card was pulled as the profile says. */
  #pulled(error: unknown): unknown {
    const { name: reader, profile } = this.#deps;
    const { removedDuringExchange: code } = profile;
    if (!(error instanceof SmartCardError) || error.code !== "removed-card" || code === "removed-card") return error;
    const details = { reader, operation: "transmit" };
    return new SmartCardError(code, "the card was removed during the exchange", details, { cause: error });
  }

  #unsupported(attribute: number, operation: string): SmartCardError {
    const { name: reader } = this.#deps;
    const message = `${operation}: "${reader}" does not know attribute ${hexDword(attribute)}`;
    return new SmartCardError("not-supported", message, { reader, operation });
  }
}
