// SPDX-License-Identifier: MIT

import { encodeHex, hexBytes, isBytes } from "../../base/binary/index.ts";
import { ioctls, toPcscliteControlCode } from "../../port/index.ts";
import type { CardExchange } from "./card-exchange.ts";
import { GET_FIRMWARE_NAME } from "./firmware-features.ts";
import type { PinPad } from "./pin-pad.ts";
import { release } from "./quirks.ts";
import {
  featureCode,
  featureList,
  IFD_EXCHANGE,
  type PropertyFacts,
  pinProperties,
  tlvProperties,
  USB_PATH,
  usbPath,
} from "./reader-properties.ts";
import { commandFailure, failureOf } from "./slot-errors.ts";
import { exchangeWhenFree, type SlotAccess } from "./xfr-block.ts";

const OPERATION = "control";
/** Secoder commands that FEATURE_MCT_READER_DIRECT may carry: 20 70 00 00 00 to 20 74 00 00 00. libccid, IFDHControl. */
const secoderCommand = /^207[0-4]000000/;
/** More than any command that the driver answers by itself has. */
const MAX_DRIVER_COMMAND_BYTES = 5;

/** What SCardControl does with a reader. */
export class ReaderControl {
  readonly #access: SlotAccess;
  readonly #facts: PropertyFacts;
  readonly #pinPad: PinPad;

  constructor(access: SlotAccess, facts: PropertyFacts, pinPad: PinPad) {
    this.#access = access;
    this.#facts = facts;
    this.#pinPad = pinPad;
  }

  /** The answer to a control code; undefined for one that the reader does not know. */
  async answer(
    given: number,
    input: Uint8Array,
    exchange: () => CardExchange,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const { traits, usb } = this.#facts;
    switch (toPcscliteControlCode(given)) {
      case ioctls["get-feature-request"].pcsclite:
        return featureList(this.#facts);
      case IFD_EXCHANGE:
        this.#checkEscape(input);
        return await this.#escape(input, this.#access.limits.escapeMs, signal);
      case USB_PATH:
        return usbPath(usb);
      case featureCode("get-tlv-properties"):
        return tlvProperties(this.#facts, await this.#firmwareName(signal));
      case featureCode("ifd-pin-properties"):
        return traits.pin.verify || traits.pin.modify ? pinProperties(this.#facts) : undefined;
      case featureCode("verify-pin-direct"):
        return this.#pinPad.has("verify") ? await this.#pinPad.enter("verify", input, exchange(), signal) : undefined;
      case featureCode("modify-pin-direct"):
        return this.#pinPad.has("modify") ? await this.#pinPad.enter("modify", input, exchange(), signal) : undefined;
      case featureCode("mct-reader-direct"):
        return traits.quirks.mctReaderDirect ? await this.#secoder(input, signal) : undefined;
      default:
        return undefined;
    }
  }

  /** What some drivers answer in place of the card, for programs that want to know the reader. */
  driverAnswer(command: Uint8Array): Uint8Array | undefined {
    const { traits, usb } = this.#facts;
    const { driverAnswers, releaseCommand } = traits.quirks;
    if (driverAnswers === undefined || command.length > MAX_DRIVER_COMMAND_BYTES) return undefined;
    const hex = encodeHex(command).toUpperCase();
    if (hex === releaseCommand) {
      return Uint8Array.of(...new TextEncoder().encode(release(usb.deviceRelease)), 0x90, 0x00);
    }
    const answer = driverAnswers[hex];
    return answer === undefined ? undefined : hexBytes(answer);
  }

  /** @throws no-access where programs may not send this command */
  #checkEscape(input: Uint8Array): void {
    const { allowsEscape, traits } = this.#facts;
    const { allowedEscapes } = traits.quirks;
    if (allowsEscape || allowedEscapes === "all") return;
    const hex = encodeHex(input).toUpperCase();
    // A command of one byte is meant whole; longer ones end in a parameter.
    const isKnown = allowedEscapes?.some((start) =>
      start.length === 2 ? hex === start : hex.startsWith(start) && hex.length === start.length + 2,
    );
    if (isKnown) return;
    const remedy = "allow escape commands to the reader, if programs are to send them (option allowEscape)";
    throw failureOf("no-access", `escape commands go past the card to the reader's firmware: ${remedy}`, OPERATION);
  }

  async #escape(data: Uint8Array, waitMs: number, signal: AbortSignal): Promise<Uint8Array> {
    const answer = await exchangeWhenFree(
      this.#access,
      { name: "escape", data },
      { operation: OPERATION, waitMs, signal },
    );
    // No card is needed: that none is there is no reason to fail.
    if (answer.status === "done") return answer.data;
    throw commandFailure(
      OPERATION,
      { ...answer, icc: "inactive" },
      answer.error === 0 ? "unsupported-feature" : "comm-error",
    );
  }

  async #secoder(input: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    if (!isBytes(input) || !secoderCommand.test(encodeHex(input.subarray(0, MAX_DRIVER_COMMAND_BYTES)).toLowerCase())) {
      throw failureOf("invalid-parameter", "a Secoder command begins with 20 70 to 74 00 00 00", OPERATION);
    }
    return await this.#escape(input, this.#access.limits.escapeMs, signal);
  }

  async #firmwareName(signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (!this.#facts.traits.quirks.firmwareFeatures) return undefined;
    try {
      return await this.#escape(hexBytes(GET_FIRMWARE_NAME), this.#access.limits.commandMs, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    }
  }
}
