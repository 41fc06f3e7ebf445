// SPDX-License-Identifier: MIT

import { readCertificate } from "../../base/keys/index.ts";
import { OpenPgpAdmin, type OpenPgpTouchPolicy } from "../../faces/modules/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { derIn, readData } from "./card-data.ts";
import { certificateForPrograms } from "./card-facts.ts";
import { openPgpGroup } from "./card-groups.ts";
import { type CertificateReader, done, keyAndFiles, type NamedCertificate } from "./card-keys.ts";
import { withCard } from "./card-session.ts";
import { type Command, command } from "./command.ts";
import { confirmed } from "./confirmation.ts";
import { adminPinOptions, withAdminPin } from "./openpgp-access.ts";
import { choiceOf, UsageError } from "./options.ts";

const MOST_FILE_BYTES = 1_048_576;
const touchPolicies = ["off", "on", "fixed", "cached", "cached-fixed"] as const satisfies readonly OpenPgpTouchPolicy[];

const keys = ["signature", "decryption", "authentication"] as const;
type KeyName = (typeof keys)[number];

function keyAnd(positionals: readonly string[], mostFiles: number): readonly [key: KeyName, ...files: string[]] {
  const [key, ...files] = keyAndFiles(openPgpGroup, positionals, mostFiles);
  return [key as KeyName, ...files];
}

/** The certificates of an OpenPGP card, those without a key too. */
export const openPgpCertificates: CertificateReader = {
  async all({ card, crypto }) {
    const found: NamedCertificate[] = [];
    for (const key of keys) {
      const certificate = await new OpenPgpAdmin(card, crypto).certificate(key);
      if (certificate !== undefined) found.push({ key, label: `the ${key} key`, certificate });
    }
    return found;
  },
  one: ({ card, crypto }, key) => new OpenPgpAdmin(card, crypto).certificate(key as KeyName),
};

const importCertificate = command({
  name: "import",
  summary: "put a certificate on the card",
  usage: ["[OPTION…] KEY [FILE]"],
  description: [
    `Puts the first certificate in FILE, or in standard input for - and without FILE, on the card, with the admin PIN. PEM and DER are taken. ${openPgpGroup.keyHelp}`,
  ],
  options: adminPinOptions,
  argumentWords: "file",
  async run({ positionals, values }, terminal) {
    const [key, path] = keyAnd(positionals, 1);
    const data = await readData(path, terminal, [values["admin-pin"]], MOST_FILE_BYTES);
    const certificate = derIn(data, ["CERTIFICATE", "X509 CERTIFICATE"]);
    if (certificate === undefined || readCertificate(certificate) === undefined)
      throw new SmartCardError(
        "invalid-value",
        `there is no certificate in ${path ?? "standard input"}, in PEM or DER`,
      );
    return withCard(openPgpGroup, values, terminal, async (session) => {
      await withAdminPin(session, values, (admin) => admin.putCertificate(key, certificate));
      const json = { key, ...certificateForPrograms(certificate, session.crypto) };
      return done(`Certificate imported for the ${key} key.`, json, values.json, terminal);
    });
  },
});

const remove = command({
  name: "delete",
  summary: "delete a certificate",
  usage: ["[OPTION…] KEY"],
  description: [`Deletes the certificate of a key, with the admin PIN; the key stays. ${openPgpGroup.keyHelp}`],
  options: adminPinOptions,
  run({ positionals, values }, terminal) {
    const [key] = keyAnd(positionals, 0);
    return withCard(openPgpGroup, values, terminal, async (session) => {
      await withAdminPin(session, values, (admin) => admin.putCertificate(key, undefined));
      return done(`Certificate for the ${key} key deleted.`, { deleted: key }, values.json, terminal);
    });
  },
});

/** The actions of `scard openpgp certificates` beside list and export. */
export const openPgpCertificateActions: readonly Command[] = [importCertificate, remove];

/** `scard openpgp keys set-touch`. */
export const setTouch: Command = command({
  name: "set-touch",
  summary: "set when a key wants a touch",
  usage: ["[OPTION…] KEY POLICY"],
  description: [
    `Sets when a YubiKey wants a touch before it uses the key: ${touchPolicies.join(", ")}. fixed and cached-fixed stay until the key is deleted, so it asks before. ${openPgpGroup.keyHelp}`,
  ],
  options: adminPinOptions,
  run({ positionals, values }, terminal) {
    const [key, word] = keyAnd(positionals, 1);
    if (word === undefined) throw new UsageError(`the policy is missing: ${touchPolicies.join(", ")}`);
    const policy = choiceOf("the policy", word, touchPolicies);
    return withCard(openPgpGroup, values, terminal, async (session) => {
      if (policy.includes("fixed"))
        await confirmed("This touch policy cannot be changed without deleting the key", values.force, terminal);
      await withAdminPin(session, values, (admin) => admin.setTouchPolicy(key, policy));
      return done(`Touch policy for the ${key} key set.`, { key, touchPolicy: policy }, values.json, terminal);
    });
  },
});
