// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { type CommandApdu, decodeCommand, instructions as ins } from "../../base/iso7816/index.ts";
import { byteString, type Check, having, listOf, optional, optionsOf, refuse, word } from "../../port/index.ts";
import type { Answer, SoftwareCard } from "../software-card/index.ts";
import { CommandChain, decodeManageChannel, encodeAnswer, status, sw } from "../software-card/index.ts";
import type { ApplicationCommand, CardApplication, CardInterface } from "./card-application.ts";
import { classOfCommand } from "./class-of-command.ts";
import { PendingResponse } from "./pending-response.ts";

/** Limits of a card with applications. */
export const applicationCardLimits = {
  /** Applications on one card. */
  applications: 32,
  /** Data of all commands of a chain, as much as one command with extended length can have. */
  chainedBytes: 65_535,
} as const;

/** What a card with applications is made of. */
export interface ApplicationCardOptions {
  /** The applications, at least one. Where a SELECT fits several, they are found in this order. */
  readonly applications: readonly CardApplication[];
  /** The ATR, 2 to 33 bytes. */
  readonly atr: Uint8Array;
  /** One of the applications, which is the current one after a reset. @default none */
  readonly defaultApplication?: CardApplication | undefined;
  /** How the card is reached. @default contact */
  readonly interface?: CardInterface | undefined;
}

/** An open logical channel. */
interface Channel {
  readonly number: number;
  application: CardApplication | undefined;
  readonly chain: CommandChain;
  readonly response: PendingResponse;
}

const P1_BY_NAME = 0x04;
const MAX_AID_BYTES = 16;
/** P2 of SELECT, bits 2 and 1. ISO/IEC 7816-4:2005, table 40. */
const OCCURRENCE_FIRST = 0;
const OCCURRENCE_LAST = 1;
const OCCURRENCE_NEXT = 2;

/**
 * A card with several applications, of which each logical channel has a current one. The card selects applications by
 * their identifier or the beginning of it, opens and closes 20 logical channels, puts chained commands together, and hands
 * out long answers with 61xx and GET RESPONSE; the applications answer the rest. Secure messaging is refused (6882).
 *
 * The applications keep their state: it lives as long as they do.
 *
 * @see ISO/IEC 7816-4:2005, 5.1.1, 7.1 and 8.2
 */
export class ApplicationCard implements SoftwareCard {
  readonly #applications: readonly CardApplication[];
  readonly #atr: Uint8Array;
  readonly #defaultApplication: CardApplication | undefined;
  readonly #interface: CardInterface;
  readonly #channels = new Map<number, Channel>();
  /** Counts resets: a command that began before the last one is abandoned. */
  #life = 0;

  /**
   * @throws invalid-parameter (no applications or too many, one twice, one without an identifier of 5 to 16 bytes, a default
   * application that is not among them), invalid-value (an unknown interface)
   */
  constructor(options: ApplicationCardOptions) {
    const checked = checkOptions(options, { operation: OPERATION, path: "options" });
    const { applications, atr, defaultApplication, interface: through = "contact" } = checked;
    checkApplications(applications, defaultApplication);
    this.#applications = [...applications];
    this.#atr = copyBytes(atr);
    this.#defaultApplication = defaultApplication;
    this.#interface = through;
    this.#open(0);
  }

  reset(_kind?: "cold" | "warm"): Uint8Array {
    this.#forget();
    this.#open(0);
    return copyBytes(this.#atr);
  }

  powerOff(): void {
    this.#forget();
  }

  async process(bytes: Uint8Array): Promise<Uint8Array> {
    const decoded = decodeCommand(bytes);
    if (!decoded.ok) return encodeAnswer(status(sw.wrongLength));
    const command = decoded.value;
    try {
      return encodeAnswer(await this.#answer(command));
    } finally {
      // It may hold a PIN.
      zeroBytes(command.data);
    }
  }

  async #answer(command: CommandApdu): Promise<Answer> {
    const commandClass = classOfCommand(command.cla);
    if ("status" in commandClass) return commandClass;
    const channel = this.#channels.get(commandClass.channel);
    if (channel === undefined) return status(sw.channelNotSupported);
    if (command.ins === ins.GET_RESPONSE) {
      channel.chain.drop();
      return channel.response.getResponse(command);
    }
    channel.response.drop();
    if (commandClass.chaining) return channel.chain.add(command);
    const whole = channel.chain.end(command);
    if (!whole.ok) return whole.error;
    const life = this.#life;
    try {
      const answer = whole.value.answer(await this.#carryOut(channel, commandClass.cla, whole.value.command));
      return life === this.#life ? channel.response.begin(answer, command) : status(sw.noDiagnosis);
    } finally {
      zeroBytes(whole.value.command.data);
    }
  }

  /** An application may fail in any way: the client gets 6F00, and no word of why. */
  async #carryOut(channel: Channel, cla: number, command: CommandApdu): Promise<Answer> {
    try {
      const answer = await this.#dispatch(channel, cla, command);
      return Number.isInteger(answer.status) && answer.status >= 0x6100 && answer.status <= 0x9fff
        ? answer
        : status(sw.noDiagnosis);
    } catch {
      return status(sw.noDiagnosis);
    }
  }

  #dispatch(channel: Channel, cla: number, command: CommandApdu): Answer | Promise<Answer> {
    if (cla === 0x00 && command.ins === ins.SELECT && command.p1 === P1_BY_NAME) return this.#select(channel, command);
    if (cla === 0x00 && command.ins === ins.MANAGE_CHANNEL) return this.#manageChannel(channel, command);
    const { application } = channel;
    if (application !== undefined) return application.process(this.#commandFor(channel, cla, command));
    return status(command.ins === ins.SELECT ? sw.fileNotFound : sw.wrongInstruction);
  }

  #commandFor(channel: Channel, cla: number, command: CommandApdu): ApplicationCommand {
    const life = this.#life;
    const isAbandoned = (): boolean => life !== this.#life;
    return {
      ...command,
      cla,
      channel: channel.number,
      interface: this.#interface,
      get abandoned() {
        return isAbandoned();
      },
    };
  }

  /** SELECT by name. One that fails leaves everything as it was. ISO/IEC 7816-4:2005, 7.1.1. */
  #select(channel: Channel, { p2, data, le }: CommandApdu): Answer {
    if ((p2 & 0xf0) !== 0) return status(sw.wrongP1P2);
    if (data.length > MAX_AID_BYTES) return status(sw.wrongLcForP1P2);
    const application = this.#find(channel, data, p2 & 0x03);
    if (application === undefined) return status(sw.fileNotFound);
    const before = channel.application;
    const again = before === application;
    if (!again && this.#isBusy(application)) return status(sw.conditionsNotSatisfied);
    const answer = application.select({ aid: data, p2, le, channel: channel.number, again });
    if (!selects(answer)) return answer;
    channel.application = application;
    if (!again) before?.deselect(channel.number);
    return answer;
  }

  /** Without a name, the default application. */
  #find(channel: Channel, name: Uint8Array, occurrence: number): CardApplication | undefined {
    if (name.length === 0) return this.#defaultApplication;
    const found = this.#applications.filter(({ aid }) => name.every((byte, at) => aid[at] === byte));
    if (occurrence === OCCURRENCE_FIRST) return found[0];
    if (occurrence === OCCURRENCE_LAST) return found.at(-1);
    const here = channel.application === undefined ? -1 : found.indexOf(channel.application);
    if (occurrence === OCCURRENCE_NEXT) return found[here + 1];
    return found[(here < 0 ? found.length : here) - 1];
  }

  #isBusy(application: CardApplication): boolean {
    if (application.multiSelectable === true) return false;
    return [...this.#channels.values()].some((channel) => channel.application === application);
  }

  /** A new channel begins with the default application, unless that one is busy elsewhere. */
  #manageChannel(channel: Channel, command: CommandApdu): Answer {
    const request = decodeManageChannel(command, channel.number, (number) => this.#channels.has(number));
    if (!request.ok) return request.error;
    const { action, answer, channel: number } = request.value;
    if (action === "open") this.#open(number);
    else this.#close(number);
    return answer;
  }

  #open(number: number): void {
    const channel: Channel = {
      number,
      application: undefined,
      chain: new CommandChain(applicationCardLimits.chainedBytes),
      response: new PendingResponse(),
    };
    this.#channels.set(number, channel);
    const application = this.#defaultApplication;
    if (application === undefined || this.#isBusy(application)) return;
    try {
      const answer = application.select({ aid: application.aid, p2: 0, le: undefined, channel: number, again: false });
      if (selects(answer)) channel.application = application;
    } catch {
      // The channel has no current application then.
    }
  }

  #close(number: number): void {
    const channel = this.#channels.get(number);
    this.#channels.delete(number);
    if (channel === undefined) return;
    channel.chain.drop();
    channel.response.drop();
    channel.application?.deselect(number);
  }

  #forget(): void {
    this.#life++;
    for (const channel of this.#channels.values()) {
      channel.chain.drop();
      channel.response.drop();
    }
    this.#channels.clear();
    for (const application of this.#applications) application.reset();
  }
}

/** A warning selects as well: an application that is terminated is found with 6285. */
function selects({ status: word }: Answer): boolean {
  return word === sw.success || (word >= 0x6200 && word <= 0x63ff);
}

const OPERATION = "ApplicationCard";
const MIN_AID_BYTES = 5;

const methods = having<CardApplication>(["select", "deselect", "reset", "process"], "an application");
const application: Check<CardApplication> = (value, place) => {
  const checked = methods(value, place);
  const { length } = byteString(checked.aid, { ...place, path: `${place.path}.aid` });
  if (length >= MIN_AID_BYTES && length <= MAX_AID_BYTES) return checked;
  const remedy = `an application identifier has ${MIN_AID_BYTES} to ${MAX_AID_BYTES} bytes`;
  return refuse({ ...place, path: `${place.path}.aid` }, `${length} bytes long`, remedy);
};

const checkOptions = optionsOf<ApplicationCardOptions>({
  applications: listOf(application, "applications", applicationCardLimits.applications),
  atr: byteString,
  defaultApplication: optional(application),
  interface: optional(word<CardInterface>({ contact: 0, contactless: 1 }, "interface")),
});

function checkApplications(
  applications: readonly CardApplication[],
  defaultApplication: CardApplication | undefined,
): void {
  const place = { operation: OPERATION, path: "options.applications" };
  if (applications.length === 0) refuse(place, "empty", "pass at least one application");
  if (new Set(applications).size < applications.length) {
    refuse(place, "an application twice", "pass each of them once");
  }
  if (defaultApplication !== undefined && !applications.includes(defaultApplication)) {
    const other = { ...place, path: "options.defaultApplication" };
    refuse(other, "another application", "pass one that is in applications");
  }
}
