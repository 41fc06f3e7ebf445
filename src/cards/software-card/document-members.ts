// SPDX-License-Identifier: MIT

import * as is from "../../base/json/index.ts";

/** The version of descriptions that this release writes. */
export const FORMAT_VERSION = 1;
const MAX_READER_NAME = 127;

/** What the description of any card may say beside the card itself. */
export const documentMembers = {
  ...is.schemaMember,
  version: is
    .whole(1, 0xffff, "The version of this format.")
    .check((version, place) => {
      if (version !== FORMAT_VERSION)
        place.problem(`was written by a later release: this one reads version ${FORMAT_VERSION}; update scard`);
    })
    .keywords({ const: FORMAT_VERSION })
    .optional(FORMAT_VERSION),
  keep: is
    .words("memory", "file")
    .about('Where changes of the card go: "file" writes them back into this file, "memory" forgets them.')
    .optional("memory"),
  reader: is
    .text(MAX_READER_NAME, "The name of the reader that the card is in, where a program looks for one.")
    .optional(),
} as const;
