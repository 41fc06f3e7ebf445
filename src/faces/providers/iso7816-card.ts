// SPDX-License-Identifier: MIT

import { equalBytes, zeroBytes } from "../../base/binary/index.ts";
import {
  type CommandApdu,
  encodeFileIds,
  instructions as ins,
  MASTER_FILE_ID,
  MAX_SHORT_LE,
  type ResponseApdu,
  selectReturns,
  statusWords,
} from "../../base/iso7816/index.ts";
import { type CardLink, invalidHandle } from "./card-link.ts";
import { ComError } from "./com-error.ts";
import { type FileView, fileViewOf } from "./iso7816-file-control.ts";
import { type FilePlace, formatPlace, isWithin, masterFile, parentOf } from "./iso7816-path.ts";
import { isDone, isUnknownToCard, type Purpose, statusFailure } from "./iso7816-status.ts";

const noBytes = new Uint8Array(0);

/** P1 of SELECT. ISO/IEC 7816-4:2013, table 62. */
const BY_ID = 0x00;
const BY_NAME = 0x04;
const BY_PATH_FROM_MASTER_FILE = 0x08;
const BY_PATH_FROM_HERE = 0x09;

/** P2 of SELECT: the requested file information. Cards that do not support one form mostly support another. */
const { fci: tellInformation, fcp: tellParameters, nothing: tellNothing } = selectReturns;

/** A command of class 00; Le where an answer is expected. */
export interface PlainCommand {
  readonly ins: number;
  readonly p1?: number;
  readonly p2?: number;
  readonly data?: Uint8Array;
  readonly le?: number;
}

/** A file that is selected. */
export interface SelectedFile {
  readonly place: FilePlace;
  readonly control: FileView;
  /** False where the card warns that it is deactivated or terminated. */
  readonly usable: boolean;
}

/**
 * A card of ISO/IEC 7816-4 behind a link, as the interfaces of one attachment share it: they have one current directory.
 *
 * Other programs may use the card between two operations, and may select what they like. So each operation locks the card and
 * selects again, except while the caller holds its own lock over several of them.
 */
export class Iso7816Card {
  readonly link: CardLink;
  /** Whether SELECT may ask what kind of file it has found. */
  readonly asksAboutFiles: boolean;
  /** The current directory of ISCardFileAccess. */
  directory: FilePlace = masterFile;
  #selected: (SelectedFile & { readonly tenure: number }) | undefined;
  /** Whether the card is known to select by a path. */
  #knowsPaths = true;
  #operations: Promise<unknown> = Promise.resolve();

  constructor(link: CardLink, asksAboutFiles: boolean) {
    this.link = link;
    this.asksAboutFiles = asksAboutFiles;
  }

  /** @throws SCARD_E_INVALID_HANDLE once the card was detached */
  checkAttached(): void {
    if (this.link.closed) throw invalidHandle("the card was detached");
  }

  /** Runs several commands as one: neither another program nor another operation of this one comes between them. */
  operate<T>(run: () => Promise<T>): Promise<T> {
    return this.inTurn(() => this.link.locked(run));
  }

  /** As {@link operate}, without locking the card. */
  inTurn<T>(run: () => Promise<T>): Promise<T> {
    const operation = this.#operations.then(run);
    this.#operations = operation.catch(() => {});
    return operation;
  }

  /** Sends a command, and fetches the whole answer. The data is overwritten with zeros. */
  async send({ ins, p1 = 0, p2 = 0, data = noBytes, le }: PlainCommand): Promise<ResponseApdu> {
    const command: CommandApdu = { cla: 0x00, ins, p1, p2, data, le, extended: false };
    try {
      return await this.link.exchange(command);
    } finally {
      zeroBytes(data);
    }
  }

  /** As {@link send}; anything but success, perhaps with a warning, is the failure that it is for that purpose. */
  async perform(command: PlainCommand, purpose: Purpose, operation: string): Promise<ResponseApdu> {
    const response = await this.send(command);
    if (isDone(response, purpose)) return response;
    throw statusFailure(response, purpose, operation);
  }

  /** Makes a file the card's current one. */
  async select(place: FilePlace, purpose: "file" | "directory"): Promise<SelectedFile> {
    const known = this.#known();
    if (known !== undefined && formatPlace(known.place) === formatPlace(place)) return known;
    this.#selected = undefined;
    const response = await this.#walkTo(known, place, purpose);
    if (!isDone(response)) throw statusFailure(response, purpose, `select ${formatPlace(place)}`);
    const control = fileViewOf(response.data);
    const usable = response.sw !== statusWords.deactivated && response.sw !== statusWords.terminated;
    const selected = { place: withWholeName(place, control), control, usable };
    this.#selected = { ...selected, tenure: this.link.tenure };
    return selected;
  }

  /** Makes a directory the card's current one; which file in it is current does not matter. */
  async enter(directory: FilePlace): Promise<void> {
    const known = this.#known();
    const here = known && directoryOf(known);
    if (here !== undefined && formatPlace(here) === formatPlace(directory)) return;
    await this.select(directory, "directory");
  }

  /** Makes the current directory current on the card as well; does nothing where none was ever chosen. */
  async enterChosen(): Promise<void> {
    if (this.directory !== masterFile) await this.enter(this.directory);
  }

  /** Forgets the selection and the file's properties: a command may have changed either. */
  forgetSelection(): void {
    this.#selected = undefined;
  }

  #known(): SelectedFile | undefined {
    return this.#selected?.tenure === this.link.tenure ? this.#selected : undefined;
  }

  /** Goes to a place the shortest way: selecting an application again would end verifications in it. */
  async #walkTo(
    known: SelectedFile | undefined,
    place: FilePlace,
    purpose: "file" | "directory",
  ): Promise<ResponseApdu> {
    const here = known && directoryOf(known);
    const isBelow = here !== undefined && here.ids.length < place.ids.length && isWithin(place, here);
    if (place.application !== undefined) {
      if (isBelow) return this.#walkDown(place.ids.slice(here.ids.length));
      const application = await this.#selectBy(BY_NAME, place.application, tellInformation);
      if (place.ids.length === 0) return application;
      if (!isDone(application)) throw statusFailure(application, "directory", "select the application");
      return this.#walkDown(place.ids);
    }
    if (place.ids.length === 0) return this.#selectBy(BY_ID, encodeFileIds([MASTER_FILE_ID]), tellParameters);
    if (this.#knowsPaths) {
      const response = await this.#selectBy(BY_PATH_FROM_MASTER_FILE, encodeFileIds(place.ids), tellParameters);
      if (!isUnknownToCard(response)) return response;
      this.#knowsPaths = false;
    }
    const root = await this.#selectBy(BY_ID, encodeFileIds([MASTER_FILE_ID]), tellParameters);
    if (!isDone(root)) throw statusFailure(root, purpose, "select the master file");
    return this.#walkDown(place.ids);
  }

  /** From the current directory down. */
  async #walkDown(ids: readonly number[]): Promise<ResponseApdu> {
    if (ids.length > 1 && this.#knowsPaths) {
      const response = await this.#selectBy(BY_PATH_FROM_HERE, encodeFileIds(ids), tellParameters);
      if (!isUnknownToCard(response)) return response;
      this.#knowsPaths = false;
    }
    for (const id of ids.slice(0, -1)) {
      const response = await this.#selectBy(BY_ID, encodeFileIds([id]), tellParameters);
      if (!isDone(response)) return response;
    }
    return this.#selectBy(BY_ID, encodeFileIds(ids.slice(-1)), tellParameters);
  }

  async #selectBy(p1: number, data: Uint8Array, favourite: number): Promise<ResponseApdu> {
    const others = [tellParameters, tellInformation, tellNothing].filter((p2) => p2 !== favourite);
    const ways = this.asksAboutFiles ? [favourite, ...others] : [tellNothing];
    let response: ResponseApdu | undefined;
    for (const p2 of ways) {
      const le = p2 === tellNothing ? {} : { le: MAX_SHORT_LE };
      response = await this.send({ ins: ins.SELECT, p1, p2, data: data.slice(), ...le });
      if (!isUnknownToCard(response)) return response;
    }
    if (response !== undefined) return response;
    throw new ComError("E_UNEXPECTED", "there is no way to select");
  }
}

/** The directory that is current while a file is; undefined where it is not known whether the file is one itself. */
function directoryOf({ control, place }: SelectedFile): FilePlace | undefined {
  if (control.kind === "directory" || place.ids.length === 0) return place;
  return control.kind === "unknown" ? undefined : parentOf(place);
}

/** A name may have been given in part; the card returns the full name. */
function withWholeName(place: FilePlace, { dfName }: FileView): FilePlace {
  const { application, ids } = place;
  if (application === undefined || ids.length > 0 || dfName === undefined) return place;
  const isWhole = dfName.length > application.length && equalBytes(dfName.subarray(0, application.length), application);
  return isWhole ? { application: dfName.slice(), ids } : place;
}
