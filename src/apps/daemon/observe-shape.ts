// SPDX-License-Identifier: MIT

import * as is from "../../base/json/index.ts";
import { list, object, type ShapeMembers } from "../../base/json/index.ts";

const MAX_RULES = 1024;
const MAX_TEXT = 4096;

const instruction = is
  .textLike(/^[0-9a-fA-F]{2}$/, "an instruction byte, two hexadecimal digits")
  .as((digits) => Number.parseInt(digits, 16));

const application = is.textLike(
  /^(?:[0-9a-fA-F]{2}){5,16}$/,
  "the beginning of an AID: 5 to 16 bytes in hexadecimal digits",
);

/** `policy` of the configuration. @param user the shape of a user: a number or a name */
export function policyShape<U extends ShapeMembers[string]>(user: U) {
  const rule = object({
    effect: is.words("allow", "deny"),
    uid: user,
    program: is.text(MAX_TEXT, "Glob on its executable: the path, or the last part.").optional(),
    reader: is.text(MAX_TEXT, "Glob on the name of the reader.").optional(),
    application: application
      .about("The application that is selected, or is to be: the beginning of its AID.")
      .optional(),
    instructions: list(instruction, 256).about("Instruction bytes, in hexadecimal digits.").optional(),
  });
  return object({
    lastTry: is
      .words("allow", "confirm")
      .about('What becomes of a PIN with one try left; "confirm" waits for scard allow-last-try. Default: allow.')
      .optional(),
    verifications: object({
      count: is.whole(1, 1000, "So many PINs of one program and user are compared."),
      seconds: is.whole(1, 86_400, "In so many seconds."),
    }).optional(),
    readOnly: list(is.text(MAX_TEXT), MAX_RULES)
      .about("Globs on the names of readers whose cards are only read.")
      .optional(),
    rules: list(rule, MAX_RULES).about("Which commands are allowed. The first rule that matches counts.").optional(),
  });
}
