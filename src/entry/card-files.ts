// SPDX-License-Identifier: MIT

/** Files of cards: new ones, and what is put into them before they are used. */

import type { CardKindName, CardPlan, CertifiedKey, Keep, NewKey, NewSecrets } from "../cards/descriptions/index.ts";
import { FileHold, replaceFile } from "../platform/node/runtime/index.ts";
import { SmartCardError } from "../port/index.ts";
import { checkedPlan, readCardFile, surroundings, textOf } from "./software.ts";

/** A card's file that was read, or was just written. */
export interface CardFile {
  readonly path: string;
  /** What it says, with all secrets. */
  readonly description: object;
  readonly plan: CardPlan;
}

/** What is put into a card before it is used. */
export interface Personalization {
  /** The application, where the card has several: `piv`. @default the only one that takes what is given */
  readonly application?: string | undefined;
  readonly secrets?: NewSecrets | undefined;
  readonly key?: NewKey | undefined;
}

/**
 * Writes the file of a new card. Only its owner may read it.
 *
 * @throws invalid-value (there is such a file already), and what the system does not allow
 */
export async function newCardFile(kind: CardKindName, path: string, keep: Keep): Promise<CardFile> {
  const { newCard } = await import("../cards/descriptions/index.ts");
  const description = await newCard(kind, surroundings(), { keep });
  const plan = await checkedPlan(description, path);
  await replaceFile(path, textOf(description), true);
  return { path, description, plan };
}

/** Reads the file of a card. @throws invalid-value (it cannot be read, or is no description of a card) */
export async function readCard(path: string): Promise<CardFile> {
  const description = await readCardFile(path);
  return { path, description, plan: await checkedPlan(description, path) };
}

/**
 * Puts PINs, and a key with a certificate, into the file of a card.
 *
 * @returns the file as it is now, and the certificate in DER
 * @throws invalid-value (a PIN that the application does not take, an application that the card does not have),
 * invalid-parameter (a slot or an algorithm that there is not), unsupported-feature (such a card takes none),
 * sharing-violation (the card is in a reader, which would write over the change)
 */
export async function personalizeCard(
  path: string,
  personalization: Personalization,
): Promise<CardFile & { readonly certificate: Uint8Array | undefined }> {
  // What cannot be read is said before anything is written beside it.
  await readCard(path);
  const hold = FileHold.take(path);
  try {
    return await personalized(path, personalization);
  } finally {
    hold.release();
  }
}

async function personalized(
  path: string,
  { application, key, secrets }: Personalization,
): Promise<CardFile & { readonly certificate: Uint8Array | undefined }> {
  const before = await readCard(path);
  const content = contentOf(before, application);
  const { applicationKinds } = await import("../cards/descriptions/index.ts");
  const kind = applicationKinds[content.member as keyof typeof applicationKinds];
  const applications = (before.description as { readonly applications: Readonly<Record<string, object>> }).applications;
  let source = applications[content.member] ?? {};
  if (secrets !== undefined) source = kind.withSecrets(source, secrets, await surroundings().crypto());
  let after = await described(before, content.member, source, "does not take this PIN or PUK");
  let certificate: Uint8Array | undefined;
  if (key !== undefined) {
    const { provision } = contentOf(after, content.member);
    if (provision === undefined) {
      const remedy = "make its keys with its own tools: gpg --card-edit";
      throw new SmartCardError(
        "unsupported-feature",
        `${content.name} takes no key with a certificate here; ${remedy}`,
      );
    }
    const made = await provision(await surroundings().crypto(), key);
    after = await described(before, content.member, made.source);
    ({ certificate } = made);
  }
  await replaceFile(path, textOf(after.description));
  return { ...after, certificate };
}

/** @param mistake what is wrong where the application does not take what was put into it */
async function described(file: CardFile, member: string, source: object, mistake?: string): Promise<CardFile> {
  const { applications, ...others } = file.description as { readonly applications: object };
  const description = { ...others, applications: { ...applications, [member]: source } };
  return { path: file.path, description, plan: await checkedPlan(description, file.path, mistake) };
}

/** What of the card can be provisioned: one of its applications. */
type ApplicationContent = CardPlan["contents"][number] & { readonly member: string };

function isApplication(content: CardPlan["contents"][number]): content is ApplicationContent {
  return content.member !== undefined;
}

function contentOf({ path, plan }: CardFile, wanted: string | undefined): ApplicationContent {
  const known = plan.contents.filter(isApplication);
  const found = known.find(({ member }) => wanted === undefined || member === wanted);
  if (found !== undefined) return found;
  const reason =
    known.length === 0
      ? `is a card of the kind ${plan.kind}, without an application that has PINs and keys: what is on it stands in the file`
      : `has no application ${wanted}`;
  throw new SmartCardError("invalid-value", `${path} ${reason}`);
}

export type { CardKindName, CertifiedKey, Keep, NewKey, NewSecrets };
