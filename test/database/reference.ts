// SPDX-License-Identifier: MIT

import { foldName } from "../../src/database/index.ts";

/** A card type as far as the model knows it; an ATR is a string of digits and dots, one for each byte. */
interface ModelType {
  readonly name: string;
  readonly atr: string;
  readonly interfaces: readonly string[];
  readonly csp: string | undefined;
}

interface ModelReader {
  readonly name: string;
  readonly device: string;
  readonly groups: readonly string[];
}

interface Layer {
  types: ModelType[];
  readers: ModelReader[];
}

export type Scope = "system" | "user";

const DEFAULT_GROUP = "SCard$DefaultReaders";
const same = (one: string, other: string) => foldName(one) === foldName(other);
const named = (name: string) => (entry: { readonly name: string }) => same(entry.name, name);
const byName = (one: { readonly name: string }, other: { readonly name: string }) =>
  foldName(one.name) < foldName(other.name) ? -1 : 1;

/** Fails an operation, with the code that the database should give. */
function fail(code: string): never {
  throw Object.assign(new Error(code), { code });
}

/**
 * What a database should do, in the plainest words: lists that are searched from end to end. The user's layer is above the
 * system's.
 */
export class Reference {
  readonly #layers: Record<Scope, Layer> = { system: { types: [], readers: [] }, user: { types: [], readers: [] } };

  #seen(scope: Scope): Layer {
    const { system, user } = this.#layers;
    if (scope === "system") return system;
    return {
      types: [...user.types, ...system.types.filter(({ name }) => !user.types.some(named(name)))],
      readers: [...user.readers, ...system.readers.filter(({ name }) => !user.readers.some(named(name)))],
    };
  }

  #putType(scope: Scope, type: ModelType): void {
    const layer = this.#layers[scope];
    layer.types = [...layer.types.filter((old) => !same(old.name, type.name)), type];
  }

  #putReader(scope: Scope, reader: ModelReader): void {
    const layer = this.#layers[scope];
    layer.readers = [...layer.readers.filter((old) => !same(old.name, reader.name)), reader];
  }

  introduceType(scope: Scope, type: ModelType): void {
    this.#putType(scope, type);
  }

  forgetType(scope: Scope, name: string): void {
    const layer = this.#layers[scope];
    if (!layer.types.some(named(name))) fail(this.#seen(scope).types.some(named(name)) ? "no-access" : "unknown-card");
    layer.types = layer.types.filter((type) => !same(type.name, name));
  }

  setCsp(scope: Scope, name: string, csp: string): void {
    this.#putType(scope, { ...(this.#seen(scope).types.find(named(name)) ?? fail("unknown-card")), csp });
  }

  csp(scope: Scope, name: string): string {
    const type = this.#seen(scope).types.find(named(name)) ?? fail("unknown-card");
    return type.csp ?? fail("provider-not-found");
  }

  types(scope: Scope, atr: string | undefined, interfaces: readonly string[]): string[] {
    const counted = (type: ModelType) => (atr === undefined ? 0 : type.atr.replaceAll(".", "").length);
    return this.#seen(scope)
      .types.filter((type) => atr === undefined || new RegExp(`^${type.atr}$`).test(atr))
      .filter((type) => interfaces.every((guid) => type.interfaces.includes(guid)))
      .sort((one, other) => counted(other) - counted(one) || byName(one, other))
      .map(({ name }) => name);
  }

  /** All readers there are: the stored ones, and the devices that have no name. */
  #readers(scope: Scope, attached: readonly string[]): ModelReader[] {
    const { readers } = this.#seen(scope);
    const automatic = attached
      .filter((device) => !readers.some((reader) => same(reader.device, device) || same(reader.name, device)))
      .map((device) => ({ name: device, device, groups: [DEFAULT_GROUP] }));
    return [...readers, ...automatic];
  }

  #reader(scope: Scope, name: string, attached: readonly string[]): ModelReader {
    return this.#readers(scope, attached).find(named(name)) ?? fail("unknown-reader");
  }

  introduceReader(scope: Scope, name: string, device: string, attached: readonly string[]): void {
    const stored = this.#seen(scope).readers;
    const isFree =
      !this.#readers(scope, attached).some(named(name)) || (!stored.some(named(name)) && same(name, device));
    if (!isFree) fail("duplicate-reader");
    const hadNone = !stored.some((reader) => same(reader.device, device) || same(reader.name, device));
    if (hadNone) this.#putReader(scope, { name: device, device, groups: [DEFAULT_GROUP] });
    this.#putReader(scope, { name, device, groups: [DEFAULT_GROUP] });
  }

  forgetReader(scope: Scope, name: string, attached: readonly string[]): void {
    const layer = this.#layers[scope];
    if (layer.readers.some(named(name))) layer.readers = layer.readers.filter((reader) => !same(reader.name, name));
    else if (this.#seen(scope).readers.some(named(name))) fail("no-access");
    else this.#reader(scope, name, attached);
  }

  addToGroup(scope: Scope, name: string, group: string, attached: readonly string[]): void {
    const reader = this.#reader(scope, name, attached);
    if (!reader.groups.some((old) => same(old, group))) {
      this.#putReader(scope, { ...reader, groups: [...reader.groups, group] });
    }
  }

  removeFromGroup(scope: Scope, name: string, group: string, attached: readonly string[]): void {
    const reader = this.#reader(scope, name, attached);
    const groups = reader.groups.filter((old) => !same(old, group));
    if (groups.length < reader.groups.length) this.#putReader(scope, { ...reader, groups });
  }

  forgetGroup(scope: Scope, group: string): void {
    for (const reader of this.#readers(scope, [])) this.removeFromGroup(scope, reader.name, group, []);
  }

  /** Folded, as any of the spellings would do. */
  groups(scope: Scope, attached: readonly string[]): string[] {
    const groups = this.#readers(scope, attached).flatMap((reader) => reader.groups.map(foldName));
    const isDefault = (group: string) => Number(group === foldName(DEFAULT_GROUP));
    return [...new Set(groups)].sort((one, other) => isDefault(other) - isDefault(one) || (one < other ? -1 : 1));
  }

  available(scope: Scope, attached: readonly string[], groups: readonly string[] | undefined): string[] {
    const readers = this.#readers(scope, attached);
    return attached.flatMap((device) =>
      readers
        .filter((reader) => same(reader.device, device))
        .filter((reader) => !groups || groups.some((group) => reader.groups.some((own) => same(own, group))))
        .sort(byName)
        .map(({ name }) => name),
    );
  }
}
