// SPDX-License-Identifier: MIT

import { normalizeGuid } from "../../port/index.ts";
import { badArgument } from "./arguments.ts";

/** A GUID as text, `{E126F8FE-A7AF-11D0-B88A-00C04FD424B9}`: with braces, in capitals. */
export type Guid = string;

/** Interface ids of the base service provider, as in its type library (scardssp.dll). */
export const iids = {
  IByteBuffer: "{E126F8FE-A7AF-11D0-B88A-00C04FD424B9}",
  ISCardTypeConv: "{53B6AA63-3F56-11D0-916B-00AA00C18068}",
  ISCardCmd: "{D5778AE3-43DE-11D0-9171-00AA00C18068}",
  ISCardISO7816: "{53B6AA68-3F56-11D0-916B-00AA00C18068}",
  ISCard: "{1461AAC3-6810-11D0-918F-00AA00C18068}",
  ISCardDatabase: "{1461AAC8-6810-11D0-918F-00AA00C18068}",
  ISCardLocate: "{1461AACD-6810-11D0-918F-00AA00C18068}",
} as const;

/** Class ids of the base service provider. */
export const clsids = {
  CByteBuffer: "{E126F8FF-A7AF-11D0-B88A-00C04FD424B9}",
  CSCardTypeConv: "{53B6AA67-3F56-11D0-916B-00AA00C18068}",
  CSCardCmd: "{D5778AE7-43DE-11D0-9171-00AA00C18068}",
  CSCardISO7816: "{53B6AA6C-3F56-11D0-916B-00AA00C18068}",
  CSCard: "{1461AAC7-6810-11D0-918F-00AA00C18068}",
  CSCardDatabase: "{1461AACC-6810-11D0-918F-00AA00C18068}",
  CSCardLocate: "{1461AAD1-6810-11D0-918F-00AA00C18068}",
} as const;

/** The usual form of a GUID: with braces, in capitals. @throws E_INVALIDARG for any other text */
export function checkedGuid(guid: Guid, name = "guid"): Guid {
  const usual = usualForm(guid);
  if (usual !== undefined) return usual;
  throw badArgument(name, guid, "give a GUID, such as {01234567-89AB-CDEF-0123-456789ABCDEF}");
}

function usualForm(guid: Guid): Guid | undefined {
  try {
    return normalizeGuid(guid);
  } catch {
    return undefined;
  }
}
