// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import {
  abilities,
  behaviours,
  formatBehaviours,
  formatDifferences,
  managers,
} from "../../src/testing/conformance/index.ts";

const page = `# Conformance: what every manager does, and where they differ

One suite of ${behaviours.length} behaviours is run on every manager behind the port: each function with its success and
its failures, share modes, transactions of two programs, resets, removals, waits and their ends, event counts, lengths,
closed handles. A behaviour is data (\`src/testing/conformance/\`): its title, its source, its steps, and its expected results, point
by point.

All managers have the same expected results. Where a manager differs by nature, the table below has a row, with the reason
and its source; the tests (\`test/conformance/\`) fail for a difference without a row, and for a row without a difference.
This page is generated from the same data: \`npx vitest run test/conformance/page.test.ts -u\` writes it.

| manager | how it is tested |
| --- | --- |
| ${managers["embedded-windows"]} | a virtual reader, on a simulated clock |
| ${managers["embedded-pcsclite"]} | a virtual reader, on a simulated clock |
| ${managers.daemon} | joined in memory, on a simulated clock; and the daemon as a process, with a vpcd reader |
| ${managers.pcscd} | Debian's pcscd as a process, with vsmartcard's vpcd driver |
| ${managers["system-daemon"]} | the daemon as a process, with a vpcd reader |
| ${managers["system-pcscd"]} | Debian's pcscd as a process, with vsmartcard's vpcd driver |

The card is always the same software card with known answers. A vpcd reader cannot be unplugged, so behaviours that need
that are run with virtual readers only; and a mute card is not tested with pcscd, whose vpcd driver treats a card
without an ATR as absent. Windows' and macOS' own managers are not tested, because the tests have no such machine. \`scard
conformance\` runs the suite on any machine, with its own reader and card
([how](../guide/cli.md#scard-conformance)).

Where a timing is observed, "waits" means that the call had not ended after a tenth of a second, or, where it should have
ended, after two seconds.

## What differs

Managers that are not named here have no difference.

${formatDifferences()}
## The behaviours

What a behaviour needs from its stage: ${Object.entries(abilities)
  .map(([ability, meaning]) => `\`${ability}\` (${meaning})`)
  .join(", ")}.

${formatBehaviours()}`;

test("docs/interop/conformance.md tells the suite and its table of differences", async () => {
  await expect(page).toMatchFileSnapshot("../../docs/interop/conformance.md");
});
