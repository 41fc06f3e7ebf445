// SPDX-License-Identifier: MIT

/**
 * `scard/modules`: certificates, signatures, decryption and PINs of the card that is in a reader, with a module for each kind
 * of card (docs/guide/card-modules.md).
 *
 *     await using card = await openCard({}, { pin: ({ name }) => ask(`${name}: `) });
 *     const signature = await card.sign("9A", data);
 */

import { webcrypto } from "node:crypto";
import type { CardType } from "../database/index.ts";
import {
  checkOpenOptions,
  type OpenCard,
  type OpenCardOptions,
  openCardOn,
  PinCaches,
  waitOf,
} from "../faces/modules/index.ts";
import type { HostWebCrypto } from "../faces/web-crypto/index.ts";
import { nodeRuntime } from "../platform/node/runtime/index.ts";
import { openDatabase } from "../platform/node/sqlite/index.ts";
import {
  type Connection,
  type Context,
  having,
  managerObject,
  optional,
  optionsOf,
  type ReaderStateReport,
  type ResourceManager,
  SmartCardError,
  text,
  type WaitOptions,
} from "../port/index.ts";
import { defaultManager } from "./machine.ts";

export type { CurveName, HashName, PublicKey } from "../base/keys/index.ts";
export type {
  AdminChallenge,
  CardCertificate,
  CardModule,
  CardProperties,
  CertifiedKey,
  ChallengeAnswer,
  ChangePinRequest,
  DecryptOptions,
  DecryptRequest,
  FreeSpace,
  KeyContainer,
  KeyType,
  KeyUse,
  ModuleCard,
  ModuleHost,
  OpenCard,
  OpenCardOptions,
  PinAnswer,
  PinCachePolicies,
  PinCachePolicy,
  PinDescription,
  PinPadCommand,
  PinPrompt,
  PinRequest,
  PinRole,
  PinState,
  PinValue,
  SignatureHash,
  SignOptions,
  SignRequest,
  UnblockRequest,
  VerifyPinOptions,
} from "../faces/modules/index.ts";
export { cardModules, gidsModule, openPgpModule, pivModule, pkcs15Module } from "../faces/modules/index.ts";
export type { HostCrypto } from "../port/index.ts";

/** Where the card is. */
export interface CardPlace {
  /** @default the manager of this machine: see `openManager` of `scard/machine` */
  readonly manager?: ResourceManager | undefined;
  /** The name of the reader. @default the first reader with a card that a module takes */
  readonly reader?: string | undefined;
}

const placeOptions = optionsOf<CardPlace>({
  manager: optional(managerObject),
  reader: optional(text("the name of a reader")),
});
const connectionObject = having<Connection>(["transmit", "send", "transaction", "reconnect", "status"], "a connection");
const anyCard = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;

/**
 * Opens a card with keys. Its module is the one that the database of card types names for its ATR (card module); or else
 * the card is asked for its applications: PIV, GIDS, OpenPGP, then ISO/IEC 7816-15.
 *
 * ```ts
 * import { openCard } from "scard/modules";
 *
 * const place = { reader: "Yubico YubiKey CCID 00 00" };
 * const list = async () => {
 *   await using card = await openCard(place);
 *   return card.containers();
 * };
 * ```
 *
 * @param target a connection to the card, which stays the caller's: it must be in no transaction; or the place of the card
 * @throws no-smartcard (no reader has a card), card-unsupported (no module takes it), provider-not-found (no module has the
 * name that `module` gives), what connecting throws, and invalid-target or no-access where the database of card types cannot be
 * read
 */
export async function openCard(target: Connection | CardPlace = {}, options: OpenCardOptions = {}): Promise<OpenCard> {
  const checked = checkOpenOptions(options);
  if (typeof target === "object" && target !== null && "transmit" in target) {
    return open(connectionObject(target, { operation: "openCard", path: "target" }), checked);
  }
  const { manager, reader } = placeOptions(target, { operation: "openCard", path: "target" });
  const context = await (manager ?? (await defaultManager())).establishContext();
  try {
    return await (reader === undefined ? openAny(context, checked) : openIn(context, reader, checked));
  } catch (error) {
    await context.release().catch(() => undefined);
    throw error;
  }
}

/** How long a reader that was empty may take to have its card ready, in a manager that has just been opened. */
const ARRIVAL_MS = 500;

/** Opens the first card that a module takes. */
async function openAny(context: Context, options: OpenCardOptions): Promise<OpenCard> {
  const { timeoutMs: _timeoutMs, ...wait } = waitOf(options);
  const { clock } = nodeRuntime();
  const end = clock.now() + ARRIVAL_MS;
  const tried = new Map<string, SmartCardError>();
  const readers = await context.listReaders();
  let known: readonly ReaderStateReport[] | undefined =
    readers.length === 0 ? [] : await context.getStatusChange(readers.map((reader) => ({ reader })));
  while (known !== undefined) {
    for (const { flags, reader } of known) {
      if (!flags.present || flags.mute || tried.has(reader)) continue;
      try {
        return await openIn(context, reader, options);
      } catch (error) {
        if (!isOfThisCard(error)) throw error;
        tried.set(reader, error);
      }
    }
    const leftMs = Math.ceil(end - clock.now());
    const isWaiting: boolean = leftMs > 0 && known.some(({ reader }) => !tried.has(reader));
    known = isWaiting ? await changed(context, known, { ...wait, timeoutMs: leftMs }) : undefined;
  }
  const [failure] = tried.values();
  throw failure ?? noCard();
}

/** What has changed; undefined where nothing has in the time given. */
async function changed(
  context: Context,
  known: readonly ReaderStateReport[],
  wait: WaitOptions,
): Promise<readonly ReaderStateReport[] | undefined> {
  try {
    return await context.getStatusChange(known, wait);
  } catch (error) {
    if (error instanceof SmartCardError && error.code === "timeout") return undefined;
    throw error;
  }
}

/** Whether another reader may have the card all the same. */
function isOfThisCard(error: unknown): error is SmartCardError {
  if (!(error instanceof SmartCardError)) return false;
  return !["cancelled", "timeout", "provider-not-found", "invalid-target"].includes(error.code);
}

function noCard(): SmartCardError {
  const message = "no reader has a card; put a card into a reader, or name the reader";
  return new SmartCardError("no-smartcard", message, { operation: "openCard" });
}

async function openIn(context: Context, reader: string, options: OpenCardOptions): Promise<OpenCard> {
  const connection = await context.connect(reader, { ...anyCard, ...waitOf(options) });
  const end = (): Promise<void> => connection.disconnect("leave").catch(() => undefined);
  try {
    return await open(connection, options, async () => {
      await end();
      await context.release().catch(() => undefined);
    });
  } catch (error) {
    await end();
    throw error;
  }
}

async function open(
  connection: Connection,
  options: OpenCardOptions,
  dispose?: () => Promise<void>,
): Promise<OpenCard> {
  const { clock, random } = nodeRuntime();
  const { makeHostCrypto } = await import("../platform/node/crypto/index.ts");
  return openCardOn(connection, options, {
    crypto: makeHostCrypto(random),
    webCrypto: webcrypto as HostWebCrypto,
    ...{ clock, cardTypes, dispose },
    pinCaches: cachesOfProcess(),
  });
}

let pinCaches: PinCaches | undefined;

/** The cached PINs of this process, which are cleared when it exits. A signal that ends it at once leaves no time for that. */
function cachesOfProcess(): PinCaches {
  if (pinCaches === undefined) {
    const caches = new PinCaches();
    pinCaches = caches;
    process.once("exit", () => caches.end());
  }
  return pinCaches;
}

async function cardTypes(atr: Uint8Array): Promise<readonly CardType[]> {
  try {
    const database = await openDatabase();
    try {
      return database.cardTypes.find({ atr });
    } finally {
      database.close();
    }
  } catch (error) {
    // Without SQLite there is no database, and the card is asked.
    if (error instanceof SmartCardError && error.code === "unsupported-feature") return [];
    throw error;
  }
}
