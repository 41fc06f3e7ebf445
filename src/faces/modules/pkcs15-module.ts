// SPDX-License-Identifier: MIT

import { concatBytes, encodeHex, hexBytes } from "../../base/binary/index.ts";
import {
  applicationIdentifiers,
  type BerTlv,
  decodeBerTlv,
  findBerTlv,
  statusWords as sw,
} from "../../base/iso7816/index.ts";
import type { CardModule, KeyContainer, ModuleCard, ModuleHost, PinDescription } from "./card-module.ts";

const AID = applicationIdentifiers.pkcs15;
const fileIds = { masterFile: "3F00", directory: "2F00", objectDirectory: "5031", tokenInfo: "5032" } as const;
/** Choices of EF.OD. ISO/IEC 7816-15:2016, 8.3. */
const choices = { privateKeys: 0xa0, certificates: 0xa4 } as const;
const tags = { octetString: 0x04, utf8String: 0x0c, sequence: 0x30, typeAttributes: 0xa1 } as const;
const MAX_FILE_BYTES = 65_536;
const READ_BYTES = 256;
const MAX_FILES = 64;

/**
 * Cards with the cryptographic information application of ISO/IEC 7816-15, which PKCS #15 was before: their certificates and
 * the names of their keys. Read only: how such a card signs differs from one to the next, and needs a module of its own.
 */
export const pkcs15Module: CardModule = {
  name: "pkcs15",
  async open(host) {
    const start = await findApplication(host);
    return start === undefined ? undefined : Pkcs15Card.read(host, start);
  },
};

/** Selects the application; returns how: by its identifier, or by the path that EF.DIR has. */
async function findApplication(host: ModuleHost): Promise<string | undefined> {
  if (await selectApplication(host, undefined)) return "";
  if (!(await select(host, 0x00, fileIds.masterFile)) || !(await select(host, 0x00, fileIds.directory)))
    return undefined;
  const directory = decodeBerTlv(await readAll(host));
  const templates = directory.ok ? directory.value.filter(({ tag }) => tag === 0x61) : [];
  for (const { children = [] } of templates) {
    const path = encodeHex(findBerTlv(children, 0x51)?.value ?? new Uint8Array(0));
    const isCia = encodeHex(findBerTlv(children, 0x4f)?.value ?? new Uint8Array(0)).startsWith(AID);
    if (isCia && path.length >= 4 && (await selectApplication(host, path))) return path;
  }
  return undefined;
}

async function selectApplication(host: ModuleHost, path: string | undefined): Promise<boolean> {
  if (path !== undefined && path !== "") return selectPath(host, path);
  return select(host, 0x04, AID);
}

class Pkcs15Card implements ModuleCard {
  readonly identity: string;
  readonly label: string;
  readonly serialNumber: string | undefined;
  readonly pins: readonly PinDescription[] = [];
  readonly #host: ModuleHost;
  readonly #start: string;

  private constructor(host: ModuleHost, start: string, serial: Uint8Array, label: string) {
    this.#host = host;
    this.#start = start;
    this.serialNumber = serial.length === 0 ? undefined : encodeHex(serial);
    this.label = label === "" ? "PKCS #15 card" : label;
    this.identity = `pkcs15 ${encodeHex(host.atr)} ${encodeHex(serial)} ${label}`;
  }

  /** EF.CardInfo: the serial number, and a label under [0]. ISO/IEC 7816-15:2016, 8.10. */
  static async read(host: ModuleHost, start: string): Promise<Pkcs15Card> {
    const card = new Pkcs15Card(host, start, new Uint8Array(0), "");
    const [info] = await card.#objects(fileIds.tokenInfo);
    const serial = findBerTlv(info?.children ?? [], tags.octetString)?.value ?? new Uint8Array(0);
    const label = findBerTlv(info?.children ?? [], 0x80)?.value ?? new Uint8Array(0);
    return new Pkcs15Card(host, start, serial, new TextDecoder().decode(label).trim());
  }

  async select(): Promise<void> {
    if (await selectApplication(this.#host, this.#start)) return;
    throw this.#host.failure(sw.fileNotFound, "select the application of ISO/IEC 7816-15");
  }

  async containers(): Promise<readonly KeyContainer[]> {
    const certificates = await this.#certificates();
    const found: KeyContainer[] = [];
    for (const key of await this.#listed(choices.privateKeys)) {
      const { id, label } = commonAttributes(key);
      const certificate = certificates.get(id);
      if (certificate === undefined) continue;
      const certified = this.#host.keyOfCertificate(await this.#fileAt(certificate));
      // The kind of a key without a certificate is not needed for anything here.
      if (certified === undefined) continue;
      found.push({ name: id, label, ...certified, uses: [], pin: undefined, pinPolicy: "never" });
    }
    return found;
  }

  async certificate({ name }: KeyContainer): Promise<Uint8Array | undefined> {
    const path = (await this.#certificates()).get(name);
    return path === undefined ? undefined : this.#fileAt(path);
  }

  /** The paths of the certificates, by the identifier that they share with their keys. */
  async #certificates(): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (const certificate of await this.#listed(choices.certificates)) {
      const path = pathIn(findBerTlv(certificate.children ?? [], tags.typeAttributes));
      const { id } = commonAttributes(certificate);
      if (path !== undefined && !found.has(id)) found.set(id, path);
    }
    return found;
  }

  /** What the directory files of one kind list. */
  async #listed(choice: number): Promise<readonly BerTlv[]> {
    const listed: BerTlv[] = [];
    const directories = (await this.#objects(fileIds.objectDirectory)).filter(({ tag }) => tag === choice);
    for (const directory of directories.slice(0, MAX_FILES)) {
      const path = pathIn(directory);
      if (path !== undefined) listed.push(...(await this.#objectsAt(path)));
    }
    return listed;
  }

  /** The objects in a file of the application. */
  async #objects(id: string): Promise<readonly BerTlv[]> {
    await this.select();
    return (await select(this.#host, 0x00, id)) ? objectsIn(await readAll(this.#host)) : [];
  }

  async #objectsAt(path: string): Promise<readonly BerTlv[]> {
    return objectsIn(await this.#fileAt(path));
  }

  /** A path is absolute where it begins with the master file, and else one of the application. ISO/IEC 7816-15:2016, 8.2.5. */
  async #fileAt(path: string): Promise<Uint8Array> {
    if (!path.startsWith(fileIds.masterFile)) await this.select();
    return (await selectPath(this.#host, path)) ? readAll(this.#host) : new Uint8Array(0);
  }
}

async function selectPath(host: ModuleHost, path: string): Promise<boolean> {
  for (let at = 0; at + 4 <= path.length; at += 4)
    if (!(await select(host, 0x00, path.slice(at, at + 4)))) return false;
  return path.length >= 4;
}

/** SELECT by P1: a file identifier or an AID, in hexadecimal digits. */
async function select(host: ModuleHost, p1: number, digits: string): Promise<boolean> {
  const data = hexBytes(digits);
  const { sw: word } = await host.send({ cla: 0, ins: 0xa4, p1, p2: 0x0c, data });
  if (word === sw.success) return true;
  // Some cards want to tell what they have selected.
  const answer = await host.send({ cla: 0, ins: 0xa4, p1, p2: 0x00, data, le: READ_BYTES });
  return answer.sw === sw.success;
}

/** READ BINARY up to the end of the selected file. */
async function readAll(host: ModuleHost): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < MAX_FILE_BYTES / 2; ) {
    const answer = await host.send({ cla: 0, ins: 0xb0, p1: offset >> 8, p2: offset & 0xff, le: READ_BYTES });
    // 6B00: the offset is the end. 6282: the end came before Le.
    if (answer.sw !== sw.success && answer.sw !== sw.endOfFile) break;
    parts.push(answer.data);
    offset += answer.data.length;
    if (answer.data.length < READ_BYTES) break;
  }
  return concatBytes(...parts);
}

function objectsIn(bytes: Uint8Array): readonly BerTlv[] {
  const decoded = decodeBerTlv(bytes);
  return decoded.ok ? decoded.value : [];
}

/** The label of an object, and the identifier that a key and its certificate share. */
function commonAttributes({ children = [] }: BerTlv): { readonly id: string; readonly label: string } {
  const [common, ofClass] = children.filter(({ tag }) => tag === tags.sequence);
  const label = findBerTlv(common?.children ?? [], tags.utf8String)?.value ?? new Uint8Array(0);
  const id = findBerTlv(ofClass?.children ?? [], tags.octetString)?.value ?? new Uint8Array(0);
  return { id: encodeHex(id), label: new TextDecoder().decode(label) };
}

/** The first path inside an object: a SEQUENCE that begins with an OCTET STRING. */
function pathIn(object: BerTlv | undefined): string | undefined {
  for (const child of object?.children ?? []) {
    const [first] = child.children ?? [];
    if (child.tag === tags.sequence && first?.tag === tags.octetString) return encodeHex(first.value);
    const inner = pathIn(child);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
