// SPDX-License-Identifier: MIT

import type { BridgeNotice } from "../../faces/bridge-server/index.ts";
import type { Paint } from "./terminal.ts";
import { count, visible } from "./text.ts";

/** A notice of the bridge for programs: one line of JSON. */
export function bridgeEvent({ kind, ...about }: BridgeNotice): object {
  return { event: kind, ...about };
}

/** A notice of the bridge for people. */
export function bridgeLine(notice: BridgeNotice, paint: Paint): string {
  const origin = visible(notice.origin);
  switch (notice.kind) {
    case "pairing-code": {
      const code = `${notice.code.slice(0, 4)} ${notice.code.slice(4)}`;
      return `${origin} wants to use your smart cards. To allow it, type this code there within 5 minutes: ${paint("bold", code)}`;
    }
    case "paired":
      return `${origin} is paired; "scard bridge revoke ${origin}" takes it back`;
    case "wrong-code":
      return `${origin}: wrong code, ${count(notice.triesLeft, "try").replace("trys", "tries")} left`;
    case "refused":
      return `${origin} was refused: ${visible(notice.reason)}`;
  }
}
