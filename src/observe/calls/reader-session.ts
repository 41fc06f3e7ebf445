// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { ExchangeRedactor } from "../../base/iso7816/index.ts";
import { nameOfShown } from "./command-names.ts";
import type { ObservedExchange } from "./events.ts";

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
  exchange(command: Uint8Array, response: Uint8Array | undefined, isSent: boolean): ObservedExchange {
    const redactor = isSent ? this.#redactor : unknownCard();
    const [cla = 0] = command;
    const shownCommand = redactor.command(command);
    const shownResponse = response && redactor.response(response);
    const application = redactor.application(cla);
    if (response === undefined && isSent) this.forget();
    const statusWord =
      response !== undefined && response.length >= 2
        ? ((response.at(-2) ?? 0) << 8) | (response.at(-1) ?? 0)
        : undefined;
    return {
      name: nameOfShown(command, shownCommand.bytes, application),
      command: shownCommand,
      response: shownResponse,
      statusWord,
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
