// SPDX-License-Identifier: MIT

import { hexBytes } from "../../base/binary/index.ts";
import { applicationIdentifiers } from "../../base/iso7816/index.ts";
import type { ApplicationCommand, CardApplication } from "../applications/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { capabilityMask, serialBytes, type TokenDescription } from "./token.ts";

const READ_CONFIG = 0x1d;
const FORM_FACTOR_KEYCHAIN = 0x01;

/**
 * The management application of Yubico's tokens, as far as it tells what the token is. Nothing can be configured.
 *
 * @see the package yubikey-manager, yubikit/management.py
 */
export class ManagementApplication implements CardApplication {
  readonly aid: Uint8Array = hexBytes(applicationIdentifiers.yubicoManagement);
  readonly #token: TokenDescription;

  constructor(token: TokenDescription) {
    this.#token = token;
  }

  /** Programs take the version out of this text. */
  select(): Answer {
    const text = `Virtual mgr - FW version ${this.#token.firmware.join(".")}`;
    return { status: sw.success, data: new TextEncoder().encode(text) };
  }

  deselect(): void {}

  reset(): void {}

  process({ cla, ins, p1, p2, data }: ApplicationCommand): Answer {
    if (cla !== 0x00) return status(sw.wrongClass);
    if (ins !== READ_CONFIG) return status(sw.wrongInstruction);
    // There is one page.
    if (p1 !== 0 || p2 !== 0) return status(sw.wrongP1P2);
    if (data.length > 0) return status(sw.wrongLength);
    return { status: sw.success, data: deviceInformation(this.#token) };
  }
}

/** What a token says of itself: a length, and data objects. */
export function deviceInformation(token: TokenDescription): Uint8Array {
  const mask = capabilityMask(token);
  const capabilities = [mask >> 8, mask & 0xff];
  const objects = [
    [0x01, ...capabilities],
    [0x02, ...serialBytes(token)],
    [0x03, ...capabilities],
    [0x04, FORM_FACTOR_KEYCHAIN],
    [0x05, ...token.firmware],
    // No automatic ejection, no time limit of challenges, no flags.
    [0x06, 0x00, 0x00],
    [0x07, 0x0f],
    [0x08, 0x00],
    // Through the air it does the same.
    [0x0d, ...capabilities],
    [0x0e, ...capabilities],
    // No lock code.
    [0x0a, 0x00],
  ];
  const body = objects.flatMap(([tag = 0, ...value]) => [tag, value.length, ...value]);
  return Uint8Array.from([body.length, ...body]);
}
