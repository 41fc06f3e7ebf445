// SPDX-License-Identifier: MIT

import { pivCertificateTags as tags } from "../../base/card-applications/index.ts";
import { readDataObjects } from "../software-card/index.ts";

/** The certificate in a container; undefined where there is none, or where it is compressed. */
export function certificateIn(object: Uint8Array): Uint8Array | undefined {
  const objects = readDataObjects(object) ?? [];
  const info = objects.find(({ tag }) => tag === tags.information)?.value[0] ?? 0;
  return info === 0 ? objects.find(({ tag }) => tag === tags.certificate)?.value : undefined;
}
