// SPDX-License-Identifier: MIT

import { hexBytes } from "../../base/binary/index.ts";
import { statusWords as sw } from "../../base/iso7816/index.ts";
import type { ModuleHost } from "./card-module.ts";

/** Selects an application by its AID, in hexadecimal digits, or the beginning of it. @returns the status */
export async function selectApplication(host: ModuleHost, aid: string): Promise<number> {
  const { sw: word } = await host.send({ cla: 0, ins: 0xa4, p1: 0x04, p2: 0x00, data: hexBytes(aid), le: 256 });
  return word;
}

/** Whether the card has the application, which is selected then. */
export async function hasApplication(host: ModuleHost, aid: string): Promise<boolean> {
  return (await selectApplication(host, aid)) === sw.success;
}

/**
 * Selects an application anew that the card had before.
 *
 * @throws SmartCardError with the status, where the card refuses
 */
export async function reselectApplication(host: ModuleHost, aid: string, name: string): Promise<void> {
  const word = await selectApplication(host, aid);
  if (word !== sw.success) throw host.failure(word, `select the ${name} application`);
}
