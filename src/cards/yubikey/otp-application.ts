// SPDX-License-Identifier: MIT

import { hexBytes } from "../../base/binary/index.ts";
import { applicationIdentifiers } from "../../base/iso7816/index.ts";
import type { ApplicationCommand, CardApplication } from "../applications/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { deviceInformation } from "./management-application.ts";
import { serialBytes, type TokenDescription } from "./token.ts";

const CONFIGURE = 0x01;
const READ_STATUS = 0x03;
/** P1 of the command that configures: what it does. */
const P1_SERIAL = 0x10;
const P1_DEVICE_INFORMATION = 0x13;

/**
 * The one-time password application of Yubico's tokens, with nothing programmed: programs read the serial number here, of
 * tokens before firmware 5.
 *
 * @see the package yubikey-manager, yubikit/yubiotp.py
 */
export class OtpApplication implements CardApplication {
  readonly aid: Uint8Array = hexBytes(applicationIdentifiers.yubicoOtp);
  readonly #token: TokenDescription;

  constructor(token: TokenDescription) {
    this.#token = token;
  }

  select(): Answer {
    return { status: sw.success, data: this.#status() };
  }

  deselect(): void {}

  reset(): void {}

  process({ cla, ins, p1, p2 }: ApplicationCommand): Answer {
    if (cla !== 0x00) return status(sw.wrongClass);
    if (ins === READ_STATUS && p1 === 0 && p2 === 0) return { status: sw.success, data: this.#status() };
    if (ins !== CONFIGURE) return status(sw.wrongInstruction);
    if (p2 !== 0) return status(sw.wrongP1P2);
    if (p1 === P1_SERIAL) return { status: sw.success, data: serialBytes(this.#token) };
    if (p1 === P1_DEVICE_INFORMATION) return { status: sw.success, data: deviceInformation(this.#token) };
    return status(sw.wrongP1P2);
  }

  /** The version, how often it was programmed, and what of it is valid. */
  #status(): Uint8Array {
    return Uint8Array.from([...this.#token.firmware, 0, 0, 0]);
  }
}
