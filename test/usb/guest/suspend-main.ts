// SPDX-License-Identifier: MIT

// Has the machine suspended and resumed with a card in use in QEMU's reader, and says on the console what became of that.
//
// The kernel suspends every device, waits and resumes (pm_test "devices"); only the processor goes on. The folders that this machine
// shares with its host are gone after that, as 9p over virtio has no way back: what is needed then has to be in memory before.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { encodeHex, hexBytes } from "../../../src/base/binary/index.ts";
import type { Context } from "../../../src/port/index.ts";
import { Service, until } from "./service.ts";
import { RESULT } from "./suspend.ts";

/** The card manager of the CAC card. */
const select = hexBytes("00A4040007A0000000790100");
const DEVICES = "/sys/bus/usb/devices";
const QEMU_VENDOR = "08e6";

/** Takes the card: what it answers to a reset, and to a command. */
async function use(service: Service, context: Context, reader: string): Promise<string> {
  const connection = await service.connect(context, reader);
  const { atr } = await connection.status();
  const answer = await connection.transmit(select);
  await connection.disconnect("unpower");
  return `${encodeHex(atr)} ${encodeHex(answer)}`;
}

function readersIn(context: Context): Promise<readonly string[]> {
  return context.listReaders().catch(() => []);
}

/** The folder of QEMU's reader below {@link DEVICES}. */
function deviceFolder(): string {
  const found = readdirSync(DEVICES).find((name) => {
    try {
      return readFileSync(`${DEVICES}/${name}/idVendor`, "utf8").trim() === QEMU_VENDOR;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error("QEMU's reader is not there");
  return `${DEVICES}/${found}`;
}

/** Reads every file that these processes have mapped, so that it is in memory. */
function keepInMemory(...processes: readonly (number | "self")[]): void {
  const files = processes.flatMap((pid) => readFileSync(`/proc/${pid}/maps`, "utf8").match(/\/\S+$/gm) ?? []);
  for (const file of new Set(files)) {
    try {
      readFileSync(file);
    } catch {
      // Not every mapping is a file.
    }
  }
}

async function run(): Promise<unknown> {
  process.chdir("/tmp");
  const service = await Service.start("scard");
  const context = await service.context();
  const reader = await until("QEMU's reader", async () => (await readersIn(context))[0]);
  const first = await use(service, context, reader);
  // All that a reader's way back needs is loaded by this.
  const file = `${deviceFolder()}/authorized`;
  await writeFile(file, "0");
  await until("no reader", async () => ((await readersIn(context)).length === 0 ? true : undefined));
  await writeFile(file, "1");
  await until("the reader again", async () => (await readersIn(context))[0]);
  assert.equal(await use(service, context, reader), first);
  const connection = await service.connect(context, reader);
  assert.equal(`${encodeHex((await connection.status()).atr)} ${encodeHex(await connection.transmit(select))}`, first);
  keepInMemory("self", service.pid);
  const start = performance.now();
  writeFileSync("/sys/power/sync_on_suspend", "0");
  writeFileSync("/sys/power/pm_test", "devices");
  await writeFile("/sys/power/state", "mem");
  const outcome = await connection.transmit(select).then(encodeHex, (error: unknown) => String(Object(error).code));
  await connection.disconnect().catch(() => undefined);
  await until("the reader after the suspend", async () =>
    (await readersIn(context)).includes(reader) ? true : undefined,
  );
  const again = await use(service, context, reader);
  return {
    reader,
    first,
    outcome,
    again,
    readers: await readersIn(context),
    ms: Math.round(performance.now() - start),
  };
}

const result = await run().catch((error: unknown) => ({ error: error instanceof Error ? error.stack : String(error) }));
// Its own line, whatever the kernel writes there.
process.stdout.write(`\n${RESULT}${JSON.stringify(result)}\n`, () => writeFileSync("/proc/sysrq-trigger", "o"));
