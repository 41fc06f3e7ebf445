// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { byteString, optional, optionsOf, SmartCardError, word } from "../../port/index.ts";
import { type FieldCard, type KeyName, StorageCard, storageCardAtr } from "../contactless/index.ts";
import { type Answer, matchesSecret, type SoftwareCard, status, sw } from "../software-card/index.ts";
import { allows, decodeAccess, type SectorAccess } from "./access-conditions.ts";
import { BLOCK_BYTES, factoryMemory, layouts, type MifareClassicSize, sectorOf } from "./classic-layout.ts";
import { addToValue, decodeValue, encodeValue } from "./value-block.ts";

/** Options of a MIFARE Classic. */
export interface MifareClassicOptions {
  /** @default 1k: 16 sectors of 4 blocks of 16 bytes; 4k has 32 of them and 8 of 16 blocks */
  readonly size?: MifareClassicSize;
  /** The identifier, 4 bytes. @default an example */
  readonly uid?: Uint8Array;
  /** A saved {@link MifareClassicCard.memory}, keys too, to restore a card; `uid` is ignored then. */
  readonly memory?: Uint8Array;
}

const cardOptions = optionsOf<MifareClassicOptions>({
  size: optional(word<MifareClassicSize>({ "1k": 0, "4k": 0 }, "size")),
  uid: optional(byteString),
  memory: optional(byteString),
});

const exampleUid = Uint8Array.of(0x3a, 0x5c, 0x71, 0x9e);
const UID_BYTES = 4;

/**
 * A MIFARE Classic in the field of a contactless reader: sectors with two keys and access conditions. The reader holds keys
 * (`FF 82`), authenticates with one of them (`FF 86`), reads and writes blocks (`FF B0`, `FF D6`); value blocks, and
 * authentication with a key in the command, go through `FF 00 00 00` (InDataExchange of the PN532: 60, 61, 30, A0, B0, C0, C1, C2).
 *
 * What a reader and this card say to each other over the air, which the card encrypts, is not there to be seen: InCommunicateThru of
 * such frames is answered as InDataExchange. Factory keys are FFFFFFFFFFFF, and the access conditions those of the maker.
 *
 * Put it into a reader that speaks T=1 alone: `new VirtualReader({ protocols: ["t1"], … })`.
 *
 * @see PC/SC part 3, 3.2.2; NXP MF1S50yyX and MF1S70yyX data sheets
 */
export class MifareClassicCard implements SoftwareCard {
  readonly #field: ClassicInField;
  readonly #card: StorageCard;

  /** @throws invalid-value (a UID of other than 4 bytes, a memory of another size) */
  constructor(options: MifareClassicOptions = {}) {
    const {
      memory,
      size = "1k",
      uid = exampleUid,
    } = cardOptions(options, {
      operation: "MifareClassicCard",
      path: "options",
    });
    const { bytes, name } = layouts[size];
    if (uid.length !== UID_BYTES)
      throw new SmartCardError("invalid-value", `a UID has 4 bytes here, not ${uid.length}`);
    if (memory !== undefined && memory.length !== bytes) {
      throw new SmartCardError(
        "invalid-value",
        `the memory of a ${size} card has ${bytes} bytes, not ${memory.length}`,
      );
    }
    this.#field = new ClassicInField(memory === undefined ? factoryMemory(size, uid) : copyBytes(memory));
    this.#card = new StorageCard(this.#field, storageCardAtr(name));
  }

  /** The identifier, 4 bytes. */
  get uid(): Uint8Array {
    return this.#field.uid;
  }

  /** All blocks, with the keys: a copy. */
  get memory(): Uint8Array {
    return copyBytes(this.#field.memory);
  }

  reset(): Uint8Array {
    return this.#card.reset();
  }

  powerOff(): void {
    this.#card.powerOff();
  }

  process(command: Uint8Array): Uint8Array {
    return this.#card.process(command);
  }
}

/** The card's own commands, as InDataExchange takes them. NXP PN532 user manual, 7.3.8 */
const commands = {
  READ: 0x30,
  AUTHENTICATE_A: 0x60,
  AUTHENTICATE_B: 0x61,
  WRITE: 0xa0,
  TRANSFER: 0xb0,
  DECREMENT: 0xc0,
  INCREMENT: 0xc1,
  RESTORE: 0xc2,
} as const;

const ACKNOWLEDGED = 0x0a;
const KEY_BYTES = 6;
const KEY_A_AT = 0;
const ACCESS_AT = 6;
const KEY_B_AT = 10;

interface Authentication {
  readonly sector: number;
  readonly name: KeyName;
  /** Key B of a sector where it can be read is data: it authenticates, and opens nothing. 8.7.1 */
  readonly opens: boolean;
}

class ClassicInField implements FieldCard {
  readonly memory: Uint8Array;
  #authentication: Authentication | undefined;
  /** The transfer buffer of value operations: a value and its address byte. */
  #transfer: { readonly value: number; readonly address: number } | undefined;

  constructor(memory: Uint8Array) {
    this.memory = memory;
  }

  get uid(): Uint8Array {
    return this.memory.slice(0, UID_BYTES);
  }

  enterField(): void {
    this.#authentication = undefined;
    this.#transfer = undefined;
  }

  /** One that fails ends the one before. */
  authenticate(block: number, name: KeyName, key: Uint8Array): boolean {
    this.#authentication = undefined;
    this.#transfer = undefined;
    const sector = sectorOf(block, this.memory.length);
    if (sector === undefined) return false;
    const at = sector.trailer * BLOCK_BYTES + (name === "a" ? KEY_A_AT : KEY_B_AT);
    if (!matchesSecret(this.memory.subarray(at, at + KEY_BYTES), key)) return false;
    const opens = name === "a" || this.#access(sector.trailer)?.trailer.readKeyB === "none";
    this.#authentication = { sector: sector.number, name, opens };
    return true;
  }

  read(address: number, length: number): Answer {
    const whole = Math.min(length, 16 * BLOCK_BYTES);
    const read: number[] = [];
    for (let block = address; read.length < whole; block++) {
      const bytes = this.#readBlock(block);
      if (typeof bytes === "number") {
        if (block === address) return status(bytes);
        break;
      }
      read.push(...bytes);
    }
    return { data: Uint8Array.from(read.slice(0, whole)), status: sw.success };
  }

  update(address: number, data: Uint8Array): Answer {
    if (data.length % BLOCK_BYTES !== 0) return status(sw.wrongLength);
    const count = data.length / BLOCK_BYTES;
    for (let index = 0; index < count; index++) {
      const refusal = this.#writeRefusal(address + index);
      if (refusal !== undefined) return status(refusal);
    }
    for (let index = 0; index < count; index++) {
      this.#writeBlock(address + index, data.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES));
    }
    return status(sw.success);
  }

  exchange(frame: Uint8Array): Uint8Array | undefined {
    const [command, block = 0] = frame;
    switch (command) {
      case commands.AUTHENTICATE_A:
      case commands.AUTHENTICATE_B: {
        // The key, then the identifier of the card.
        if (frame.length < 2 + KEY_BYTES) return undefined;
        const key = copyBytes(frame.subarray(2, 2 + KEY_BYTES));
        const isRight = this.authenticate(block, command === commands.AUTHENTICATE_A ? "a" : "b", key);
        zeroBytes(key);
        return isRight ? new Uint8Array(0) : undefined;
      }
      case commands.READ: {
        const bytes = this.#readBlock(block);
        return typeof bytes === "number" ? undefined : bytes;
      }
      case commands.WRITE: {
        if (frame.length !== 2 + BLOCK_BYTES || this.#writeRefusal(block) !== undefined) return undefined;
        this.#writeBlock(block, frame.subarray(2));
        return Uint8Array.of(ACKNOWLEDGED);
      }
      default:
        return this.#valueOperation(frame) ? Uint8Array.of(ACKNOWLEDGED) : undefined;
    }
  }

  /** Increment, decrement and restore work on the transfer buffer; transfer writes it. 8.6.3 */
  #valueOperation(frame: Uint8Array): boolean {
    const [command = 0, block = 0] = frame;
    const access = this.#dataAccess(block);
    if (access === undefined) return false;
    const { name } = access;
    if (command === commands.TRANSFER) {
      if (this.#transfer === undefined || !allows(access.access.decrement, name)) return false;
      this.memory.set(encodeValue(this.#transfer.value, this.#transfer.address), block * BLOCK_BYTES);
      return true;
    }
    const operand = new DataView(Uint8Array.of(...frame.subarray(2, 6), 0, 0, 0, 0).buffer).getInt32(0, true);
    const holder = command === commands.INCREMENT ? access.access.increment : access.access.decrement;
    const isKnown = command === commands.INCREMENT || command === commands.DECREMENT || command === commands.RESTORE;
    const stored = decodeValue(this.memory.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES));
    if (!isKnown || !allows(holder, name) || stored === undefined) return false;
    if (command !== commands.RESTORE && frame.length !== 6) return false;
    const change = command === commands.RESTORE ? 0 : command === commands.INCREMENT ? operand : -operand;
    const value = addToValue(stored.value, change);
    if (value === undefined) return false;
    this.#transfer = { value, address: stored.address };
    return true;
  }

  /** The block, or the status word that refuses it. */
  #readBlock(block: number): Uint8Array | number {
    const sector = sectorOf(block, this.memory.length);
    if (sector === undefined) return sw.fileNotFound;
    const name = this.#keyFor(sector.number);
    const access = this.#access(sector.trailer);
    if (name === undefined || access === undefined) return sw.securityNotSatisfied;
    const bytes = this.memory.slice(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
    if (block !== sector.trailer) {
      const group = access.groups[sector.groupOf(block)];
      return group !== undefined && allows(group.read, name) ? bytes : sw.securityNotSatisfied;
    }
    // Key A is never read; the access bits and key B as the conditions say.
    bytes.fill(0, KEY_A_AT, ACCESS_AT);
    if (!allows(access.trailer.readBits, name)) bytes.fill(0, ACCESS_AT, KEY_B_AT);
    if (!allows(access.trailer.readKeyB, name)) bytes.fill(0, KEY_B_AT);
    return bytes;
  }

  #writeRefusal(block: number): number | undefined {
    const sector = sectorOf(block, this.memory.length);
    if (sector === undefined) return sw.fileNotFound;
    const name = this.#keyFor(sector.number);
    const access = this.#access(sector.trailer);
    // The maker's block cannot be written.
    if (block === 0 || name === undefined || access === undefined) return sw.securityNotSatisfied;
    if (block === sector.trailer) {
      const { writeBits, writeKeyA, writeKeyB } = access.trailer;
      const may = [writeBits, writeKeyA, writeKeyB].some((holder) => allows(holder, name));
      return may ? undefined : sw.securityNotSatisfied;
    }
    const group = access.groups[sector.groupOf(block)];
    return group !== undefined && allows(group.write, name) ? undefined : sw.securityNotSatisfied;
  }

  /** Of a trailer only the parts that the key may write are. */
  #writeBlock(block: number, bytes: Uint8Array): void {
    const start = block * BLOCK_BYTES;
    const sector = sectorOf(block, this.memory.length);
    const access = sector === undefined ? undefined : this.#access(sector.trailer);
    const name = sector === undefined ? undefined : this.#keyFor(sector.number);
    if (sector === undefined || access === undefined || name === undefined) return;
    if (block !== sector.trailer) {
      this.memory.set(bytes, start);
      return;
    }
    const { writeBits, writeKeyA, writeKeyB } = access.trailer;
    if (allows(writeKeyA, name)) this.memory.set(bytes.subarray(KEY_A_AT, ACCESS_AT), start + KEY_A_AT);
    if (allows(writeKeyB, name)) this.memory.set(bytes.subarray(KEY_B_AT), start + KEY_B_AT);
    if (allows(writeBits, name)) this.memory.set(bytes.subarray(ACCESS_AT, KEY_B_AT), start + ACCESS_AT);
  }

  #keyFor(sector: number): KeyName | undefined {
    const current = this.#authentication;
    return current?.sector === sector && current.opens ? current.name : undefined;
  }

  #dataAccess(block: number) {
    const sector = sectorOf(block, this.memory.length);
    if (sector === undefined || block === sector.trailer || block === 0) return undefined;
    const name = this.#keyFor(sector.number);
    const access = this.#access(sector.trailer)?.groups[sector.groupOf(block)];
    return name === undefined || access === undefined ? undefined : { name, access };
  }

  #access(trailer: number): SectorAccess | undefined {
    const at = trailer * BLOCK_BYTES + ACCESS_AT;
    return decodeAccess(this.memory.subarray(at, at + 3));
  }
}
