// SPDX-License-Identifier: MIT

import { pivYubicoInstructions as yubico } from "../../base/card-applications/index.ts";
import { encodeDataObject, instructions as ins } from "../../base/iso7816/index.ts";
import type { ApplicationCommand, CardApplication, SelectRequest } from "../applications/index.ts";
import type { CardCrypto } from "../crypto/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { generalAuthenticate } from "./general-authenticate.ts";
import { pivAid, pivPix, pivRid } from "./identifiers.ts";
import { attestKey, generateKeyPair, importKey, moveKey } from "./key-commands.ts";
import { getData, putData } from "./object-commands.ts";
import { changeReferenceData, resetRetryCounter, verify } from "./pin-commands.ts";
import { isYubico, type PivContext, type PivInstruction } from "./piv-context.ts";
import type { PivImage } from "./piv-image.ts";
import { SecurityStatus } from "./security-status.ts";
import { getMetadata, getSerial, getVersion, reset, setManagementKey, setPinRetries } from "./yubico-commands.ts";

/** Commands of NIST SP 800-73-4 part 2, by INS. Those that take BER-TLV have the odd instruction. */
const standardInstructions: ReadonlyMap<number, PivInstruction> = new Map<number, PivInstruction>([
  [ins.VERIFY, verify],
  [ins.CHANGE_REFERENCE_DATA, changeReferenceData],
  [ins.RESET_RETRY_COUNTER, resetRetryCounter],
  [ins.GENERATE_ASYMMETRIC_KEY_PAIR + 1, generateKeyPair],
  [ins.GENERAL_AUTHENTICATE + 1, generalAuthenticate],
  [ins.GET_DATA + 1, getData],
  [ins.PUT_DATA + 1, putData],
]);

/** Commands that only Yubico's tokens have. */
const yubicoInstructions: ReadonlyMap<number, PivInstruction> = new Map<number, PivInstruction>([
  [yubico.MOVE_KEY, moveKey],
  [yubico.GET_METADATA, getMetadata],
  [yubico.GET_SERIAL, getSerial],
  [yubico.ATTEST, attestKey],
  [yubico.SET_PIN_RETRIES, setPinRetries],
  [yubico.RESET, reset],
  [yubico.GET_VERSION, getVersion],
  [yubico.IMPORT_KEY, importKey],
  [yubico.SET_MANAGEMENT_KEY, setManagementKey],
]);

/** What a PIV card application works with. */
export interface PivApplicationOptions {
  /** What the card keeps. The application changes it. */
  readonly image: PivImage;
  readonly crypto: CardCrypto;
  /** Is called after each change of the image: save it now. */
  readonly changed?: () => void;
}

/**
 * The PIV card application, with the commands of Yubico's tokens where the image says so. It does not do secure messaging
 * and has no virtual contact interface, as no token of that maker has.
 *
 * @see NIST SP 800-73-4 parts 1 and 2; SP 800-78-5
 */
export class PivApplication implements CardApplication {
  readonly aid: Uint8Array = pivAid();
  readonly #card: PivContext;

  constructor({ image, crypto, changed = () => {} }: PivApplicationOptions) {
    this.#card = { image, crypto, changed, security: new SecurityStatus() };
  }

  /** The application property template. NIST SP 800-73-4 part 2, 3.1.1. */
  select({ again }: SelectRequest): Answer {
    // The standard keeps the security status where the application was selected already; Yubico's tokens forget it.
    if (!again || isYubico(this.#card)) this.#card.security.clear();
    const authority = encodeDataObject(0x79, encodeDataObject(0x4f, pivRid()));
    return { status: sw.success, data: encodeDataObject(0x61, encodeDataObject(0x4f, pivPix()), authority) };
  }

  deselect(): void {
    this.#card.security.clear();
  }

  reset(): void {
    this.#card.security.clear();
  }

  process(command: ApplicationCommand): Answer | Promise<Answer> {
    this.#card.security.begin();
    if (command.cla !== 0x00) return status(sw.wrongClass);
    const own = isYubico(this.#card) ? yubicoInstructions.get(command.ins) : undefined;
    const instruction = standardInstructions.get(command.ins) ?? own;
    return instruction?.(this.#card, command) ?? status(sw.wrongInstruction);
  }
}
