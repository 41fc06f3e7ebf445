// SPDX-License-Identifier: MIT

import type { ServiceInfo } from "../../managers/pcscd/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { clientName, summarizeAtr } from "../reports/index.ts";
import type { Machine, ProcessFacts } from "./doctor-machine.ts";
import { isUsed, listStates } from "./doctor-survey.ts";
import { statesOf } from "./readers.ts";
import type { Paint } from "./terminal.ts";
import { count, visible } from "./text.ts";

/** Usage of a service that does not report the users of its readers. */
export interface ServiceUse {
  readonly service: ServiceInfo & {
    /** A service with this protocol that is not scard daemon counts as pcscd. */
    readonly kind: "pcscd";
    readonly socket: string;
    /** Client connections, ours left out; absent where the system does not tell. */
    readonly connections?: number;
  };
  readonly readers: readonly {
    readonly name: string;
    readonly state: readonly string[];
    readonly atr?: Uint8Array;
    readonly summary?: string;
  }[];
  /** Programs that are connected to the service, and those that have its client library loaded. */
  readonly programs: readonly (ProcessFacts & { readonly connected: boolean })[];
}

/** What {@link findUse} needs of the machine. */
export type UseMachine = Pick<Machine, "sockets" | "service" | "socketUse" | "libraryUsers"> & {
  /** This process. */
  readonly pid: number;
};

/**
 * Looks for the service that programs here use, and for the programs that may use its readers.
 *
 * @returns undefined where no service answers
 * @throws what a service that is there fails with
 */
export async function findUse(machine: UseMachine): Promise<ServiceUse | undefined> {
  for (const { considered, path } of machine.sockets) {
    if (!considered) continue;
    try {
      return await useOf(machine, path);
    } catch (error) {
      if (!(error instanceof SmartCardError) || error.code !== "no-service") throw error;
    }
  }
  return undefined;
}

async function useOf(machine: UseMachine, socket: string): Promise<ServiceUse> {
  const service = machine.service(socket);
  const info = await service.probe();
  const readers = (await listStates(service)).map((state) => ({
    name: state.reader,
    state: statesOf(state),
    ...(state.atr.length > 0 && { atr: state.atr, summary: summarizeAtr(state.atr) }),
  }));
  const { connections, programs = [] } = (await machine.socketUse(socket)) ?? {};
  const isOther = ({ name, pid }: ProcessFacts): boolean => pid !== machine.pid && name !== "pcscd";
  const connected = programs.filter(isOther);
  const known = new Set(connected.map(({ pid }) => pid));
  const loaded = (await machine.libraryUsers()).filter((one) => isOther(one) && !known.has(one.pid));
  return {
    service: { kind: "pcscd", socket, ...info, ...(connections !== undefined && { connections }) },
    readers,
    programs: [
      ...connected.map((one) => ({ ...one, connected: true })),
      ...loaded.map((one) => ({ ...one, connected: false })),
    ],
  };
}

/** The same for people. */
export function describeUse({ programs, readers, service }: ServiceUse, isRoot: boolean, paint: Paint): string[] {
  const lines = readers.map(({ name, state, summary }) => {
    const states = paint(state.includes("empty") ? "dim" : "green", state.join(", "));
    return `${paint("bold", visible(name))}  ${states}${summary === undefined ? "" : `  ${summary}`}`;
  });
  if (readers.length === 0) lines.push("there is no reader");
  lines.push("", ...describePrograms(programs, isRoot, paint), "", ...describeService(service, readers));
  return lines;
}

function describePrograms(programs: ServiceUse["programs"], isRoot: boolean, paint: Paint): string[] {
  const lines = programs.map(({ connected, name, pid }) => {
    const how = connected ? "is connected to the service" : "has the client library loaded";
    return `  ${paint("bold", clientName({ name, pid }))}  ${how}`;
  });
  const title =
    lines.length === 0 ? "no program that uses the service can be seen" : "programs that may use the readers";
  return [title, ...lines, ...(isRoot ? [] : [paint("dim", "  programs of other users are not shown: ask as root")])];
}

function describeService(
  { connections, releases, socket, version }: ServiceUse["service"],
  readers: ServiceUse["readers"],
): string[] {
  const clients = connections === undefined ? "" : `, ${count(connections, "client connection")}`;
  const used = readers.filter(({ state }) => isUsed(state)).length;
  const limits = used === 0 ? "No reader is in use." : "pcscd does not report which program uses which reader.";
  return [`pcscd on ${visible(socket)}, protocol ${version} (pcsc-lite ${releases})${clients}. ${limits}`];
}
