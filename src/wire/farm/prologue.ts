// SPDX-License-Identifier: MIT

import { FARM_VERSION } from "./limits.ts";

/** What both sides of a handshake know: a message of one farm, host, client or session is refused in another. */
export function farmPrologue(farm: string, host: string, client: string, session: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(["scard farm", FARM_VERSION, farm, host, client, session]));
}
