// SPDX-License-Identifier: MIT

import assert from "node:assert/strict";
import type { Scenario } from "./scenario.ts";
import { Service, type ServiceKind, until } from "./service.ts";

/** Programs of other projects with the CAC card of QEMU: what each prints, the same from every service. */
const programs: Readonly<Record<string, readonly [string, ...string[]]>> = {
  pcsc_scan: ["timeout", "3", "pcsc_scan", "-n"],
  "opensc-tool -n": ["opensc-tool", "-n"],
  "opensc-tool -a": ["opensc-tool", "-a"],
  "pkcs15-tool -c": ["pkcs15-tool", "-c"],
  "pkcs11-tool -L": ["pkcs11-tool", "-L"],
  "pkcs11-tool --test": ["pkcs11-tool", "--test", "--login", "--pin", "1234"],
};

/** What differs from run to run: pcsc_scan's clock and its turning bar. */
function withoutTime(output: string): string {
  return output
    .replace(/ -\s{2}[-\\|/\s]*/g, "")
    .split("\n")
    .filter((line) => !/^\w{3} \w{3} +\d+ [\d:]+ \d{4}$/.test(line.trim()))
    .map((line) => line.trimEnd())
    .join("\n");
}

function cacScenario(kind: ServiceKind, args: readonly string[], title: string): Scenario {
  return {
    title,
    async run({ kept }) {
      const service = await Service.start(kind, args);
      try {
        const context = await service.context();
        const reader = await until("QEMU's reader", async () => (await context.listReaders().catch(() => []))[0]);
        await service.card(context, reader, true);
        const outputs: Record<string, string> = {};
        for (const [name, [command, ...rest]] of Object.entries(programs)) {
          outputs[name] = withoutTime((await service.run(command, rest)).output);
        }
        kept.set(`cac ${kind}`, outputs);
        assert.match(outputs["opensc-tool -n"] ?? "", /Common Access Card|CAC/);
        assert.equal(outputs["pkcs15-tool -c"]?.match(/X\.509 Certificate \[/g)?.length, 3);
        assert.match(outputs["pkcs11-tool --test"] ?? "", /testing key 2/);
        assert.match(outputs.pcsc_scan ?? "", /3B 7A 18 00 00 73 66 74 65 20 63 64 31 34 34/);
        if (kind !== "pcscd") {
          const reference = kept.get("cac pcscd") as typeof outputs | undefined;
          for (const name of Object.keys(programs)) assert.equal(outputs[name], reference?.[name], name);
        }
        return { reader, outputs };
      } finally {
        await service.stop();
      }
    },
  };
}

export const cacScenarios: readonly Scenario[] = [
  cacScenario("pcscd", [], "the CAC card of QEMU through pcscd and libccid, for comparison"),
];
