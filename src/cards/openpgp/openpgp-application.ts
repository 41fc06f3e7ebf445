// SPDX-License-Identifier: MIT

import {
  type OpenPgpKeyUse,
  openPgpInstructions,
  openPgpKeys,
  openPgpTags as tags,
  openPgpYubicoInstructions as yubico,
} from "../../base/card-applications/index.ts";
import { encodeBerTlv, instructions as ins } from "../../base/iso7816/index.ts";
import type { ApplicationCommand, CardApplication, SelectRequest } from "../applications/index.ts";
import type { CardCrypto } from "../crypto/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { attestKey } from "./attestation.ts";
import { generateKeyPair, manageSecurityEnvironment } from "./key-commands.ts";
import type { OpenPgpImage } from "./openpgp-image.ts";
import type { OpenPgpSession } from "./openpgp-session.ts";
import { OpenPgpState } from "./openpgp-state.ts";
import { changeReferenceData, resetRetryCounter, verify } from "./password-commands.ts";
import { getChallenge, getData, getNextData, selectData } from "./read-commands.ts";
import { internalAuthenticate, performSecurityOperation } from "./security-operations.ts";
import { putData, putDataOdd } from "./write-commands.ts";
import { getVersion, setPasswordTries } from "./yubico-commands.ts";

type Command = (session: OpenPgpSession, command: ApplicationCommand) => Answer | Promise<Answer>;

/** Commands that take BER-TLV have the odd instruction. OpenPGP card 3.4.1, 7.1. */
const GENERATE = ins.GENERATE_ASYMMETRIC_KEY_PAIR + 1;
const PUT_DATA_ODD = ins.PUT_DATA + 1;

const commands: ReadonlyMap<number, Command> = new Map<number, Command>([
  [ins.VERIFY, verify],
  [ins.CHANGE_REFERENCE_DATA, changeReferenceData],
  [ins.RESET_RETRY_COUNTER, resetRetryCounter],
  [ins.MANAGE_SECURITY_ENVIRONMENT, manageSecurityEnvironment],
  [ins.PERFORM_SECURITY_OPERATION, performSecurityOperation],
  [GENERATE, generateKeyPair],
  [ins.GET_CHALLENGE, getChallenge],
  [ins.INTERNAL_AUTHENTICATE, internalAuthenticate],
  [openPgpInstructions.SELECT_DATA, selectData],
  [ins.GET_DATA, getData],
  [openPgpInstructions.GET_NEXT_DATA, getNextData],
  [ins.PUT_DATA, putData],
  [PUT_DATA_ODD, putDataOdd],
]);

const CLA_PROPRIETARY = 0x80;
const yubicoCommands: ReadonlyMap<number, Command> = new Map<number, Command>([
  [yubico.GET_VERSION, getVersion],
  [yubico.SET_PIN_RETRIES, setPasswordTries],
]);

const TAG_FCI = 0x6f;
const TAG_DF_NAME = 0x84;
/** What a factory reset leaves as it is. */
const attestationObjects: readonly number[] = [
  openPgpKeys.attestation.fingerprint,
  openPgpKeys.attestation.generationTime,
  tags.attestationCertificate,
];
/** P2 of SELECT, bits 4 and 3: no answer is wanted. */
const NO_ANSWER = 0x0c;

/** What an {@link OpenPgpApplication} is made of. */
export interface OpenPgpApplicationOptions {
  /** The application with its contents. It is kept up to date: save it after each change. */
  readonly image: OpenPgpImage;
  readonly crypto: CardCrypto;
  /** Called after each change of the state, which has to be saved then. @default nothing */
  readonly changed?: (() => void) | undefined;
  /**
   * Answers for the user where a key's user interaction flag (UIF) demands a touch: false lets the command fail with 6600.
   * @default a touch each time
   */
  readonly touched?: ((use: OpenPgpKeyUse) => boolean | Promise<boolean>) | undefined;
}

/**
 * The OpenPGP application, version 3.4.1: passwords, data objects, and three keys for signatures, decryption and
 * authentication, with RSA and elliptic curves. GnuPG and OpenSC take it for an OpenPGP card.
 *
 * @see "Functional Specification of the OpenPGP application on ISO Smart Card Operating Systems", version 3.4.1
 */
export class OpenPgpApplication implements CardApplication {
  readonly #image: OpenPgpImage;
  readonly #session: OpenPgpSession;

  constructor({ image, crypto, changed, touched }: OpenPgpApplicationOptions) {
    this.#image = image;
    this.#session = {
      identity: image.identity,
      get state() {
        return image.state;
      },
      crypto,
      verified: { signature: false, other: false, admin: false },
      chosen: { decryption: "decryption", authentication: "authentication" },
      certificate: 0,
      current: undefined,
      touched: touched ?? (() => true),
      changed: changed ?? (() => undefined),
    };
  }

  get aid(): Uint8Array {
    return this.#image.identity.aid;
  }

  select({ p2 }: SelectRequest): Answer {
    this.#forget();
    const word = this.#image.state.terminated ? sw.terminated : sw.success;
    // Yubico's keys say nothing of themselves here.
    if ((p2 & NO_ANSWER) === NO_ANSWER || this.#session.identity.yubico !== undefined) return status(word);
    const children = [{ tag: TAG_DF_NAME, value: this.aid }];
    return { status: word, data: encodeBerTlv([{ tag: TAG_FCI, children }]) };
  }

  deselect(): void {
    this.#forget();
  }

  reset(): void {
    this.#forget();
  }

  process(command: ApplicationCommand): Answer | Promise<Answer> {
    const isYubico = this.#session.identity.yubico !== undefined;
    if (isYubico && command.cla === CLA_PROPRIETARY && command.ins === yubico.GET_ATTESTATION) {
      return this.#image.state.terminated ? status(sw.conditionsNotSatisfied) : attestKey(this.#session, command);
    }
    if (command.cla !== 0x00) return status(sw.wrongClass);
    if (command.ins === ins.TERMINATE_DF) return this.#terminate(command);
    if (command.ins === ins.ACTIVATE_FILE) return this.#activate(command);
    const own = isYubico ? yubicoCommands.get(command.ins) : undefined;
    const carryOut = commands.get(command.ins) ?? own;
    if (carryOut === undefined) return status(sw.wrongInstruction);
    if (this.#image.state.terminated) return status(sw.conditionsNotSatisfied);
    return carryOut(this.#session, command);
  }

  /** Allowed with PW3, and without it where no try of it is left. OpenPGP card 3.4.1, 7.2.16. */
  #terminate({ p1, p2, data }: ApplicationCommand): Answer {
    if (p1 !== 0x00 || p2 !== 0x00) return status(sw.wrongOffset);
    if (data.length > 0) return status(sw.wrongData);
    const { state, verified } = this.#session;
    const admin = state.isAdminless ? state.pw1 : state.pw3;
    const isAllowed = verified.admin || admin.triesLeft === 0 || state.terminated;
    if (!isAllowed) return status(sw.securityNotSatisfied);
    state.terminated = true;
    this.#wasReset();
    return status(sw.success);
  }

  /** After TERMINATE DF the card is as it left the factory. OpenPGP card 3.4.1, 7.2.17. */
  #activate({ p1, p2, data }: ApplicationCommand): Answer {
    if (p1 !== 0x00 || p2 !== 0x00) return status(sw.wrongOffset);
    if (data.length > 0) return status(sw.wrongData);
    const before = this.#image.state;
    if (!before.terminated) return status(sw.success);
    const isYubico = this.#session.identity.yubico !== undefined;
    const after = new OpenPgpState(undefined, isYubico);
    // It belongs to the device, not to its user.
    if (isYubico) after.takeKey("attestation", before, attestationObjects);
    this.#image.state = after;
    before.clear();
    this.#wasReset();
    return status(sw.success);
  }

  /** Yubico's keys go on to take passwords for verified that were so before a factory reset, and programs count on it. */
  #wasReset(): void {
    if (this.#session.identity.yubico === undefined) this.#forget();
    else this.#beginAnew();
    this.#session.changed();
  }

  #forget(): void {
    const { verified } = this.#session;
    verified.signature = false;
    verified.other = false;
    verified.admin = false;
    this.#beginAnew();
  }

  /** Forgets what commands have chosen. */
  #beginAnew(): void {
    const { chosen } = this.#session;
    chosen.decryption = "decryption";
    chosen.authentication = "authentication";
    this.#session.certificate = 0;
    this.#session.current = undefined;
  }
}
