// SPDX-License-Identifier: MIT

import type { SoftwareCard } from "../software-card/index.ts";

/**
 * The card, and a call whenever a command has changed what it keeps.
 *
 * @param state what it keeps, for `JSON.stringify`
 * @param mayChange whether a command may change that at all. @default all may
 */
export function watchedCard(
  card: SoftwareCard,
  state: () => object,
  changed: () => void,
  mayChange: (command: Uint8Array) => boolean = () => true,
): SoftwareCard {
  const now = (): string => JSON.stringify(state());
  let last = now();
  return {
    reset: (kind) => card.reset(kind),
    powerOff: () => card.powerOff(),
    async process(command) {
      const isWatched = mayChange(command);
      const answer = await card.process(command);
      if (!isWatched) return answer;
      const after = now();
      if (after !== last) changed();
      last = after;
      return answer;
    },
  };
}
