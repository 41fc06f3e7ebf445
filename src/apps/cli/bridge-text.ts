// SPDX-License-Identifier: MIT

import type { BridgeNotice } from "../../faces/bridge-server/index.ts";
import type { Clock } from "../../port/index.ts";
import type { Paint } from "./terminal.ts";
import { count, visible } from "./text.ts";

/** A notice of the bridge for programs: one line of JSON. */
export function bridgeEvent({ kind, ...about }: BridgeNotice): object {
  return { event: kind, ...about };
}

/** How many refusals are told in one span, and how long a span is, in milliseconds. */
const REFUSALS = 10;
const SPAN_MS = 10_000;

/** Any local program can be refused a thousand times in a second: ten refusals are told in ten seconds, then the number of those left out. */
export function quietRefusals(clock: Clock, tell: (notice: BridgeNotice) => void): (notice: BridgeNotice) => void {
  let told = 0;
  const endSpan = (): void => {
    const leftOut = told - REFUSALS;
    told = 0;
    if (leftOut > 0) tell({ kind: "refused", origin: "other connections", reason: `${leftOut} more in ten seconds` });
  };
  return (notice) => {
    if (notice.kind === "refused") {
      if (told === 0) clock.schedule(SPAN_MS, "bridge: refusals", endSpan, { background: true });
      told++;
      if (told > REFUSALS) return;
    }
    tell(notice);
  };
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
    case "not-kept":
      return `${origin} has sent the right code, but the pairing cannot be kept: ${visible(notice.reason)}`;
    case "wrong-code":
      return `${origin}: wrong code, ${count(notice.triesLeft, "try").replace("trys", "tries")} left`;
    case "refused":
      return `${origin} was refused: ${visible(notice.reason)}`;
  }
}
