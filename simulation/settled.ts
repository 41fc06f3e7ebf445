// SPDX-License-Identifier: MIT

/** Turns that are asked for at once. */
const TURNS = 64;

const waiting: (() => void)[] = [];
let turnsLeft = 0;

/**
 * Resolves when every promise callback that is due has run, and every rejection that is not handled was reported: as
 * `new Promise(setImmediate)`, which takes the event loop a turn each time. Immediates that were asked for together come in
 * one turn, one after the other, and between two of them Node runs all that is due.
 */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length <= turnsLeft) return;
    turnsLeft += TURNS;
    for (let turn = 0; turn < TURNS; turn++) setImmediate(goOn);
  });
}

function goOn(): void {
  turnsLeft--;
  waiting.shift()?.();
}
