// SPDX-License-Identifier: MIT

import type { ApplicationCommand } from "../applications/index.ts";
import type { CardCrypto } from "../crypto/index.ts";
import { type applicationModes, decodeAccessRules, isAllowed } from "./access-rules.ts";
import type { KeyTemplate } from "./file-control.ts";
import type { GidsFile, KeyFile } from "./gids-file.ts";
import type { GidsImage } from "./gids-image.ts";
import { keyFileId } from "./identifiers.ts";
import type { SecurityStatus } from "./security-status.ts";

/** A key that MANAGE SECURITY ENVIRONMENT chose, and for what. */
interface ChosenKey {
  readonly file: KeyFile;
  readonly template: KeyTemplate;
  /** Bits of P1: external, internal. */
  readonly usage: number;
}

/** What the commands of the application work with. */
export interface GidsSession {
  readonly image: GidsImage;
  readonly crypto: CardCrypto;
  readonly security: SecurityStatus;
  /** The current elementary file. */
  current: GidsFile | undefined;
  /** What MANAGE SECURITY ENVIRONMENT has set, by the tag of the template. */
  readonly environment: Map<number, ChosenKey>;
  /** The persistent state has changed, and has to be saved. */
  readonly changed: () => void;
}

/**
 * Security attributes of the application: its end for the administrator, new files and their end for the user or the
 * administrator.
 */
export const APPLICATION_RULES = "23203030";
const applicationRules = decodeAccessRules(Uint8Array.of(0x23, 0x20, 0x30, 0x30)) ?? [];

/** Whether this may be done with the application. Rules hold once it is operational. GIDS 2.0, 8.2.1. */
export function mayUseApplication(
  session: GidsSession,
  mode: (typeof applicationModes)[keyof typeof applicationModes],
  command: ApplicationCommand,
): boolean {
  if (session.image.lifeCycle === "initialization") return true;
  return isAllowed(applicationRules, mode, { ...session.security, ...proofsOf(session, command) });
}

/** Whether this may be done with a file. A file that was not activated yet is open to whom makes it. GIDS 2.0, 8.2.2. */
export function mayUse(
  session: GidsSession,
  { activated, control }: GidsFile,
  mode: number,
  command: ApplicationCommand,
): boolean {
  if (session.image.lifeCycle === "initialization" || !activated) return true;
  return isAllowed(control.rules, mode, proofsOf(session, command));
}

function proofsOf({ security }: GidsSession, command: ApplicationCommand) {
  return { user: security.user, administrator: security.administrator, interface: command.interface };
}

/** The file of the key with this reference. */
export function keyFileOf({ image }: GidsSession, reference: number): KeyFile | undefined {
  const file = image.files.get(keyFileId(reference));
  return file?.kind === "key" ? file : undefined;
}

/** Everything that was shown and chosen since the application was selected is forgotten. */
export function forget(session: GidsSession): void {
  session.security.clear();
  session.environment.clear();
  session.current = undefined;
}
