// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import { ExchangeRedactor, type ResponseApdu, runExchange } from "../../base/iso7816/index.ts";
import type { SmartCardConnection, SmartCardContext, SmartCardProtocol } from "../../entry/bridge.ts";
import { CardPolicy } from "../../observe/policy/index.ts";
import { browser } from "../page-parts/index.ts";

type Command = Parameters<typeof runExchange>[1];
type LongData = NonNullable<Parameters<typeof runExchange>[2]>["longData"];

/** Who a policy judges: the user of the page. */
export const caller = { client: { name: "page" }, connection: 1 } as const;

/** A connection to the card in a reader. */
export class CardLine {
  readonly reader: string;
  readonly connection: SmartCardConnection;
  /** What another program has selected before is not known. */
  readonly redactor: ExchangeRedactor = new ExchangeRedactor({ continues: true });
  /** What the card has told of its tries. */
  readonly policy: CardPolicy = new CardPolicy({ lastTry: "confirm" }, { clock: { now: () => browser.Date.now() } });
  readonly #protocol: SmartCardProtocol | undefined;

  private constructor(reader: string, connection: SmartCardConnection, protocol: SmartCardProtocol | undefined) {
    this.reader = reader;
    this.connection = connection;
    this.#protocol = protocol;
  }

  static async open(context: SmartCardContext, reader: string): Promise<CardLine> {
    const { activeProtocol, connection } = await context.connect(reader, "shared", {
      preferredProtocols: ["t0", "t1"],
    });
    return new CardLine(reader, connection, activeProtocol);
  }

  /** Sends one command as it is. The bytes are cleared. */
  async transmit(command: Uint8Array): Promise<Uint8Array> {
    let response: Uint8Array | undefined;
    try {
      response = new Uint8Array(await this.connection.transmit(command));
      return response;
    } finally {
      this.policy.after({ ...caller, command, reader: this.reader, response });
      zeroBytes(command);
    }
  }

  /** Sends a command and what else it takes to have the whole answer. */
  send(command: Command, longData?: LongData): Promise<ResponseApdu> {
    const protocol = this.#protocol === "t0" ? ({ protocol: "t0" } as const) : {};
    return runExchange((bytes) => this.transmit(bytes), command, { ...protocol, ...(longData && { longData }) });
  }

  /** Runs work in a transaction. The card is reset where the work fails, so that no PIN stays shown. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    let outcome: { readonly value: T } | undefined;
    let failure: unknown;
    await this.connection.startTransaction(async () => {
      try {
        outcome = { value: await work() };
        return "leave";
      } catch (error) {
        failure = error;
        return "reset";
      }
    });
    if (outcome === undefined) throw failure;
    return outcome.value;
  }

  async close(): Promise<void> {
    await this.connection.disconnect("leave").catch(() => undefined);
  }
}
