// SPDX-License-Identifier: MIT

import { copyBytes, type SecretBytes } from "../../base/binary/index.ts";
import {
  type ConnectionStatus,
  SmartCardError,
  type TransmitOptions,
  toPcscliteControlCode,
  type WaitOptions,
} from "../../port/index.ts";
import type { CardWaits } from "./card-waits.ts";
import type { ConnectionState } from "./connection-state.ts";
import { answerIoctl } from "./ioctl.ts";
import type { OperationTurns } from "./operation-turns.ts";
import type { Profile } from "./profile.ts";
import type { ReaderAccess } from "./reader-access.ts";
import type { Transactions } from "./transactions.ts";

/** What operations ask of their slot. */
export interface OperationsHost {
  /** @throws reader-unavailable, service-stopped: the reader is gone */
  checkInService(operation: string): void;
  status(connection: ConnectionState): ConnectionStatus;
}

/** What operations work with. */
export interface OperationsDeps {
  readonly host: OperationsHost;
  readonly profile: Profile;
  readonly turns: OperationTurns;
  readonly transactions: Transactions;
  readonly access: ReaderAccess;
  readonly cardWaits: CardWaits;
}

/** What an operation is for: the card, the connection alone, or the reader. */
type Target = "card" | "connection" | "reader";

/**
 * The operations of the connections to one reader: each waits for its turn, checks that its connection is still usable, and
 * has {@link ReaderAccess} do the work.
 */
export class Operations {
  readonly #deps: OperationsDeps;

  constructor(deps: OperationsDeps) {
    this.#deps = deps;
  }

  status(connection: ConnectionState, wait: WaitOptions): Promise<ConnectionStatus> {
    const target = connection.usesCard ? "card" : "connection";
    return this.#run(connection, "status", target, wait, () => this.#deps.host.status(connection));
  }

  transmit(connection: ConnectionState, command: SecretBytes, options: TransmitOptions): Promise<Uint8Array> {
    return this.#run(connection, "transmit", "card", options, () =>
      this.#deps.access.exchange(connection, command, options.protocol),
    );
  }

  /** A command for the reader's driver, with the code as Windows writes it. */
  control(connection: ConnectionState, code: number, input: SecretBytes, wait: WaitOptions): Promise<Uint8Array> {
    return this.#run(connection, "control", "reader", wait, async () =>
      copyBytes(await this.#deps.access.control(toPcscliteControlCode(code), input)),
    );
  }

  /** A function of Windows' class driver. */
  ioctl(
    connection: ConnectionState,
    name: Parameters<typeof answerIoctl>[0],
    input: SecretBytes,
    wait: WaitOptions,
  ): Promise<Uint8Array> {
    const { access } = this.#deps;
    return this.#run(connection, "control", "reader", wait, () =>
      input.use((bytes) => answerIoctl(name, bytes, connection, access)),
    );
  }

  /** Waits for a card to come, or to go. It takes no turn. */
  async untilCard(connection: ConnectionState, isThere: boolean, wait: WaitOptions): Promise<void> {
    this.#deps.transactions.used(connection);
    const waiting = this.#deps.cardWaits.until(isThere, connection, wait);
    if (waiting !== undefined) await waiting;
  }

  /** The value of an attribute at this moment; it takes no turn. */
  getAttribute(connection: ConnectionState, attribute: number): Uint8Array {
    this.#deps.transactions.used(connection);
    return this.#deps.access.getAttribute(attribute);
  }

  /** Sets an attribute. A driver that keeps the value copies it: see Reader. */
  setAttribute(connection: ConnectionState, attribute: number, value: SecretBytes, wait: WaitOptions): Promise<void> {
    return this.#run(connection, "set attribute", "reader", wait, () =>
      value.use((bytes) => this.#deps.access.setAttribute(attribute, bytes)),
    );
  }

  /** Exchanges with this reader so far. To ask is a use of the reader. */
  countExchanges(connection: ConnectionState): number {
    this.#deps.transactions.used(connection);
    return this.#deps.access.exchanges;
  }

  /** Runs one operation of a connection in its turn. */
  async #run<T>(
    connection: ConnectionState,
    operation: string,
    target: Target,
    wait: WaitOptions,
    work: () => T | Promise<T>,
  ): Promise<T> {
    const { host, profile, turns } = this.#deps;
    const needs = target === "card" ? "card" : "reader";
    const isRefused = target === "reader" && profile.controlBesideTransaction === "refuse";
    const request = connection.request(operation, needs, isRefused ? "refused-beside-lock" : undefined);
    const waiting = turns.take(request, wait);
    if (waiting !== undefined) await waiting;
    let isUsed = false;
    try {
      wait.onTurn?.();
      host.checkInService(operation);
      connection.checkUsable(needs);
      isUsed = true;
      const result = await work();
      connection.lastError = 0;
      return result;
    } catch (error) {
      if (isUsed) connection.lastError = error instanceof SmartCardError ? error.rv : 0;
      throw error;
    } finally {
      if (isUsed) this.#deps.transactions.used(connection);
      turns.end();
    }
  }
}
