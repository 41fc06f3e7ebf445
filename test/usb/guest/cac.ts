// SPDX-License-Identifier: MIT

import assert from "node:assert/strict";
import type { Scenario } from "./scenario.ts";
import { type ServiceKind, until } from "./service.ts";

/** Programs of other projects with the CAC card of QEMU: what each prints, the same from every service. */
const programs: Readonly<Record<string, readonly [string, ...string[]]>> = {
  pcsc_scan: ["pcsc_scan", "-n"],
  "opensc-tool -n": ["opensc-tool", "-n"],
  "opensc-tool -a": ["opensc-tool", "-a"],
  "pkcs15-tool -c": ["pkcs15-tool", "-c"],
  "pkcs11-tool -L": ["pkcs11-tool", "-L"],
  "pkcs11-tool --test": ["pkcs11-tool", "--test", "--login", "--pin", "1234"],
};

/** How many moves of the card the service has counted since the reader is there, as pcsc_scan prints it. */
const eventNumber = /^Event number: (\d+)$/m;
/** Ours begins at 1, and the card that is in the reader counts as put in: docs/decisions/0008-event-counts.md. */
const MORE_EVENTS = 2;

/** What differs from run to run: pcsc_scan's clock, and the number of the last event. */
function withoutTime(output: string): string {
  return output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^\w{3} \w{3} +\d+ [\d:]+ \d{4}$|^Event number: \d+$/.test(line))
    .join("\n");
}

/** What the programs saw of a service. */
interface Seen {
  readonly reader: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly events: number;
}

function cacScenario(kind: ServiceKind, title: string): Scenario {
  return {
    title,
    async run({ kept, service: serviceOf }) {
      const service = await serviceOf(kind);
      const context = await service.context();
      const reader = await until("QEMU's reader", async () => (await context.listReaders().catch(() => []))[0]);
      await service.card(context, reader, true);
      const outputs: Record<string, string> = {};
      let events = 0;
      for (const [name, [command, ...rest]] of Object.entries(programs)) {
        // It waits for changes, and turns a bar meanwhile, until it is killed.
        const last = name === "pcsc_scan" ? /ATR: .*\n/ : undefined;
        const { output: whole } = await service.run(command, rest, last);
        const end = last?.exec(whole);
        const output = end ? whole.slice(0, end.index + end[0].length) : whole;
        if (name === "pcsc_scan") events = Number(eventNumber.exec(output)?.[1]);
        outputs[name] = withoutTime(output);
      }
      assert.match(outputs["opensc-tool -n"] ?? "", /Common Access Card|CAC/);
      assert.equal(outputs["pkcs15-tool -c"]?.match(/X\.509 Certificate \[/g)?.length, 3);
      assert.match(outputs["pkcs11-tool --test"] ?? "", /testing key 2/);
      assert.match(outputs.pcsc_scan ?? "", /3B 7A 18 00 00 73 66 74 65 20 63 64 31 34 34/);
      if (kind === "pcscd") kept.set("cac", { reader, outputs, events });
      const reference = kept.get("cac") as Seen | undefined;
      for (const name of Object.keys(programs)) assert.equal(outputs[name], reference?.outputs[name], name);
      assert.equal(reader, reference?.reader);
      assert.equal(events, (reference?.events ?? 0) + (kind === "pcscd" ? 0 : MORE_EVENTS));
      return { reader, outputs, events };
    },
  };
}

/** QEMU's own model of a reader, and its card with the certificates of {@link bootMachine}. */
export const cacReference: Scenario = cacScenario(
  "pcscd",
  "the CAC card of QEMU through pcscd and libccid, for comparison",
);
export const cacOurs: Scenario = cacScenario(
  "scard",
  "the CAC card of QEMU through scard: every program prints what it prints with pcscd",
);
export const cacByLibccid: Scenario = cacScenario(
  "scard with libccid",
  "the CAC card of QEMU through scard with libccid in its own process: every program prints what it prints with pcscd",
);
