// SPDX-License-Identifier: MIT

// Measures pcscd with libccid and our service with our driver by turns, in one machine with one model of a reader, and writes
// the raw figures into the folder of the run: results.json. Environment: ROUNDS, CALLS, MOVES, WARM, CLIENT (a program).

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeRuntime } from "../../../src/platform/node/runtime/index.ts";
import {
  CardLine,
  type CcidReaderModel,
  type Preset,
  RigCard,
  readerModel,
  type TransferStep,
} from "../models/index.ts";
import { echo } from "./commands.ts";
import { pollEvery, runFolder, Service, type ServiceKind, until } from "./service.ts";
import { Vhci } from "./vhci.ts";

const lengths = [5, 255, 4096, 65_535];
const setting = (name: string): number => Number(process.env[name] ?? 1);
const client = process.env.CLIENT ?? "";
const usb = new Vhci();
let serialNumber = 0;

/** Processor time of a process and all its threads so far, in microseconds: utime and stime, in ticks of 10 ms. */
function processorUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** When the last command of a service has arrived at a model, by `performance`. */
let commandAt = 0;

/** A model with a card in it. */
function newModel(preset: Preset): { readonly model: CcidReaderModel; readonly serial: string } {
  const serial = `BENCH${++serialNumber}`;
  const transferFaults = ({ kind }: TransferStep): undefined => {
    if (kind === "out") commandAt = performance.now();
  };
  const model = readerModel(preset, { clock: nodeRuntime().clock, serial, transferFaults });
  model.insert(new CardLine(new RigCard()));
  return { model, serial };
}

interface Insertions {
  /** From the insertion of a card to the end of a wait for it, time and again, in milliseconds. */
  readonly times: readonly number[];
  /** From the insertion to IccPowerOn, which is the last command before the end of the wait. */
  readonly powerOns: readonly number[];
}

async function insertions(service: Service, reader: string, model: CcidReaderModel): Promise<Insertions> {
  const context = await service.context();
  const times: number[] = [];
  const powerOns: number[] = [];
  const moves = 2 * setting("MOVES");
  for (let move = 0; move < moves; move++) {
    model.remove();
    await service.card(context, reader, false);
    // The stock service looks every 400 ms where it looks: moments are spread over its period.
    await pause(450 + (400 * move) / moves);
    const [state] = await context.getStatusChange([{ reader }], { timeoutMs: 0 });
    const wake = context.getStatusChange([
      { reader, ...(state === undefined ? {} : { flags: state.flags, eventCount: state.eventCount }) },
    ]);
    await pause(20);
    const start = performance.now();
    model.insert(new CardLine(new RigCard()));
    await wake;
    times.push(performance.now() - start);
    powerOns.push(commandAt - start);
    await service.card(context, reader, true);
  }
  return { times, powerOns };
}

/** The same with a reader that has no interrupt endpoint: both services have to look. */
async function polledInsertions(service: Service): Promise<Insertions> {
  const { model, serial } = newModel("no interrupt endpoint");
  model.plug();
  await usb.plug(model);
  try {
    return await insertions(service, await service.reader(await service.context(), serial), model);
  } finally {
    model.unplug();
  }
}

async function measure(kind: ServiceKind): Promise<unknown> {
  const { model, serial } = newModel("extended APDU");
  const service = await Service.start(kind, true);
  try {
    const plugsMs: number[] = [];
    const context = await service.context();
    for (let plug = 0; plug < setting("MOVES"); plug++) {
      const start = performance.now();
      model.plug();
      await usb.plug(model);
      const connection = await service.connect(context, await service.reader(context, serial));
      await connection.transmit(echo(Uint8Array.of(1)));
      plugsMs.push(performance.now() - start);
      await connection.disconnect();
      if (plug + 1 === setting("MOVES")) break;
      model.unplug();
      await service.noReader(context, serial);
    }
    const reader = await service.reader(context, serial);
    const run = async (count: number, sizes: readonly number[]): Promise<Record<string, unknown>> => {
      const ran = await service.run(client, [reader, String(count), ...sizes.map(String)]);
      return JSON.parse(ran.output) as Record<string, unknown>;
    };
    // A service that runs for days is warm. The first thousands of calls of a new one say more about V8's compiler, which takes
    // time from the machine's only processor meanwhile.
    await run(setting("WARM"), [255]);
    await run(setting("CALLS"), lengths);
    const transmit = await run(setting("CALLS"), lengths);
    const before = processorUs(service.pid);
    await run(setting("CALLS"), [255]);
    const calls = Math.floor(setting("CALLS") / 2) + setting("CALLS");
    const processorUsPerCall = (processorUs(service.pid) - before) / calls;
    const { powerOns: powerOnsMs, times: insertionsMs } = await insertions(service, reader, model);
    const { times: polledInsertionsMs } = await polledInsertions(service);
    return { transmit, processorUsPerCall, insertionsMs, powerOnsMs, polledInsertionsMs, plugsMs };
  } finally {
    await service.stop();
    model.unplug();
    await until("the port is empty", async () => (model.plugged ? undefined : true));
  }
}

pollEvery(10);
const rounds: unknown[] = [];
for (let round = 0; round < setting("ROUNDS"); round++) {
  const pcscd = await measure("pcscd");
  const scard = await measure("scard");
  rounds.push({ pcscd, scard });
  console.log(`rig: round ${round + 1}: ${JSON.stringify(rounds.at(-1))}`);
  writeFileSync(join(runFolder, "results.json"), JSON.stringify(rounds));
}
process.exit(0);
