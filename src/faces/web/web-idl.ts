// SPDX-License-Identifier: MIT

// Values of scripts as the types of Web IDL. WHATWG, Web IDL, 3.2 (JavaScript type mapping); each conversion throws a TypeError.

import { isBytes, kindOf, quoteWord, shown } from "../../base/binary/index.ts";
import type { BufferSource } from "./idl.ts";

/**
 * Converts a value of a script, or throws a TypeError.
 *
 * @param place what the value is, for the message: "connect: accessMode"
 */
export type Conversion<T> = (value: unknown, place: string) => T;

/** DOMString, 3.2.10. */
export const domString: Conversion<string> = (value, place) => {
  if (typeof value === "symbol") throw new TypeError(`${place} is a symbol; pass a string`);
  return String(value);
};

/** boolean, 3.2.3: any value is one. */
export const boolean: Conversion<boolean> = (value) => Boolean(value);

/** unsigned long, 3.2.4.6: modulo 2 to the power of 32. */
export const unsignedLong: Conversion<number> = (value, place) => numberOf(value, place) >>> 0;

/** [EnforceRange] unsigned long, 3.2.4.6: out of range is an error, and a fraction is cut off. */
export const enforcedUnsignedLong: Conversion<number> = (value, place) => {
  const number = Math.trunc(numberOf(value, place));
  if (number >= 0 && number <= 0xffff_ffff) return number + 0;
  throw new TypeError(`${place} is ${number}; give a whole number from 0 to 4294967295`);
};

/** double, 3.2.7: neither infinite nor NaN. */
export const double: Conversion<number> = (value, place) => {
  const number = numberOf(value, place);
  if (Number.isFinite(number)) return number;
  throw new TypeError(`${place} is ${number}; give a finite number`);
};

function numberOf(value: unknown, place: string): number {
  if (typeof value === "bigint" || typeof value === "symbol") {
    throw new TypeError(`${place} is ${kindOf(value)}; give a number`);
  }
  // Unlike Number(), which takes a BigInt that an object gives.
  return +(value as number);
}

/** A value of an enumeration, 3.2.18. */
export function enumeration<T extends string>(values: readonly T[]): Conversion<T> {
  return (value, place) => {
    const text = domString(value, place);
    const found = values.find((one) => one === text);
    if (found !== undefined) return found;
    const expected = `one of ${values.map((one) => JSON.stringify(one)).join(", ")}`;
    throw new TypeError(`${place} is ${quoteWord(text)}; give ${expected}`);
  };
}

/** sequence<T>, 3.2.21: any iterable object. Its iterator is not closed where an element is refused. */
export function sequence<T>(convert: Conversion<T>): Conversion<T[]> {
  return (value, place) => {
    const method = isObject(value) ? (value as Partial<Iterable<unknown>>)[Symbol.iterator] : undefined;
    if (typeof method !== "function") throw new TypeError(`${place} is ${kindOf(value)}; pass an array`);
    const iterator: unknown = Reflect.apply(method, value, []);
    if (!isObject(iterator)) throw new TypeError(`${place} has an iterator that is ${kindOf(iterator)}; pass an array`);
    const { next } = iterator as Iterator<unknown>;
    const converted: T[] = [];
    for (;;) {
      const result: unknown = Reflect.apply(next, iterator, []);
      if (!isObject(result)) throw new TypeError(`${place} gives ${kindOf(result)} in place of an element's object`);
      const { done, value: element } = result as IteratorResult<unknown>;
      if (done) return converted;
      converted.push(convert(element, `${place}[${converted.length}]`));
    }
  };
}

/** A member of a dictionary. */
interface Member<T> {
  readonly convert: Conversion<T>;
  readonly isRequired?: boolean;
  readonly fallback?: T;
}

type MembersOf<T> = { readonly [K in keyof T]-?: Member<Exclude<T[K], undefined>> };

/** A dictionary, 3.2.17: members are read in the order of their names. */
export function dictionary<T extends object>(members: MembersOf<T>): Conversion<T> {
  const names = (Object.keys(members) as (keyof T & string)[]).sort();
  return (value, place) => {
    const isLeftOut = value === undefined || value === null;
    if (!isLeftOut && !isObject(value)) throw new TypeError(`${place} is ${shown(value)}; pass an object`);
    const converted: Partial<T> = {};
    for (const name of names) {
      const { convert, fallback, isRequired } = members[name];
      const member = isLeftOut ? undefined : (value as Partial<Record<string, unknown>>)[name];
      if (member !== undefined) converted[name] = convert(member, `${place}.${name}`);
      else if (isRequired) throw new TypeError(`${place}.${name} is missing`);
      else if (fallback !== undefined) converted[name] = fallback;
    }
    return converted as T;
  };
}

/** A callback function, 3.2.19. */
export function callbackFunction<T>(): Conversion<T> {
  return (value, place) => {
    if (typeof value === "function") return value as T;
    throw new TypeError(`${place} is ${kindOf(value)}; pass a function`);
  };
}

const lengthOf = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")?.get;

/**
 * BufferSource, 3.2.25: the bytes where the caller has them; {@link copyOf} copies them. Neither shared nor resizable memory is allowed.
 */
export const bufferSource: Conversion<Uint8Array> = (value, place) => {
  const buffer = ArrayBuffer.isView(value) ? value.buffer : value;
  let byteLength: number;
  try {
    byteLength = lengthOf?.call(buffer);
  } catch (cause) {
    const isShared = kindOf(buffer) === "a SharedArrayBuffer";
    const what = isShared ? "in shared memory" : kindOf(value);
    throw new TypeError(`${place} is ${what}; pass a Uint8Array, another view, or an ArrayBuffer`, { cause });
  }
  const bytes = buffer as ArrayBuffer & { readonly resizable?: boolean };
  if (bytes.resizable) throw new TypeError(`${place} is in memory that can be resized; pass a copy`);
  // A buffer that was transferred has no bytes.
  if (!ArrayBuffer.isView(value)) return byteLength === 0 ? new Uint8Array() : new Uint8Array(bytes);
  return value.byteLength === 0 ? new Uint8Array() : new Uint8Array(bytes, value.byteOffset, value.byteLength);
};

/** Whether the memory of a BufferSource was transferred since. */
export function isDetached(source: BufferSource): boolean {
  try {
    // Node 20 does not have `detached`.
    return new Uint8Array(ArrayBuffer.isView(source) ? source.buffer : source, 0, 0).length > 0;
  } catch {
    return true;
  }
}

/** Whether a value is a BufferSource of any kind, or at least looks like one. */
export function isBufferSource(value: unknown): boolean {
  return ArrayBuffer.isView(value) || isBytes(value) || /ArrayBuffer$/.test(kindOf(value));
}

/** Bytes as an ArrayBuffer of their own. */
export function arrayBufferOf(bytes: Uint8Array): ArrayBuffer {
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

/** Refuses a call with fewer arguments than an operation needs, 3.6 (overload resolution). */
export function needArguments(given: readonly unknown[], least: number, operation: string): void {
  if (given.length >= least) return;
  throw new TypeError(`${operation}: ${given.length} arguments were passed; it needs ${least}`);
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/**
 * Makes a class what Web IDL says of an interface (3.7): its name, operations that can be enumerated, with the number of
 * arguments that they need. Members that are not named stay as they are: they are not of the interface.
 */
export function exposeInterface(
  interfaceObject: { readonly prototype: object },
  name: string,
  operations: Readonly<Record<string, number>>,
): void {
  Object.defineProperty(interfaceObject, "name", { value: name, configurable: true });
  Object.defineProperty(interfaceObject, "length", { value: 0, configurable: true });
  Object.defineProperty(interfaceObject.prototype, Symbol.toStringTag, { value: name, configurable: true });
  for (const [operation, least] of Object.entries(operations)) {
    const method: unknown = Object.getOwnPropertyDescriptor(interfaceObject.prototype, operation)?.value;
    if (typeof method === "function") Object.defineProperty(method, "length", { value: least, configurable: true });
    Object.defineProperty(interfaceObject.prototype, operation, { enumerable: true });
  }
}

/** What `instanceof` takes: an interface that scripts cannot construct. */
export type InterfaceObject<T> = (abstract new (...given: never[]) => T) & { readonly prototype: T };

/** What a constructor of such an interface throws. */
export function illegalConstructor(): TypeError {
  return new TypeError("Illegal constructor");
}
