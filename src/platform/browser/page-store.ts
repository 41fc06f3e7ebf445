// SPDX-License-Identifier: MIT

/** A request of IndexedDB. */
interface Request<T> {
  readonly result: T;
  readonly error: unknown;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

interface Store {
  get(key: string): Request<unknown>;
  put(value: unknown, key: string): Request<unknown>;
  delete(key: string): Request<unknown>;
}

interface OpenDatabase {
  createObjectStore(name: string): unknown;
  transaction(store: string, mode: "readonly" | "readwrite"): { objectStore(name: string): Store };
  close(): void;
}

/** IndexedDB of the page or worker, as far as it is used here. */
interface PageDatabases {
  open(name: string): Request<OpenDatabase> & { onupgradeneeded: (() => void) | null };
}

const STORE = "values";

function settled<T>(request: Request<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** What an origin keeps in the browser, for its pages and workers: bytes by names. It rejects where the browser keeps nothing. */
export class PageStore {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = await this.#in("readonly", (store) => store.get(key));
    return value instanceof Uint8Array ? value : undefined;
  }

  async set(key: string, value: Uint8Array | undefined): Promise<void> {
    await this.#in("readwrite", (store) => (value === undefined ? store.delete(key) : store.put(value, key)));
  }

  async #in<T>(mode: "readonly" | "readwrite", work: (store: Store) => Request<T>): Promise<T> {
    const { indexedDB } = globalThis as unknown as { readonly indexedDB: PageDatabases };
    const opening = indexedDB.open(this.#name);
    opening.onupgradeneeded = () => void opening.result.createObjectStore(STORE);
    const database = await settled(opening);
    try {
      return await settled(work(database.transaction(STORE, mode).objectStore(STORE)));
    } finally {
      database.close();
    }
  }
}
