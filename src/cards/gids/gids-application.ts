// SPDX-License-Identifier: MIT

import { instructions as ins } from "../../base/iso7816/index.ts";
import type { ApplicationCommand, CardApplication, SelectRequest } from "../applications/index.ts";
import type { CardCrypto } from "../crypto/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { generalAuthenticate, internalAuthenticate } from "./authentication-commands.ts";
import { getData, putData } from "./data-commands.ts";
import { activateFile, applicationAnswer, createFile, deleteFile, selectFile, terminate } from "./file-commands.ts";
import type { GidsImage } from "./gids-image.ts";
import { forget, type GidsSession } from "./gids-session.ts";
import { gidsAid } from "./identifiers.ts";
import { generateKeyPair, manageSecurityEnvironment } from "./key-commands.ts";
import { changeReferenceData, resetRetryCounter, verify } from "./pin-commands.ts";
import { performSecurityOperation } from "./security-operations.ts";
import { SecurityStatus } from "./security-status.ts";

type Command = (session: GidsSession, command: ApplicationCommand) => Answer | Promise<Answer>;

/** Commands that take BER-TLV have the odd instruction. GIDS 2.0, table 36. */
const GENERATE = ins.GENERATE_ASYMMETRIC_KEY_PAIR + 1;
const GENERAL_AUTHENTICATE = ins.GENERAL_AUTHENTICATE + 1;
const GET_DATA = ins.GET_DATA + 1;
const PUT_DATA = ins.PUT_DATA + 1;

const commands: ReadonlyMap<number, Command> = new Map<number, Command>([
  [ins.SELECT, selectFile],
  [ins.CREATE_FILE, createFile],
  [ins.DELETE_FILE, deleteFile],
  [ins.ACTIVATE_FILE, activateFile],
  [ins.TERMINATE_DF, terminate],
  [GET_DATA, getData],
  [PUT_DATA, putData],
  [ins.VERIFY, verify],
  [ins.CHANGE_REFERENCE_DATA, changeReferenceData],
  [ins.RESET_RETRY_COUNTER, resetRetryCounter],
  [GENERATE, generateKeyPair],
  [ins.MANAGE_SECURITY_ENVIRONMENT, manageSecurityEnvironment],
  [ins.PERFORM_SECURITY_OPERATION, performSecurityOperation],
  [GENERAL_AUTHENTICATE, generalAuthenticate],
  [ins.INTERNAL_AUTHENTICATE, internalAuthenticate],
]);

/** What is left of a terminated application. GIDS 2.0, 8.4.1. */
const readingCommands: ReadonlySet<number> = new Set([ins.SELECT, GET_DATA]);

/** What a {@link GidsApplication} is made of. */
interface GidsApplicationOptions {
  /** The application with its contents. It is kept up to date: save it after each change. */
  readonly image: GidsImage;
  readonly crypto: CardCrypto;
  /** Called after each change of the state, which has to be saved then. @default nothing */
  readonly changed?: (() => void) | undefined;
}

/**
 * The application of the Generic Identity Device Specification, version 2.0: files of data objects and of keys with access
 * rules, the user's PIN, the administrator's key, RSA and the NIST curves. Windows' own minidriver and OpenSC take it for a
 * GIDS card.
 *
 * @see Microsoft, "Generic Identity Device Specification", version 2.0
 */
export class GidsApplication implements CardApplication {
  readonly aid: Uint8Array = gidsAid;
  readonly #session: GidsSession;

  constructor({ image, crypto, changed }: GidsApplicationOptions) {
    this.#session = {
      image,
      crypto,
      security: new SecurityStatus(),
      current: undefined,
      environment: new Map(),
      changed: changed ?? (() => undefined),
    };
  }

  /** Selecting it again changes nothing but the current file. GIDS 2.0, 13.15. */
  select({ again, p2 }: SelectRequest): Answer {
    const answer = applicationAnswer(this.#session.image, p2);
    if (answer.status !== sw.success && answer.status !== sw.terminated) return answer;
    if (!again) forget(this.#session);
    this.#session.current = undefined;
    return answer;
  }

  deselect(): void {
    forget(this.#session);
  }

  reset(): void {
    forget(this.#session);
  }

  process(command: ApplicationCommand): Answer | Promise<Answer> {
    if (command.cla !== 0x00) return status(sw.wrongClass);
    if (command.ins !== GENERAL_AUTHENTICATE) this.#session.security.forgetChallenge();
    const carryOut = commands.get(command.ins);
    if (carryOut === undefined) return status(sw.wrongInstruction);
    const isOver = this.#session.image.lifeCycle === "terminated" && !readingCommands.has(command.ins);
    return isOver ? status(sw.conditionsNotSatisfied) : carryOut(this.#session, command);
  }
}
