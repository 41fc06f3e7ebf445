// SPDX-License-Identifier: MIT

import type { FileFacts, Machine, ProbedService, SocketPlace } from "../../src/apps/cli/doctor-machine.ts";
import { thisMachine } from "../../src/apps/cli/doctor-probes.ts";
import type { Diagnosis, Finding, FindingId } from "../../src/apps/cli/doctor-report.ts";
import { type ResourceManager, SmartCardError } from "../../src/port/index.ts";

/** The socket of {@link scriptedMachine}. */
export const SOCKET_PATH = "/run/pcscd/pcscd.comm";

const systemSocket: SocketPlace = { path: SOCKET_PATH, origin: "system", considered: true };

/** A file that root alone may write to. */
export function fileOf(kind: FileFacts["kind"], mode = 0o644, group = "root"): FileFacts {
  return { kind, owner: "root", group, mode, identity: `${kind}:${mode}:${group}` };
}

/** A failure as those of the service's client. */
export function failing(...error: ConstructorParameters<typeof SmartCardError>): ProbedService {
  const fail = async (): Promise<never> => {
    throw new SmartCardError(...error);
  };
  return { probe: fail, establishContext: fail };
}

/** A service that answers, with the readers of a manager. */
export function answering(manager: ResourceManager): ProbedService {
  return {
    probe: async () => ({ version: "4:4", releases: "1.8.24 to 2.2.3" }),
    establishContext: (options) => manager.establishContext(options),
  };
}

/** What a scripted machine has. */
export interface Script extends Partial<Omit<Machine, "file" | "readText">> {
  readonly files?: Readonly<Record<string, FileFacts | "denied">>;
  readonly texts?: Readonly<Record<string, string>>;
}

/** A simulated Linux machine with only what the test defines, readable by every user. */
export function scriptedMachine({ files = {}, texts = {}, ...rest }: Script = {}): Machine {
  return {
    ...thisMachine({}),
    platform: "linux",
    architecture: "x64",
    release: "6.1.0",
    nodeVersion: "22.20.0",
    sqlite: async () => undefined,
    windows: async () => ({}),
    user: { uid: 1000, name: "ada", groups: ["users"] },
    sockets: [systemSocket],
    packageVersion: async () => "1.2.3",
    file: async (path) => files[path],
    readText: async (path) => texts[path],
    processes: async () => [],
    libraryUsers: async () => [],
    socketUse: async () => undefined,
    clientLibrary: async () => undefined,
    usbReaders: async () => [],
    serialPorts: async () => [],
    service: () => failing("no-service", "nothing listens"),
    who: async () => {
      throw new SmartCardError("no-service", "nothing listens");
    },
    system: async () => {
      throw new SmartCardError("no-service", "there is no library");
    },
    ...rest,
  };
}

/** This machine with one socket, and nothing on it that could disturb a test: the service is real, the rest is not. */
export function machineWithSocket(path: string, script: Script = {}): Machine {
  const { file, service, who } = thisMachine({});
  const places: SocketPlace[] = [{ path, origin: "PCSCLITE_CSOCK_NAME", considered: true }];
  const scripted = scriptedMachine(script);
  return {
    ...scripted,
    sockets: places,
    file: async (one) => (one === path ? file(one) : scripted.file(one)),
    service,
    who,
  };
}

/** The finding of that name. */
export function findingOf(diagnosis: Diagnosis, id: FindingId): Finding {
  const found = diagnosis.findings.find((finding) => finding.id === id);
  if (found === undefined)
    throw new Error(`there is no ${id}, but ${diagnosis.findings.map((one) => one.id).join(", ")}`);
  return found;
}

/** Names of the findings, the gravest first. */
export function idsOf({ findings }: Diagnosis): FindingId[] {
  return findings.map(({ id }) => id);
}
