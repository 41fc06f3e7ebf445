// SPDX-License-Identifier: MIT

// Signs with a PIN that it calculates into bytes, so that the digits stand in no text of this program, and waits.
// Arguments: the socket, the numbers that make the PIN, whether it leaks the PIN on purpose, where the heap snapshot goes.

import { writeHeapSnapshot } from "node:v8";
import { openCard } from "scard/modules";
import { pcscdManager } from "scard/pcscd";

const [socket = "", numbers = "", leaks = "", snapshot = ""] = process.argv.slice(2);

/** @returns {Uint8Array} */
function pinBytes() {
  const pin = new Uint8Array(8);
  const factors = numbers.split(",").map(Number);
  pin.forEach((_, at) => {
    pin[at] = 0x30 + ((factors[at] ?? 0) % 10);
  });
  return pin;
}

const kept = leaks === "leak" ? [pinBytes(), new TextDecoder().decode(pinBytes())] : [];
const card = await openCard({ manager: pcscdManager({ socket }) }, { pin: pinBytes, pinCache: "none" });
await card.sign("9A", new TextEncoder().encode("what is signed"));
await card.verifyPin();
const cached = await openCard({ manager: pcscdManager({ socket }) }, { pin: pinBytes });
await cached.sign("9A", new TextEncoder().encode("what is signed"));
// The PIN stays in the cache of this process while the snapshot is taken, and is used out of it.
const sharing = await openCard({ manager: pcscdManager({ socket }) });
await sharing.sign("9A", new TextEncoder().encode("what is signed"));
globalThis.gc?.();
// This collects garbage too: what is left in memory afterwards is in use still.
writeHeapSnapshot(snapshot);
process.stdout.write("signed\n");
process.stdin.resume();
process.stdin.once("end", () => process.exit(kept.length + Number(cached.reader === card.reader)));
