// SPDX-License-Identifier: MIT

import type { JsonPlace } from "../../base/json/index.ts";
import { readerKey } from "../../port/index.ts";

/** What of a reader others may not have too; what is wrong in it is left out. */
interface CheckedReader {
  readonly name?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | string | undefined;
  readonly path?: string | undefined;
  readonly slots?: number | undefined;
}

/** No two readers, and slots of readers, have the same name or the same address. */
export function checkReaders(readers: readonly (CheckedReader | undefined)[], place: JsonPlace): void {
  const taken = new Set<string>();
  const take = (thing: string, at: JsonPlace, message: string): void => {
    if (taken.has(thing)) at.problem(message);
    taken.add(thing);
  };
  for (const [index, { host, name, path, port, slots = 1 } = {}] of readers.entries()) {
    const at = place.at(index);
    for (let slot = 0; slot < slots; slot++) {
      // The first slot has the reader's name, and the others a number behind it.
      const slotName = name === undefined || slot === 0 ? name : `${name} ${slot}`;
      const another =
        slot === 0
          ? "is that of another reader: give each its own, or none"
          : `gives a slot the name "${slotName}", which another reader has: choose another`;
      if (slotName !== undefined) take(`name ${readerKey(slotName)}`, at.at("name"), another);
      const member = path === undefined ? "port" : "path";
      const byTcp = host === undefined || typeof port !== "number" ? undefined : `${host}:${port + slot}`;
      const address = path === undefined ? byTcp : `${path}${slot === 0 ? "" : `.${slot}`}`;
      const leads = `leads to ${address}, as another reader does: choose another ${member}`;
      if (address !== undefined) take(`address ${address}`, at.at(member), leads);
    }
  }
}
