// SPDX-License-Identifier: MIT

import { bigEndianNumber, hexBytes } from "../../base/binary/index.ts";
import {
  gidsPinTags,
  openPgpTags,
  pivMetadataTags,
  pivYubicoInstructions,
} from "../../base/card-applications/index.ts";
import {
  applicationIdentifiers,
  type BerTlv,
  type CommandApdu,
  decodeBerTlv,
  decodeFileControl,
  findBerTlv,
  instructions,
} from "../../base/iso7816/index.ts";
import { type CommandView, comparesReferenceData } from "./command-view.ts";

/** Logical channels of ISO/IEC 7816-4, 5.1.1.2: 0 to 19. */
const CHANNELS = 20;
/** So many retry counters are remembered for one card. */
const MOST_COUNTERS = 64;

const piv = hexBytes(applicationIdentifiers.piv);
const openPgp = hexBytes(applicationIdentifiers.openPgp);
const gids = hexBytes(applicationIdentifiers.gids);

/** A retry counter. */
interface Counter {
  /** The application that has it; undefined where it was not known. */
  readonly application: Uint8Array | undefined;
  /** Which PIN, PUK or code: see {@link referenceOf}. */
  readonly reference: number;
  left: number;
}

/** P2 of RESET RETRY COUNTER names the PIN that is set; the code that is compared is another one. */
const RESETTING_CODE = 0x100;

/**
 * What was seen of the card in one reader: the application on each logical channel, and how many tries of a PIN are left. Each
 * command of each program goes through here, so that it is the card's state and not that of one connection.
 */
export class CardView {
  /** Only the channels whose application is known. */
  readonly #channels = new Map<number, Uint8Array>();
  #counters: Counter[] = [];

  /** Nothing is known of what is selected any more: the card was reset, or powered again. */
  unselect(): void {
    this.#channels.clear();
  }

  /** The applications that a command can be for. Undefined stands for one that is not known. */
  applicationsOf({ channel }: CommandView): readonly (Uint8Array | undefined)[] {
    if (channel !== undefined) return [this.#channels.get(channel)];
    // The channel is in bits that only the application knows.
    return this.#channels.size === 0 ? [undefined] : [this.#channels.get(0), ...this.#channels.values()];
  }

  /** The fewest tries that are known to be left of what a command compares; undefined where nothing is known. */
  triesLeft(view: CommandView): number | undefined {
    const { command } = view;
    if (command === undefined) return this.fewest();
    const known = this.applicationsOf(view).flatMap((application) => {
      const references = referencesOf(command, view.instruction, application);
      return this.#counters.filter((counter) => references(counter.reference) && mayBe(counter, application));
    });
    return lowest(known);
  }

  /** The fewest tries of any PIN of this card; undefined where nothing is known. */
  fewest(): number | undefined {
    return lowest(this.#counters.filter(({ left }) => left > 0));
  }

  /** Takes the answer to a command. @param response undefined where there was none */
  after(view: CommandView, response: Uint8Array | undefined): void {
    const data = response?.subarray(0, -2) ?? new Uint8Array(0);
    const statusWord =
      response === undefined || response.length < 2 ? undefined : bigEndianNumber(response.subarray(-2));
    if (comparesReferenceData(view.instruction)) this.#compared(view, statusWord);
    else if (statusWord === 0x9000) this.#told(view, data);
    this.#follow(view, data, statusWord);
  }

  /** Takes what a PIN pad was answered. */
  afterControl(view: CommandView, output: Uint8Array | undefined): void {
    if (output === undefined || output.length < 2 || !comparesReferenceData(view.instruction)) return;
    this.#compared(view, bigEndianNumber(output.subarray(-2)));
  }

  #compared(view: CommandView, statusWord: number | undefined): void {
    const { carriesReferenceData, command, instruction } = view;
    if (command === undefined || statusWord === undefined) return;
    const [application] = this.applicationsOf(view);
    const reference = referenceOf(command, instruction, application);
    if ((statusWord & 0xfff0) === 0x63c0) this.#set(application, reference, statusWord & 0x0f);
    else if (statusWord === 0x6983) this.#set(application, reference, 0);
    else if (!carriesReferenceData || view.chained) return;
    else if (statusWord === 0x9000) {
      this.#forget(application, reference);
      // The PIN that was set has all its tries again.
      if (instruction === instructions.RESET_RETRY_COUNTER) this.#forget(application, aliasOf(command.p2, application));
    } else if (statusWord === 0x6982 || statusWord === 0x6300) {
      // A wrong password of OpenPGP: the card does not say what is left. OpenPGP card 3.4.1, 7.9.
      for (const counter of this.#counters)
        if (counter.reference === reference && mayBe(counter, application))
          counter.left = Math.max(1, counter.left - 1);
    }
  }

  /** Takes retry counters that commands of applications tell. */
  #told(view: CommandView, data: Uint8Array): void {
    const { command, instruction } = view;
    const [application] = this.applicationsOf(view);
    if (command === undefined || application === undefined) return;
    if (startsWith(application, openPgp) && instruction === instructions.GET_DATA)
      this.#openPgpStatus(application, (command.p1 << 8) | command.p2, data);
    if (startsWith(application, piv) && command.ins === pivYubicoInstructions.GET_METADATA) {
      const left = valueIn(data, pivMetadataTags.tries)?.[1];
      if (left !== undefined) this.#set(application, command.p2, left);
    }
    if (startsWith(application, gids) && instruction === instructions.GET_DATA) {
      for (const [tag, reference] of [
        [gidsPinTags.pin, 0x80],
        [gidsPinTags.globalPin, 0x80],
        [gidsPinTags.puk, RESETTING_CODE | 0x80],
      ] as const) {
        const left = valueIn(data, tag, gidsPinTags.triesLeft)?.at(-1);
        if (left !== undefined) this.#set(application, reference, left);
      }
    }
  }

  /** PW status bytes: tries of PW1, the resetting code and PW3 are the last three of seven. OpenPGP card 3.4.1, 4.4.1. */
  #openPgpStatus(application: Uint8Array, tag: number, data: Uint8Array): void {
    const status = tag === openPgpTags.passwordStatus ? data : valueIn(data, 0x6e, 0x73, openPgpTags.passwordStatus);
    if (status?.length !== 7) return;
    for (const [at, reference] of [
      [4, 0x81],
      [5, RESETTING_CODE | 0x81],
      [6, 0x83],
    ] as const)
      this.#set(application, reference, status[at] ?? 0);
  }

  #set(application: Uint8Array | undefined, reference: number, left: number): void {
    this.#forget(application, reference);
    if (this.#counters.length >= MOST_COUNTERS) this.#counters.shift();
    this.#counters.push({ application: application && Uint8Array.from(application), reference, left });
  }

  #forget(application: Uint8Array | undefined, reference: number): void {
    this.#counters = this.#counters.filter(
      (counter) => counter.reference !== reference || !mayBe(counter, application),
    );
  }

  /** Remembers what a command selected. */
  #follow(view: CommandView, data: Uint8Array, statusWord: number | undefined): void {
    const { channel, command, instruction, unreadable } = view;
    if (instruction !== undefined && unreadable?.includes("secure messaging") && !changesSelection(instruction)) return;
    // What is done with an unreadable command, or in a class that only the application knows, may select anything.
    const isKnown = command !== undefined && unreadable === undefined;
    if (!isKnown || (instruction === instructions.SELECT && channel === undefined)) {
      this.unselect();
    } else if (instruction === instructions.SELECT && channel !== undefined) {
      this.#selected(command, channel, data, statusWord);
    } else if (instruction === instructions.MANAGE_CHANNEL) {
      this.#managed(command, data);
    }
  }

  #selected(command: CommandApdu, channel: number, data: Uint8Array, statusWord: number | undefined): void {
    const sw1 = statusWord === undefined ? undefined : statusWord >> 8;
    if (sw1 === undefined) this.#channels.delete(channel);
    // What cannot be selected leaves the selection. ISO/IEC 7816-4:2005, 7.1.1.
    if (sw1 === undefined || ![0x90, 0x61, 0x62, 0x63, 0x9f].includes(sw1)) return;
    // An elementary file under the current application. ISO/IEC 7816-4:2005, table 39.
    if (command.p1 === 0x02) return;
    const told = decodeFileControl(data).dfName;
    const name = told !== undefined && told.length >= 5 ? told : command.data;
    if (command.p1 === 0x04 && name.length >= 5) this.#channels.set(channel, Uint8Array.from(name.subarray(0, 16)));
    else this.#channels.delete(channel);
  }

  /** Which application is selected on a channel that was opened depends on the card. ISO/IEC 7816-4:2005, 7.1.2. */
  #managed({ p2 }: CommandApdu, data: Uint8Array): void {
    const channel = p2 !== 0 ? p2 : data[0];
    if (channel === undefined || channel >= CHANNELS) this.unselect();
    else this.#channels.delete(channel);
  }
}

function changesSelection(instruction: number): boolean {
  return (
    instruction === instructions.SELECT ||
    instruction === instructions.MANAGE_CHANNEL ||
    instruction === instructions.ENVELOPE
  );
}

/**
 * The PIN, PUK or code that a command compares: P2, or for RESET RETRY COUNTER the code beside it. PW1 of OpenPGP has two numbers
 * and one counter (4.2.2.2 of its specification); the PUK of PIV is 81 (NIST SP 800-73-4 part 2, 3.2.3).
 */
function referenceOf(
  { p1, p2 }: CommandApdu,
  instruction: number | undefined,
  application: Uint8Array | undefined,
): number {
  const alias = aliasOf(p2, application);
  if (instruction !== instructions.RESET_RETRY_COUNTER) return alias;
  if (startsWith(application, piv)) return 0x81;
  // With P1 02 the administrator's right counts, and no code is compared.
  return p1 === 0x02 ? 0x200 : RESETTING_CODE | alias;
}

/** Whether a command may compare a reference: where the application is not known, each of those that it would be in one. */
function referencesOf(
  command: CommandApdu,
  instruction: number | undefined,
  application: Uint8Array | undefined,
): (reference: number) => boolean {
  if (application === undefined && instruction === instructions.RESET_RETRY_COUNTER) return () => true;
  const own = referenceOf(command, instruction, application);
  const other = application === undefined ? aliasOf(command.p2, openPgp) : own;
  return (reference) => reference === own || reference === other;
}

function aliasOf(p2: number, application: Uint8Array | undefined): number {
  return startsWith(application, openPgp) && p2 === 0x82 ? 0x81 : p2;
}

/** Whether a counter can be one of an application: either may be unknown, or known in part. */
function mayBe({ application: owner }: Counter, application: Uint8Array | undefined): boolean {
  return (
    owner === undefined || application === undefined || startsWith(owner, application) || startsWith(application, owner)
  );
}

function lowest(counters: readonly Counter[]): number | undefined {
  return counters.length === 0 ? undefined : Math.min(...counters.map(({ left }) => left));
}

function valueIn(data: Uint8Array, ...path: readonly number[]): Uint8Array | undefined {
  const objects = decodeBerTlv(data);
  if (!objects.ok) return undefined;
  const all: readonly BerTlv[] = objects.value;
  return findBerTlv(all, ...path)?.value;
}

/** Whether bytes begin with others. */
export function startsWith(bytes: Uint8Array | undefined, prefix: Uint8Array): boolean {
  return bytes !== undefined && bytes.length >= prefix.length && prefix.every((byte, at) => bytes[at] === byte);
}
