// SPDX-License-Identifier: MIT

import type { OpenCard } from "../../entry/modules.ts";
import { SmartCardError } from "../../port/index.ts";
import { type CardFile, certificateNames } from "./certificate-names.ts";

/** A place that certificates are exported to. */
export interface CertificateStore {
  /**
   * Puts a certificate there.
   *
   * @returns where it is; undefined where it is there already, and is not ours to remove
   * @throws SmartCardError
   */
  add(certificate: CardFile): Promise<string | undefined>;
  /** Takes away what `add` has put there, where it is still that. @throws SmartCardError */
  remove(certificate: CardFile): Promise<void>;
}

/** What has happened to a certificate. */
export interface CertificateChange {
  readonly kind: "certificate-added" | "certificate-removed" | "certificate-there";
  readonly reader: string;
  readonly certificate: CardFile;
  /** Where it is, or was; undefined where it was there before. */
  readonly place: string | undefined;
}

/** What an export works with. */
export interface CertificateExportOptions {
  readonly store: CertificateStore;
  /** Opens the card in a reader. */
  readonly open: (reader: string, signal: AbortSignal) => Promise<OpenCard>;
  readonly changed: (change: CertificateChange) => void;
  /** Told why certificates of a card are not exported, or one cannot be removed. */
  readonly failed: (reader: string, error: SmartCardError) => void;
}

/** A reader, and what came of the card in it. */
interface Exported {
  readonly abort: AbortController;
  /** The card was in use by another program alone: it is tried again. */
  isBusy: boolean;
  readonly done: { readonly certificate: CardFile; readonly place: string }[];
  /** Work on this reader's card comes one after the other. */
  work: Promise<void>;
}

/**
 * Does what certificate propagation does on Windows: while a card is in, its certificates are in a store, and they are taken out of it
 * when the card goes. Only what it has put there is taken out.
 */
export class CertificateExport {
  readonly #options: CertificateExportOptions;
  readonly #readers = new Map<string, Exported>();
  /** Cards that have gone, and whose certificates are being taken out. */
  readonly #leaving = new Set<Promise<void>>();
  /** In how many cards a certificate is that was put into the store. */
  readonly #holders = new Map<string, number>();

  constructor(options: CertificateExportOptions) {
    this.#options = options;
  }

  /** Tells what is in a reader now: again for each change of it. A card that was exchanged is told as gone first. */
  update(reader: string, isThere: boolean): void {
    const known = this.#readers.get(reader);
    if (!isThere) this.#gone(reader);
    if (!isThere || known?.isBusy === false) return;
    const exported = known ?? { abort: new AbortController(), isBusy: false, done: [], work: Promise.resolve() };
    exported.isBusy = false;
    this.#readers.set(reader, exported);
    exported.work = exported.work.then(() => this.#export(reader, exported));
  }

  /** Takes all certificates out of the store. */
  async close(): Promise<void> {
    for (const reader of [...this.#readers.keys()]) this.#gone(reader);
    await Promise.all(this.#leaving);
  }

  #gone(reader: string): void {
    const exported = this.#readers.get(reader);
    if (exported === undefined) return;
    this.#readers.delete(reader);
    exported.abort.abort();
    const leaving = exported.work.then(() => this.#remove(reader, exported));
    this.#leaving.add(leaving);
    void leaving.then(() => this.#leaving.delete(leaving));
  }

  async #export(reader: string, exported: Exported): Promise<void> {
    const { changed, open, store } = this.#options;
    const { signal } = exported.abort;
    try {
      if (signal.aborted) return;
      const files = await this.#read(await open(reader, signal), signal);
      for (const certificate of files) {
        if (signal.aborted) return;
        const place = this.#heldPlace(certificate) ?? (await store.add(certificate));
        if (place !== undefined) this.#hold(exported, certificate, place);
        changed({ kind: place === undefined ? "certificate-there" : "certificate-added", reader, certificate, place });
      }
    } catch (error) {
      if (signal.aborted) return;
      exported.isBusy = error instanceof SmartCardError && error.code === "sharing-violation";
      this.#failed(reader, error);
    }
  }

  async #read(card: OpenCard, signal: AbortSignal): Promise<readonly CardFile[]> {
    try {
      return certificateNames(await card.certificates({ signal }), await card.properties({ signal }));
    } finally {
      await card.close();
    }
  }

  async #remove(reader: string, { done }: Exported): Promise<void> {
    for (const { certificate, place } of done) {
      const holders = (this.#holders.get(certificate.name) ?? 1) - 1;
      this.#holders.set(certificate.name, holders);
      if (holders > 0) continue;
      try {
        await this.#options.store.remove(certificate);
        this.#options.changed({ kind: "certificate-removed", reader, certificate, place });
      } catch (error) {
        this.#failed(reader, error);
      }
    }
  }

  /** Where a certificate is that another card has as well. */
  #heldPlace({ name }: CardFile): string | undefined {
    if ((this.#holders.get(name) ?? 0) === 0) return undefined;
    for (const { done } of this.#readers.values())
      for (const { certificate, place } of done) if (certificate.name === name) return place;
    return undefined;
  }

  #hold({ done }: Exported, certificate: CardFile, place: string): void {
    done.push({ certificate, place });
    this.#holders.set(certificate.name, (this.#holders.get(certificate.name) ?? 0) + 1);
  }

  #failed(reader: string, error: unknown): void {
    if (!(error instanceof SmartCardError)) throw error;
    this.#options.failed(reader, error);
  }
}
