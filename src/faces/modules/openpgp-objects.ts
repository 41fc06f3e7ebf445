// SPDX-License-Identifier: MIT

import { bigEndianBytes, concatBytes } from "../../base/binary/index.ts";
import {
  type OpenPgpKeyUse,
  openPgpCertificateOrder,
  openPgpInstructions,
  openPgpTags,
} from "../../base/card-applications/index.ts";
import { type CommandInit, type ResponseApdu, statusWords as sw } from "../../base/iso7816/index.ts";

/** A key of an OpenPGP card. */
export type OpenPgpKeyName = Exclude<OpenPgpKeyUse, "attestation">;

/** What sends commands to a card in its transaction. */
interface Sender {
  send(command: CommandInit): Promise<ResponseApdu>;
}

/** SELECT DATA of a certificate, since version 3: the status word. OpenPGP card 3.4.1, 7.2.5. */
async function selectOccurrence(host: Sender, occurrence: number): Promise<number> {
  const tag = bigEndianBytes(openPgpTags.certificate, 2, 2, "a tag");
  const list = Uint8Array.of(0x60, 0x04, 0x5c, tag.length, ...tag);
  const chosen = { cla: 0, ins: openPgpInstructions.SELECT_DATA, p1: occurrence, p2: 0x04 };
  const { sw: word } = await host.send({ ...chosen, data: list });
  // Yubico's firmware 5.2 to 5.4 wants the length of the data a second time.
  if (word !== sw.wrongData && word !== sw.wrongLength) return word;
  return (await host.send({ ...chosen, data: concatBytes(Uint8Array.of(list.length), list) })).sw;
}

/** GET DATA. OpenPGP card 3.4.1, 7.2.6. */
export async function getData(host: Sender, tag: number): Promise<ResponseApdu> {
  return host.send({ cla: 0, ins: 0xca, p1: tag >> 8, p2: tag & 0xff, le: 256 });
}

/** What GET DATA reads; undefined where the card refuses. */
export async function readObject(host: Sender, tag: number): Promise<Uint8Array | undefined> {
  const answer = await getData(host, tag);
  return answer.sw === sw.success ? answer.data : undefined;
}

/**
 * Chooses the certificate of a key. Cards before version 3 have one certificate, that of the authentication key.
 *
 * @returns the status where the card has no such certificate
 */
export async function selectCertificate(host: Sender, key: OpenPgpKeyName): Promise<number | undefined> {
  const occurrence = openPgpCertificateOrder.indexOf(key);
  const word = await selectOccurrence(host, occurrence);
  return word !== sw.success && occurrence > 0 ? word : undefined;
}

/** The certificate of a key; undefined where there is none. OpenPGP card 3.4.1, 7.2.6. */
export async function readCertificate(host: Sender, key: OpenPgpKeyName): Promise<Uint8Array | undefined> {
  if ((await selectCertificate(host, key)) !== undefined) return undefined;
  const certificate = await readObject(host, openPgpTags.certificate);
  return certificate === undefined || certificate.length === 0 ? undefined : certificate;
}
