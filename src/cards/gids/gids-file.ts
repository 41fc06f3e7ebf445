// SPDX-License-Identifier: MIT

import { encodeDataObject } from "../../base/iso7816/index.ts";
import { onlyObject, readDataObjects } from "../software-card/index.ts";
import type { FileControl } from "./file-control.ts";
import type { GidsKey } from "./gids-key.ts";

/** What files of both kinds have. */
interface CommonFile {
  /** Its file control parameters as they came, with the tag 62. */
  readonly parameters: Uint8Array;
  /** Whether its rules hold. GIDS 2.0, 8.2.2. */
  activated: boolean;
  /** Whether it was made while the application was operational already. GIDS 2.0, table 18. */
  readonly afterIssuance: boolean;
}

/** A file of data objects. */
export interface DataFile extends CommonFile {
  readonly kind: "data";
  readonly control: FileControl & { readonly kind: "data" };
  /** Values by tag, in the order in which they came. */
  readonly objects: Map<number, Uint8Array>;
}

/** A file of a key: what may be done with it, and the key, where there is one. */
export interface KeyFile extends CommonFile {
  readonly kind: "key";
  readonly control: FileControl & { readonly kind: "key" };
  key: GidsKey | undefined;
}

/** An elementary file of the application. */
export type GidsFile = DataFile | KeyFile;

const TAG_PARAMETERS = 0x62;
const TAG_LIFE_CYCLE = 0x8a;
const TAG_FILE_ID = 0x83;
/** Life cycle status bytes. GIDS 2.0, table 18. */
const INITIALIZATION = 0x03;
const ACTIVATED = 0x05;
const DEACTIVATED = 0x04;
const AFTER_ISSUANCE = 0x02;

/** The file control parameters as SELECT returns them: with the life cycle behind the identifier. */
export function shownParameters(file: GidsFile): Uint8Array {
  const objects = readDataObjects(onlyObject(file.parameters, TAG_PARAMETERS) ?? new Uint8Array(0)) ?? [];
  const lifeCycle = encodeDataObject(TAG_LIFE_CYCLE, Uint8Array.of(lifeCycleOf(file)));
  const shown = objects.flatMap(({ tag, value }) => {
    const object = encodeDataObject(tag, value);
    return tag === TAG_FILE_ID ? [object, lifeCycle] : [object];
  });
  return encodeDataObject(TAG_PARAMETERS, ...shown);
}

/** The file of a key that it does not have yet is deactivated. GIDS 2.0, 8.3.2. */
function lifeCycleOf(file: GidsFile): number {
  if (!file.activated) return INITIALIZATION;
  const isReady = file.kind === "data" || file.key !== undefined;
  return (isReady ? ACTIVATED : DEACTIVATED) | (file.afterIssuance ? AFTER_ISSUANCE : 0);
}

/** Makes the file of these parameters. */
export function newFile(control: FileControl, parameters: Uint8Array, afterIssuance: boolean): GidsFile {
  const common = { parameters, activated: false, afterIssuance };
  return control.kind === "data"
    ? { kind: "data", control, ...common, objects: new Map() }
    : { kind: "key", control, ...common, key: undefined };
}
