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
| ${managers["system-windows"]} | Windows' own Node 20 and 22, with a virtual reader: see below |

The card is always the same software card with known answers. A vpcd reader cannot be unplugged, so behaviours that need
that are run with virtual readers only; and a mute card is not tested with pcscd, whose vpcd driver treats a card
without an ATR as absent. macOS' own manager is not tested, because the tests have no such machine. \`scard conformance\`
runs the suite on any machine, with its own reader and card ([how](../guide/cli.md#scard-conformance)).

Where a timing is observed, "waits" means that the call had not ended after a tenth of a second, or, where it should have
ended, after two seconds.

## Windows

The rows of ${managers["system-windows"]} say what the package's own part does on Windows: Windows' Node, koffi, the calls
of winscard.dll and what is made of their answers. The DLL is one of the tests (\`test/windows/winscard-dll/\`), written in C
with mingw's \`winscard.h\`. It checks all that it is given, and asks an embedded manager with the profile of Windows;
\`npm run windows:mutants\` breaks the calls, one fault at a time, and has the tests find each. So these rows show Windows' rules as [that profile](profiles.md) has them, through Windows' calls. They do not show:

- what Microsoft's own winscard.dll and its service do, where the profile has them wrong;
- what Microsoft's database and card cache answer (\`database: "system"\` of \`scard/winscard\`);
- drivers: their control codes and attributes, cards without power, readers that answer late or not at all;
- that the service ends a transaction that is idle for five seconds, and what a program sees then;
- that the service starts with the first reader, stops with the last, and what it returns in between;
- remote sessions, in which calls go to the readers of the client;
- Windows' own use of a new card (certificate propagation), which makes the first connect of a program wait or fail;
- 32-bit programs and their calling convention, and Windows on ARM.

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
