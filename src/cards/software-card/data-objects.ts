// SPDX-License-Identifier: MIT

import { type DataObject, decodeDataObjects, encodeDataObject } from "../../base/iso7816/index.ts";

/** Reads consecutive data objects of a command. @returns undefined for malformed bytes */
export function readDataObjects(bytes: Uint8Array): readonly DataObject[] | undefined {
  const objects = decodeDataObjects(bytes);
  return objects.ok ? objects.value : undefined;
}

/** The value of the first object with this tag. */
export function valueIn(objects: readonly DataObject[], tag: number): Uint8Array | undefined {
  return objects.find((object) => object.tag === tag)?.value;
}

/** Reads one data object that fills all bytes, and returns its value. */
export function onlyObject(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  const objects = readDataObjects(bytes);
  return objects?.length === 1 ? valueIn(objects, tag) : undefined;
}

/** A data object whose value is one byte, or a few. */
export function byteObject(tag: number, ...value: readonly number[]): Uint8Array {
  return encodeDataObject(tag, Uint8Array.from(value));
}
