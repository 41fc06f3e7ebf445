// SPDX-License-Identifier: MIT

/**
 * `scard/winscard`: the WinSCard API over the resource manager of this machine: the one that `SCARD_MANAGER` describes,
 * or else the system's own, pcscd, or `scard daemon` (`openManager` of `scard/machine`).
 *
 *     const { context } = await SCardEstablishContext(SCARD_SCOPE_USER);
 *     const { readers } = await SCardListReaders(context);
 *
 * For another manager pass it to SCardEstablishContext, or construct a {@link WinSCard} of your own.
 *
 * The smart card database is the user's file, with the system's below it (docs/guide/winscard.md). It is opened by the
 * first call that looks into it. Where the runtime has no SQLite, the functions that are about the database fail with
 * `unsupported-feature`, which says what to install, and all others work: readers have their own names then.
 */

import { basename } from "node:path";
import type { Database } from "../database/index.ts";
import { WinSCard as WinSCardFunctions, type WinSCardOptions } from "../faces/winscard/index.ts";
import { nodeRuntime } from "../platform/node/runtime/index.ts";
import { openDatabase } from "../platform/node/sqlite/index.ts";
import { type Scope, SmartCardError, withDefaults } from "../port/index.ts";
import { defaultManager } from "./machine.ts";

export type { WinSCard as WinSCardFunctions } from "../faces/winscard/index.ts";
export * from "../faces/winscard/index.ts";
export { SmartCardError } from "../port/index.ts";

/** The databases of this machine by owner, opened on first use. */
const databases = new Map<"user" | "system", Database | Promise<Database>>();

function database(scope: Scope): Database | Promise<Database> {
  const whose = scope === "system" ? "system" : "user";
  const known = databases.get(whose);
  if (known !== undefined) return known;
  const opening = openDatabase({ scope: whose }).then(
    (opened) => {
      databases.set(whose, opened);
      return opened;
    },
    (error: unknown) => {
      // A damaged or forbidden file may be repaired; a missing SQLite stays missing.
      const lasting = error instanceof SmartCardError && error.code === "unsupported-feature";
      if (!lasting) databases.delete(whose);
      throw error;
    },
  );
  databases.set(whose, opening);
  return opening;
}

/** Dependencies of the WinSCard functions on this machine. */
export interface MachineOptions extends Partial<Omit<WinSCardOptions, "database">> {
  /**
   * The smart card database. `"own"`: the files of this package, as the functions of this module have them. `"system"`: the
   * manager's own, which only Windows' has (docs/guide/winscard.md). Without one it is empty at first, in memory.
   */
  readonly database?: WinSCardOptions["database"] | "own";
}

/**
 * The WinSCard functions over one table of handles, for a manager, a database or a picker of your own. What is not given
 * of manager, clock and randomness is this machine's: the numbers of contexts and cards are others in each thread and process.
 */
export class WinSCard extends WinSCardFunctions {
  constructor(options: MachineOptions = {}) {
    const { clock, random } = nodeRuntime();
    const place = { operation: "WinSCard", path: "options" };
    type Given = MachineOptions & Pick<WinSCardOptions, "defaultManager">;
    const given = withDefaults<Given>(options, { clock, random, defaultManager }, place);
    super({ ...given, database: given.database === "own" ? database : given.database });
  }
}

const machine: WinSCard = new WinSCard({
  defaultManager,
  database,
  program: `${basename(process.argv[1] ?? process.execPath)} (pid ${process.pid})`,
});

/** How a connection was made. See {@link WinSCard.connectionTerms}. */
export const connectionTerms: WinSCard["connectionTerms"] = (card) => machine.connectionTerms(card);

// The build gives each the documentation that it has in WinSCard.
export const {
  SCardEstablishContext,
  SCardReleaseContext,
  SCardIsValidContext,
  SCardListReaders,
  SCardListReaderGroups,
  SCardGetStatusChange,
  SCardCancel,
  SCardConnect,
  SCardReconnect,
  SCardDisconnect,
  SCardBeginTransaction,
  SCardEndTransaction,
  SCardStatus,
  SCardState,
  SCardTransmit,
  SCardControl,
  SCardGetAttrib,
  SCardSetAttrib,
  SCardGetTransmitCount,
  SCardCancelTransaction,
  SCardIntroduceCardType,
  SCardForgetCardType,
  SCardSetCardTypeProviderName,
  SCardGetCardTypeProviderName,
  SCardGetProviderId,
  SCardListInterfaces,
  SCardListCards,
  SCardIntroduceReader,
  SCardForgetReader,
  SCardIntroduceReaderGroup,
  SCardForgetReaderGroup,
  SCardAddReaderToGroup,
  SCardRemoveReaderFromGroup,
  SCardLocateCards,
  SCardLocateCardsByATR,
  SCardReadCache,
  SCardWriteCache,
  SCardGetDeviceTypeId,
  SCardGetReaderDeviceInstanceId,
  SCardListReadersWithDeviceInstanceId,
  SCardGetReaderIcon,
  SCardAccessStartedEvent,
  SCardReleaseStartedEvent,
  SCardAudit,
  SCardFreeMemory,
  SCardUIDlgSelectCard,
  GetOpenCardName,
} = machine;
