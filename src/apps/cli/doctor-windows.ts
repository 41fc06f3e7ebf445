// SPDX-License-Identifier: MIT

import type { Machine, WindowsDevice, WindowsFacts, WindowsService } from "./doctor-machine.ts";
import type { Finding } from "./doctor-report.ts";
import { visible } from "./text.ts";

/** What a program printed, and how it ended; undefined where it could not be run. */
export type RunProgram = (
  program: string,
  args: readonly string[],
) => Promise<{ readonly status: number; readonly stdout: string } | undefined>;

/** USB devices of class 0Bh are smart card readers (USB-IF, CCID 1.1); those without a driver have no class of Windows. */
const deviceQuery = [
  "Get-CimInstance Win32_PnPEntity",
  "Where-Object { $_.PNPClass -eq 'SmartCardReader' -or ($_.CompatibleID -like 'USB\\Class_0B*') }",
  "ForEach-Object { @{ name = $_.Name; problem = $_.ConfigManagerErrorCode } }",
].join(" | ");

const UTF8 = "[Console]::OutputEncoding = [Text.Encoding]::UTF8";

/** Asks Windows, through programs of its own. It changes nothing, and needs no rights. */
export async function windowsFacts(run: RunProgram, systemRoot = "C:\\Windows"): Promise<WindowsFacts> {
  const at = (name: string): string => `${systemRoot}\\System32\\${name}`;
  const service = async (name: string): Promise<WindowsService | undefined> => {
    const [query, config] = await Promise.all([run(at("sc.exe"), ["query", name]), run(at("sc.exe"), ["qc", name])]);
    return query === undefined ? undefined : parseService(query, config?.stdout ?? "");
  };
  const calais = "HKLM\\SOFTWARE\\Microsoft\\Cryptography\\Calais";
  const script = `${UTF8}; ConvertTo-Json -Compress @(${deviceQuery})`;
  const [smartCards, certificates, devices, registry] = await Promise.all([
    service("SCardSvr"),
    service("CertPropSvc"),
    run(at("WindowsPowerShell\\v1.0\\powershell.exe"), ["-NoProfile", "-NonInteractive", "-Command", script]),
    run(at("reg.exe"), ["query", calais, "/v", "DisableCapiOverrideForRSA"]),
  ]);
  const found = devices === undefined ? undefined : parseDevices(devices.stdout);
  const override = registry === undefined ? undefined : parseRegistryDword(registry.stdout);
  return {
    ...(smartCards !== undefined && { service: smartCards }),
    ...(certificates !== undefined && { certificatePropagation: certificates }),
    ...(found !== undefined && { devices: found }),
    ...(override !== undefined && { disableCapiOverrideForRsa: override }),
  };
}

/** ERROR_SERVICE_DOES_NOT_EXIST. */
const NO_SUCH_SERVICE = 1060;

const serviceStates: Readonly<Record<string, WindowsService["state"]>> = {
  STOPPED: "stopped",
  RUNNING: "running",
  START_PENDING: "changing",
  STOP_PENDING: "changing",
  CONTINUE_PENDING: "changing",
  PAUSE_PENDING: "changing",
  PAUSED: "changing",
};

/** Of what `sc query` and `sc qc` print, only the numbers and their names are the same in all languages. */
export function parseService(
  query: { readonly status: number; readonly stdout: string },
  config: string,
): WindowsService | undefined {
  if (query.status === NO_SUCH_SERVICE || /^\[SC\].*\b1060\b/m.test(query.stdout)) {
    return { state: "not-installed", isDisabled: false };
  }
  const found = [...query.stdout.matchAll(/:\s*[1-7]\s+([A-Z_]+)\s*$/gm)].map(([, word = ""]) => serviceStates[word]);
  const state = found.find((one) => one !== undefined);
  return state === undefined ? undefined : { state, isDisabled: /:\s*4\s+DISABLED\s*$/m.test(config) };
}

/** The devices that PowerShell prints as JSON; undefined where it printed something else. */
export function parseDevices(text: string): readonly WindowsDevice[] | undefined {
  let printed: unknown;
  try {
    printed = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return undefined;
  }
  if (!Array.isArray(printed)) return undefined;
  return printed.flatMap((device: unknown) => {
    const { name, problem } = Object(device) as { readonly name?: unknown; readonly problem?: unknown };
    return [{ name: typeof name === "string" ? name : "a reader", problem: typeof problem === "number" ? problem : 0 }];
  });
}

/** The value of a line of `reg query`: `    Name    REG_DWORD    0x1`. */
export function parseRegistryDword(text: string): number | undefined {
  const digits = /\sREG_DWORD\s+0x([0-9a-f]{1,8})\s*$/im.exec(text)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** What the smart card service of Windows lacks. */
export function* serviceProblems({ service }: WindowsFacts): Generator<Finding> {
  if (service?.state === "not-installed") {
    yield {
      id: "windows-service-missing",
      level: "problem",
      message: 'This Windows has no smart card service: "Smart Card" (SCardSvr) is not installed.',
      remedies: ["use an edition that has it: Nano Server and some container images do without"],
    };
  } else if (service?.isDisabled === true && service.state !== "running") {
    yield {
      id: "windows-service-disabled",
      level: "problem",
      message: 'The service "Smart Card" (SCardSvr) is disabled.',
      remedies: [
        "as administrator: sc config SCardSvr start= demand",
        "then plug the reader in again, or: sc start SCardSvr",
      ],
    };
  } else if (service?.state === "stopped") {
    yield {
      id: "windows-service-stopped",
      level: "problem",
      message: 'The service "Smart Card" (SCardSvr) is stopped. Windows starts it when a reader is plugged in.',
      remedies: ["plug the reader in again", "as administrator: sc start SCardSvr"],
    };
  } else if (service?.state === "changing") {
    yield {
      id: "windows-service-stopped",
      level: "problem",
      message: 'The service "Smart Card" (SCardSvr) is starting or stopping.',
      remedies: ["wait a moment, and ask again", "restart Windows if it stays so"],
    };
  }
}

/** CM_PROB_FAILED_INSTALL: no driver is installed for the device. */
const NO_DRIVER = 28;

/** Why Windows has no reader, as far as it tells. */
export function* missingWindowsReaders({ devices }: WindowsFacts, isRemote: boolean): Generator<Finding> {
  const broken = devices?.filter(({ problem }) => problem !== 0) ?? [];
  for (const { name, problem } of broken) {
    const what = problem === NO_DRIVER ? "has no driver" : `does not work: the Device Manager has problem ${problem}`;
    yield {
      id: "reader-unseen",
      level: "warning",
      message: `${visible(name)} is plugged in, but ${what}.`,
      remedies: [
        "let Windows look for a driver: Settings, Windows Update, Optional updates",
        "install the driver of the reader's maker; readers of the class CCID work with Windows' own",
      ],
    };
  }
  if (broken.length > 0) return;
  const known = devices !== undefined && devices.length > 0;
  const none = devices === undefined ? "" : "; none is plugged in";
  yield known
    ? {
        id: "reader-unseen",
        level: "warning",
        message: `${devices.map(({ name }) => visible(name)).join(", ")}: plugged in, but the service has no reader.`,
        remedies: isRemote
          ? []
          : ["unplug it and plug it in again", "as administrator: sc stop SCardSvr, then sc start SCardSvr"],
      }
    : {
        id: "no-reader",
        level: "warning",
        message: `The service runs, but has no reader${isRemote ? "" : none}.`,
        remedies: isRemote
          ? [ALLOW_REDIRECTION]
          : ["plug one in", "see whether Windows knows it: Device Manager, Smart card readers"],
      };
}

/** What to do where the client of Remote Desktop does not pass its readers on. */
export const ALLOW_REDIRECTION =
  "plug the reader in where you sit, and allow smart cards in the client: Local Resources, More, Smart cards";

/** Of a session that Remote Desktop shows, Windows says so in SESSIONNAME: `RDP-Tcp#0`. */
export function isRemoteSession({ environment, platform }: Pick<Machine, "environment" | "platform">): boolean {
  return platform === "win32" && /^RDP-/i.test(environment.SESSIONNAME ?? "");
}

/** In a session of Remote Desktop, programs see the readers of the client. */
export function remoteSession(): Finding {
  return {
    id: "remote-session",
    level: "note",
    message:
      "This is a session of Remote Desktop: programs see the readers of the machine that it is shown on, and none of this one.",
    remedies: [
      "to use a reader of this machine, sit at it",
      "a service that does not run in the session sees this machine's",
    ],
  };
}

/** From the updates of October 2025 on a card's RSA keys are reached in another way. */
export function rsaCards({ disableCapiOverrideForRsa: value }: WindowsFacts): Finding {
  const since =
    "With the updates of October 2025 Windows reaches the RSA keys of cards through the Key Storage Provider (KSP)";
  if (value === 0) {
    return {
      id: "rsa-keys",
      level: "warning",
      message: `${since}, and here DisableCapiOverrideForRSA is 0, which keeps the older provider (CSP). Updates from April 2026 on were announced to ignore it.`,
      remedies: [
        "update the programs that need it, then remove the value: HKLM\\SOFTWARE\\Microsoft\\Cryptography\\Calais",
      ],
    };
  }
  return {
    id: "rsa-keys",
    level: "note",
    message: `${since}, not the older CSP. Programs that ask for the CSP fail with "Invalid provider type specified". Programs that send commands to the card are not affected.`,
    remedies: ["update such a program: support.microsoft.com has it as KB 5073121"],
  };
}
