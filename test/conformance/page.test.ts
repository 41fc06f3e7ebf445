// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { abilities, behaviours, formatBehaviours, formatDifferences, managers } from "../../src/conformance/index.ts";

const page = `# Conformance: what every manager does, and where they differ

One suite of ${behaviours.length} behaviours is played on every manager behind the port: each function of it with its
success and its failures, share modes, transactions of two programs, resets, removals, waits and what ends them, event
counts, lengths, handles that are used up. A behaviour is data (\`src/conformance/\`): what it is about, who says that it
is so, what is done, and what comes out, point by point.

What is expected is the same for all. Where a manager differs by nature, the table below has a row, with the reason and
its source; the tests (\`test/conformance/\`) fail for a difference without a row, and for a row that does not show. This
page is made from the same data: \`npx vitest run test/conformance/page.test.ts -u\` writes it anew.

| manager | how it is tested |
| --- | --- |
| ${managers["embedded-windows"]} | a virtual reader, on a simulated clock |
| ${managers["embedded-pcsclite"]} | a virtual reader, on a simulated clock |
| ${managers.daemon} | joined in memory, on a simulated clock; and the daemon as a process, with a vpcd reader |
| ${managers.pcscd} | Debian's pcscd as a process, with vsmartcard's vpcd driver |
| ${managers["system-daemon"]} | the daemon as a process, with a vpcd reader |
| ${managers["system-pcscd"]} | Debian's pcscd as a process, with vsmartcard's vpcd driver |

The card is the same everywhere: one of software, whose answers are known. A vpcd reader cannot be unplugged, so the
behaviours that need that are played with virtual readers only; and a card that does not answer is not played with
pcscd, whose driver for vpcd takes a card without an ATR for none. Windows' and macOS' own managers are not among these: there
is no such machine in the tests. \`scard conformance\` plays the suite on any machine, with its own reader and card
([how](../guide/cli.md#scard-conformance)).

Where a timing is observed, "waits" means that the call was not over after a tenth of a second, or, where it should have
ended, after two seconds.

## What differs

Managers that are not named here differ in nothing.

${formatDifferences()}
## The behaviours

What a behaviour needs of the place where it is played: ${Object.entries(abilities)
  .map(([ability, meaning]) => `\`${ability}\` (${meaning})`)
  .join(", ")}.

${formatBehaviours()}`;

test("docs/interop/conformance.md tells the suite and its table of differences", async () => {
  await expect(page).toMatchFileSnapshot("../../docs/interop/conformance.md");
});
