// SPDX-License-Identifier: MIT

/** The class name of a typed array of any realm; undefined for anything else, proxies included. */
const typedArrayName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)
  ?.get as (this: unknown) => string | undefined;

/** Whether a value is a Uint8Array (or Buffer) of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return typedArrayName.call(value) === "Uint8Array";
}

/**
 * Refuses anything but bytes, before it is sent as something else. The message names the kind of value and never repeats
 * it: it may be a PIN.
 *
 * @param name the argument, as the caller knows it
 * @throws TypeError
 */
export function checkBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (isBytes(value)) return;
  const remedy = "decodeHex() makes one from hexadecimal text, Uint8Array.from() from an array of numbers";
  throw new TypeError(`${name} is ${kindOf(value)}; pass a Uint8Array (a Buffer is one): ${remedy}`);
}

/** Names the kind of a value without its contents: "a string", "a DataView", "null". */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return withArticle(typeof value);
  try {
    if (Array.isArray(value)) return "an array";
    const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
    if (tag === "Promise") return "a Promise (await it)";
    return withArticle(tag === "Object" || !/^[A-Za-z]\w{0,40}$/.test(tag) ? "object" : tag);
  } catch {
    // A proxy, or a getter that throws.
    return "an object that cannot be read";
  }
}

function withArticle(noun: string): string {
  return `${/^[aeio]/i.test(noun) ? "an" : "a"} ${noun}`;
}
