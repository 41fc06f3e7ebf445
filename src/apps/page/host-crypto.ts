// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { type HostCrypto, SmartCardError } from "../../port/index.ts";
import { browser } from "../page-parts/index.ts";

/** Asks for data to be unpacked, which a browser does only later. */
class NotUnpackedYet extends Error {
  readonly format: "gzip" | "zlib";
  readonly packed: Uint8Array;
  readonly mostBytes: number;

  constructor(format: "gzip" | "zlib", packed: Uint8Array, mostBytes: number) {
    super("the data is not unpacked yet");
    this.format = format;
    this.packed = packed;
    this.mostBytes = mostBytes;
  }
}

/** What a card module needs of the page to read certificates and to sign digests. */
export class PageCrypto implements HostCrypto {
  readonly #unpacked = new Map<string, Uint8Array | undefined>();

  randomBytes(length: number): Uint8Array {
    return browser.crypto.getRandomValues(new Uint8Array(length));
  }

  hash(): never {
    throw missing("hashes");
  }

  readonly blockCipher = (): never => {
    throw missing("block ciphers");
  };

  unpack(format: "gzip" | "zlib", data: Uint8Array, mostBytes: number): Uint8Array | undefined {
    const name = encodeHex(data);
    if (!this.#unpacked.has(name)) throw new NotUnpackedYet(format, data.slice(), mostBytes);
    return this.#unpacked.get(name);
  }

  /** Does work again where it asked for data that had to be unpacked first. */
  async unpacking<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof NotUnpackedYet)) throw error;
        this.#unpacked.set(encodeHex(error.packed), await unpack(error));
      }
    }
  }
}

interface Chunks {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>;
  cancel(): Promise<void>;
}

async function unpack({ format, mostBytes, packed }: NotUnpackedYet): Promise<Uint8Array | undefined> {
  const stream = new browser.DecompressionStream(format === "gzip" ? "gzip" : "deflate") as never;
  const reader = new Blob([packed.slice()]).stream().pipeThrough(stream).getReader() as unknown as Chunks;
  const plain = new Uint8Array(mostBytes);
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) return plain.slice(0, length);
      if (length + value.length > mostBytes) {
        await reader.cancel();
        return undefined;
      }
      plain.set(value, length);
      length += value.length;
    }
  } catch {
    return undefined;
  }
}

function missing(what: string): SmartCardError {
  return new SmartCardError("unsupported-feature", `this page has no ${what}`, { operation: "sign" });
}
