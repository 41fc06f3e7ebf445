// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { describeCommandBytes, ExchangeRedactor } from "../../base/iso7816/index.ts";
import { nameOfShown, shownHeader } from "./command-names.ts";
import type { ExchangeOutcome, ObservedExchange } from "./events.ts";

/** A command that has ended. */
export interface EndedCommand {
  readonly command: Uint8Array;
  /** Undefined where it failed. */
  readonly response: Uint8Array | undefined;
  /** False for a command that the card never got. */
  readonly isSent: boolean;
}

/** What came of a command, without what its bytes say. */
export function outcomeOfExchange({ command, response }: EndedCommand): ExchangeOutcome {
  return {
    command: { bytes: shownHeader(describeCommandBytes(command)) },
    response: response && { withheldBytes: response.length < 2 ? response.length : response.length - 2 },
    statusWord: statusWordIn(response),
    commandBytes: command.length,
    responseBytes: response?.length ?? 0,
  };
}

/**
 * The card in one reader, as its exchanges show it: which application is selected on which channel, and so which of its data may be
 * shown. All connections share the card, and what one of them selects is selected for the others too.
 *
 * It begins, and begins again after each reset and each failure, with a card of which nothing is known: then less is shown.
 */
export class ReaderSession {
  #redactor = unknownCard();

  /** Forgets what was selected: the card was reset, or exchanges were missed. */
  forget(): void {
    this.#redactor = unknownCard();
  }

  /**
   * An exchange that has ended, as it may be shown.
   *
   * @param response undefined where it failed: then the card may have done the command, or not
   * @param isSent false for a command that the card never got
   */
  exchange({ command, isSent, response }: EndedCommand): ObservedExchange {
    const redactor = isSent ? this.#redactor : unknownCard();
    const [cla = 0] = command;
    const shownCommand = redactor.command(command);
    const shownResponse = response && redactor.response(response);
    const application = redactor.application(cla);
    if (response === undefined && isSent) this.forget();
    return {
      name: nameOfShown(command, shownCommand.bytes, application),
      command: shownCommand,
      response: shownResponse,
      statusWord: statusWordIn(response),
      commandBytes: command.length,
      responseBytes: response?.length ?? 0,
      application: application && encodeHex(application),
      raw: undefined,
    };
  }
}

function unknownCard(): ExchangeRedactor {
  return new ExchangeRedactor({ continues: true });
}

function statusWordIn(response: Uint8Array | undefined): number | undefined {
  if (response === undefined || response.length < 2) return undefined;
  return ((response.at(-2) ?? 0) << 8) | (response.at(-1) ?? 0);
}
