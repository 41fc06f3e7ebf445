// SPDX-License-Identifier: MIT

import { type SoftwareCard, VirtualReader } from "../cards/index.ts";
import { listenVpcd, type VpcdListener } from "../edge/tcp/index.ts";
import { softwareCard } from "../entry/embedded.ts";
import type { EmbeddedManager } from "../manager/index.ts";
import { type Runtime, SmartCardError } from "../pcsc/index.ts";
import type { ConfiguredReader } from "./config.ts";

/** How long `scard eject` waits behind a transaction, in milliseconds; less than its program waits for the answer. */
const EJECT_WAIT_MS = 2000;

/** A reader of the configuration that is in service. */
type ServedReader =
  | {
      readonly kind: "virtual";
      readonly name: string;
      readonly reader: VirtualReader;
      /** What the configuration puts into it; what is in it may be another card by now. */
      card: string | undefined;
    }
  | { readonly kind: "vpcd"; readonly listener: VpcdListener };

/** The readers of a daemon: keeps those in service that the configuration names, and no others. */
export class DaemonReaders {
  readonly #manager: EmbeddedManager;
  readonly #runtime: Runtime;
  readonly #served = new Map<string, ServedReader>();

  constructor(manager: EmbeddedManager, runtime: Runtime) {
    this.#manager = manager;
    this.#runtime = runtime;
  }

  /**
   * Puts readers into service that are new, and takes those out that are wanted no more. All others are left alone,
   * with whoever uses them; only a card that the configuration changed is changed.
   *
   * @param wanted cards are named by kind or absolute path
   * @returns what failed; the other readers are as they should be
   */
  async apply(wanted: readonly ConfiguredReader[]): Promise<SmartCardError[]> {
    const byKey = keyed(wanted);
    const failures: SmartCardError[] = [];
    const attempt = async (work: Promise<void>): Promise<void> => {
      await work.catch((error: unknown) => {
        if (!(error instanceof SmartCardError)) throw error;
        failures.push(error);
      });
    };
    for (const [key, served] of this.#served) {
      if (byKey.has(key)) continue;
      this.#served.delete(key);
      await attempt(this.#takeOut(served));
    }
    for (const [key, reader] of byKey) {
      const served = this.#served.get(key);
      if (served === undefined) await attempt(this.#putIn(key, reader));
      else if (served.kind === "virtual" && reader.kind === "virtual") await attempt(changeCard(served, reader.card));
    }
    return failures;
  }

  /** Puts a card into a virtual reader; one that is in comes out first. @throws unknown-reader, invalid-value */
  async insert(readerName: string, kind: string): Promise<void> {
    const { reader } = this.#virtualReader(readerName);
    reader.insert(await softwareCard(kind));
  }

  /** Pulls the card out of a virtual reader, if there is one. @throws unknown-reader */
  remove(readerName: string): void {
    this.#virtualReader(readerName).reader.remove();
  }

  /**
   * Has a virtual reader move its card out, in its turn: the operation under way, or a transaction, is finished first.
   *
   * @throws unknown-reader, no-smartcard, sharing-violation (a program has the reader exclusively), timeout (the card was
   * not free in time)
   */
  async eject(readerName: string): Promise<void> {
    const { name, reader } = this.#virtualReader(readerName);
    if (reader.card === undefined)
      throw new SmartCardError("no-smartcard", "there is no card in the reader", { reader: name });
    const context = await this.#manager.client({ name: "scard eject" }).establishContext();
    try {
      const connection = await context.connect(name, {
        shareMode: "shared",
        preferredProtocols: ["t0", "t1"],
        timeoutMs: EJECT_WAIT_MS,
      });
      await connection.disconnect("eject");
    } finally {
      await context.release();
    }
  }

  /** Closes the ports that are listened on; the manager closes the readers. */
  async close(): Promise<void> {
    const listeners = [...this.#served.values()].flatMap((served) => (served.kind === "vpcd" ? [served.listener] : []));
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  #virtualReader(name: string): Extract<ServedReader, { kind: "virtual" }> {
    const key = name.toLowerCase();
    for (const served of this.#served.values()) {
      if (served.kind === "virtual" && served.name.toLowerCase() === key) return served;
    }
    const known = this.#manager.readers().some((reader) => reader.name.toLowerCase() === key);
    const message = known ? `«${name}» is no virtual reader` : `there is no reader «${name}»`;
    throw new SmartCardError("unknown-reader", message, { reader: name });
  }

  async #putIn(key: string, wanted: ConfiguredReader): Promise<void> {
    if (wanted.kind === "virtual") {
      const card = wanted.card === undefined ? undefined : await softwareCard(wanted.card);
      const named = wanted.name === undefined ? {} : { name: wanted.name };
      const reader = new VirtualReader({ ...named, id: key, clock: this.#runtime.clock });
      if (card !== undefined) reader.insert(card);
      const name = await this.#manager.addReader(reader);
      this.#served.set(key, { kind: "virtual", name, reader, card: wanted.card });
      return;
    }
    const { kind: _, ...place } = wanted;
    const listener = await listenVpcd({ runtime: this.#runtime, ...place });
    try {
      for (const reader of listener.readers) await this.#manager.addReader(reader);
    } catch (error) {
      await listener.close();
      throw error;
    }
    this.#served.set(key, { kind: "vpcd", listener });
  }

  async #takeOut(served: ServedReader): Promise<void> {
    if (served.kind === "vpcd") return served.listener.close();
    await this.#manager.removeReader(served.name);
  }
}

async function changeCard(served: Extract<ServedReader, { kind: "virtual" }>, kind: string | undefined): Promise<void> {
  if (served.card === kind) return;
  const card: SoftwareCard | undefined = kind === undefined ? undefined : await softwareCard(kind);
  if (card === undefined) served.reader.remove();
  else served.reader.insert(card);
  served.card = kind;
}

/** Readers by what tells them apart from one reading of the configuration to the next. */
function keyed(readers: readonly ConfiguredReader[]): Map<string, ConfiguredReader> {
  const byKey = new Map<string, ConfiguredReader>();
  for (const reader of readers) {
    const base =
      reader.kind === "virtual"
        ? `virtual:${reader.name ?? ""}`
        : `vpcd:${reader.host ?? ""}:${reader.port ?? ""}:${reader.slots ?? ""}`;
    let key = base;
    for (let number = 2; byKey.has(key); number++) key = `${base}#${number}`;
    byKey.set(key, reader);
  }
  return byKey;
}
