// SPDX-License-Identifier: MIT

import { resolve } from "node:path";
import { openCard } from "../../entry/modules.ts";
import type { ResourceManager, SmartCardError } from "../../port/index.ts";
import { type CertificateChange, CertificateExport, type CertificateStore } from "./certificate-export.ts";
import { CertificateFolder } from "./certificate-folder.ts";
import { NssStore } from "./certificate-nss.ts";
import { type OptionTable, UsageError } from "./options.ts";
import type { ReaderUpdate } from "./reader-watch.ts";
import type { Terminal } from "./terminal.ts";
import { visible } from "./text.ts";

/** The option of `scard watch` that exports certificates. */
export const certificatesOption = {
  certificates: {
    type: "string",
    value: "PLACE",
    completes: "file",
    help: `export the certificates of each card while it is in, and remove them when it goes or the program ends. PLACE is a folder, for PEM files, \
or nss:FOLDER, the NSS store in a folder, as Firefox and Chromium have one`,
  },
} as const satisfies OptionTable;

/** Exports certificates as readers change, until it is closed. */
export interface CertificateWatch {
  update(update: ReaderUpdate): void;
  close(): Promise<void>;
}

/**
 * Begins to export certificates.
 *
 * @throws UsageError, and SmartCardError where the place cannot be used
 */
export async function watchCertificates(
  place: string,
  manager: ResourceManager,
  terminal: Terminal,
  changed: (change: CertificateChange) => void,
): Promise<CertificateWatch> {
  const told = new Set<string>();
  const failed = (reader: string, { message }: SmartCardError): void => {
    const text = `scard: the certificates of the card in "${visible(reader)}": ${visible(message)}`;
    if (!told.has(text)) terminal.say(text);
    told.add(text);
  };
  const open = (reader: string, signal: AbortSignal) => openCard({ manager, reader }, { signal });
  const exported = new CertificateExport({ store: await storeAt(place), open, changed, failed });
  return {
    update: ({ flags, reader }) => exported.update(reader, flags.includes("present") && !flags.includes("mute")),
    close: () => exported.close(),
  };
}

async function storeAt(place: string): Promise<CertificateStore> {
  const [, nss] = /^(?:nss|sql):(.*)$/s.exec(place) ?? [];
  if (place === "" || nss === "")
    throw new UsageError("--certificates is a folder, or nss: and the folder of an NSS store");
  return nss === undefined ? CertificateFolder.open(resolve(place)) : NssStore.open(resolve(nss));
}
