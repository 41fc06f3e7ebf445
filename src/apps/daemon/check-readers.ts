// SPDX-License-Identifier: MIT

import type { JsonPlace } from "../../base/json/index.ts";
import { readerKey } from "../../port/index.ts";

/** What of a reader others may not have too; what is wrong in it is left out. */
interface CheckedReader {
  readonly name?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly path?: string | undefined;
  readonly slots?: number | undefined;
}

/** No two readers, and slots of readers, have the same name or the same address. */
export function checkReaders(readers: readonly (CheckedReader | undefined)[], place: JsonPlace): void {
  const names = new Set<string>();
  const addresses = new Set<string>();
  for (const [index, reader] of readers.entries()) {
    if (reader === undefined) continue;
    checkNames(reader, names, place.at(index).at("name"));
    checkAddresses(reader, addresses, place.at(index));
  }
}

function checkNames({ name, slots = 1 }: CheckedReader, taken: Set<string>, place: JsonPlace): void {
  if (name === undefined) return;
  if (taken.has(readerKey(name))) place.problem("is that of another reader: give each its own, or none");
  taken.add(readerKey(name));
  // The first slot has the reader's name, and the others a number behind it.
  for (let slot = 1; slot < slots; slot++) {
    const key = readerKey(`${name} ${slot}`);
    if (taken.has(key))
      place.problem(`gives a slot the name "${name} ${slot}", which another reader has: choose another`);
    taken.add(key);
  }
}

function checkAddresses(reader: CheckedReader, taken: Set<string>, place: JsonPlace): void {
  const { host, path, port, slots = 1 } = reader;
  const choose = path === undefined ? "port" : "path";
  for (let slot = 0; slot < slots; slot++) {
    const address = path === undefined ? addressByTcp(host, port, slot) : `${path}${slot === 0 ? "" : `.${slot}`}`;
    if (address === undefined) return;
    if (taken.has(address))
      place.at(choose).problem(`leads to ${address}, as another reader does: choose another ${choose}`);
    taken.add(address);
  }
}

function addressByTcp(host: string | undefined, port: number | undefined, slot: number): string | undefined {
  return host === undefined || port === undefined ? undefined : `${host}:${port + slot}`;
}
