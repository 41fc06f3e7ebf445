// SPDX-License-Identifier: MIT

// What `scard doctor` makes of Windows: texts in the shape that its programs print, and codes of SCardEstablishContext.

import { describe, expect, it } from "vitest";
import { diagnose } from "../../src/apps/cli/doctor.ts";
import type { WindowsFacts } from "../../src/apps/cli/doctor-machine.ts";
import type { Diagnosis } from "../../src/apps/cli/doctor-report.ts";
import { surfacesOf } from "../../src/apps/cli/doctor-surfaces.ts";
import { describeDiagnosis } from "../../src/apps/cli/doctor-text.ts";
import { parseDevices, parseRegistryDword, parseService, windowsFacts } from "../../src/apps/cli/doctor-windows.ts";
import { painter } from "../../src/apps/cli/terminal.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { BrokenPackage } from "../../src/platform/node/runtime/index.ts";
import { abiOf } from "../../src/platform/node/system/abi.ts";
import { contextFailure } from "../../src/platform/node/system/failures.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { settle, world } from "../manager/world.ts";
import { answering, failing, findingOf, idsOf, type Script, scriptedMachine } from "./scripted-machine.ts";

function crlf(text: string): string {
  return text.replaceAll("\n", "\r\n");
}

function query(state: string, heading = "STATE "): string {
  return crlf(`
SERVICE_NAME: SCardSvr 
        TYPE               : 20  WIN32_SHARE_PROCESS  
        ${heading}             : ${state} 
                                (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)
        WIN32_EXIT_CODE    : 1077  (0x435)
        SERVICE_EXIT_CODE  : 0  (0x0)
        CHECKPOINT         : 0x0
        WAIT_HINT          : 0x0
`);
}

function config(start: string): string {
  return crlf(`[SC] QueryServiceConfig SUCCESS

SERVICE_NAME: SCardSvr
        TYPE               : 20  WIN32_SHARE_PROCESS 
        START_TYPE         : ${start}
        ERROR_CONTROL      : 1   NORMAL
        BINARY_PATH_NAME   : C:\\Windows\\system32\\svchost.exe -k LocalServiceAndNoImpersonation -p
        LOAD_ORDER_GROUP   : SmartCardGroup
        DISPLAY_NAME       : Smart Card
        DEPENDENCIES       : 
        SERVICE_START_NAME : NT AUTHORITY\\LocalService
`);
}

const missing = crlf(`[SC] EnumQueryServicesStatus:OpenService FAILED 1060:

The specified service does not exist as an installed service.

`);

const running: WindowsFacts = { service: { state: "running", isDisabled: false }, devices: [] };

function visit(script: Script = {}): Promise<Diagnosis> {
  const machine = { platform: "win32", sockets: [], environment: {}, windows: async () => running, ...script } as const;
  return diagnose(scriptedMachine(machine), () => ["Test card"]);
}

function withoutReader(): EmbeddedManager {
  return new EmbeddedManager({ runtime: new SimulatedRuntime({ settle }) });
}

/** The manager of a Windows whose SCardEstablishContext answers with a number. */
function answeringWith(number: number): NonNullable<Script["system"]> {
  const { code, reason, details } = contextFailure(abiOf("win32", "x64"), number, "establish context");
  return async () => failing(code, reason, details);
}

describe("what the programs of Windows print", () => {
  it("has the state of a service, in any language", () => {
    for (const heading of ["STATE ", "STATUS", "ÉTAT  "]) {
      const one = (state: string, start = "3   DEMAND_START") =>
        parseService({ status: 0, stdout: query(state, heading) }, config(start));
      expect(one("4  RUNNING")).toEqual({ state: "running", isDisabled: false });
      expect(one("1  STOPPED")).toEqual({ state: "stopped", isDisabled: false });
      expect(one("1  STOPPED", "4   DISABLED")).toEqual({ state: "stopped", isDisabled: true });
      expect(one("2  START_PENDING")).toEqual({ state: "changing", isDisabled: false });
    }
  });

  it("has the number of the error where a service is not installed", () => {
    const absent = { state: "not-installed", isDisabled: false };
    expect(parseService({ status: 1060, stdout: "" }, "")).toEqual(absent);
    // The status of a program has eight bits on some systems.
    expect(parseService({ status: 36, stdout: missing }, "")).toEqual(absent);
    expect(parseService({ status: 36, stdout: missing.replace("FAILED", "FEHLER") }, "")).toEqual(absent);
  });

  it("may be nothing that is known", () => {
    expect(
      parseService({ status: 5, stdout: "[SC] OpenSCManager FAILED 5:\r\n\r\nAccess is denied." }, ""),
    ).toBeUndefined();
    expect(parseService({ status: 0, stdout: "" }, "")).toBeUndefined();
    for (const text of ["", "no JSON", "{}", "null"]) expect(parseDevices(text)).toBeUndefined();
    expect(
      parseRegistryDword("ERROR: The system was unable to find the specified registry key or value."),
    ).toBeUndefined();
  });

  it("has the devices and the number of their problem", () => {
    const printed =
      '\uFEFF[{"problem":0,"name":"Microsoft Usbccid Smartcard Reader (WUDF)"},{"name":"Lecteur à puce","problem":28}]\r\n';
    expect(parseDevices(printed)).toEqual([
      { name: "Microsoft Usbccid Smartcard Reader (WUDF)", problem: 0 },
      { name: "Lecteur à puce", problem: 28 },
    ]);
    expect(parseDevices('[{"name":null}, 5]')).toEqual([
      { name: "a reader", problem: 0 },
      { name: "a reader", problem: 0 },
    ]);
  });

  it("has the value of the registry", () => {
    const printed = (value: string) =>
      crlf(`
HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\\Calais
    DisableCapiOverrideForRSA    REG_DWORD    ${value}

`);
    expect(parseRegistryDword(printed("0x0"))).toBe(0);
    expect(parseRegistryDword(printed("0x1"))).toBe(1);
  });

  it("is asked from the folder of Windows; what cannot be asked is left out", async () => {
    const asked: string[] = [];
    const facts = await windowsFacts(async (program, args) => {
      asked.push([program, ...args].join(" "));
      if (program.endsWith("sc.exe"))
        return { status: 0, stdout: args[0] === "qc" ? config("3 DEMAND_START") : query("4  RUNNING") };
      return undefined;
    }, "D:\\Win");
    const service = { state: "running", isDisabled: false };
    expect(facts).toEqual({ service, certificatePropagation: service });
    expect(asked).toContain("D:\\Win\\System32\\sc.exe query SCardSvr");
    expect(asked.every((line) => line.startsWith("D:\\Win\\System32\\"))).toBe(true);
    expect(await windowsFacts(async () => undefined)).toEqual({});
  });
});

describe("scard doctor on Windows", () => {
  it("says what the service lacks", async () => {
    const noService = 0x8010_001d;
    for (const [service, id] of [
      [{ state: "not-installed", isDisabled: false }, "windows-service-missing"],
      [{ state: "stopped", isDisabled: true }, "windows-service-disabled"],
      [{ state: "stopped", isDisabled: false }, "windows-service-stopped"],
      [{ state: "changing", isDisabled: false }, "windows-service-stopped"],
    ] as const) {
      const found = await visit({ system: answeringWith(noService), windows: async () => ({ service }) });
      expect(found.healthy).toBe(false);
      expect(idsOf(found)).toEqual([id]);
    }
    // Windows did not tell: the code of SCardEstablishContext is all that is known.
    for (const code of [noService, 0x8010_001e, 0x8010_0001]) {
      const found = await visit({ system: answeringWith(code), windows: async () => ({}) });
      expect(idsOf(found)).toEqual(["readers-unknown"]);
      expect(found.healthy).toBe(false);
    }
  });

  it("has no reader: none is plugged in, one has no driver, or the service does not see it", async () => {
    const manager = withoutReader();
    const system = async () => answering(manager);
    const none = await visit({ system });
    expect(idsOf(none)).toEqual(["no-reader"]);
    expect(findingOf(none, "no-reader").remedies.join()).toContain("Device Manager");
    const devices = [{ name: "Reader X", problem: 28 }];
    const undriven = findingOf(
      await visit({ system, windows: async () => ({ ...running, devices }) }),
      "reader-unseen",
    );
    expect(undriven.message).toBe("Reader X is plugged in, but has no driver.");
    const broken = [{ name: "Reader X", problem: 43 }];
    const failed = findingOf(
      await visit({ system, windows: async () => ({ ...running, devices: broken }) }),
      "reader-unseen",
    );
    expect(failed.message).toContain("the Device Manager has problem 43");
    const good = [{ name: "Reader X", problem: 0 }];
    const unseen = findingOf(
      await visit({ system, windows: async () => ({ ...running, devices: good }) }),
      "reader-unseen",
    );
    expect(unseen.message).toBe("Reader X: plugged in, but the service has no reader.");
    expect(findingOf(await visit({ system, windows: async () => ({}) }), "no-reader").message).toBe(
      "The service runs, but has no reader.",
    );
  });

  it("is in a session of Remote Desktop", async () => {
    const environment = { SESSIONNAME: "RDP-Tcp#0" };
    const manager = withoutReader();
    const empty = await visit({ environment, system: async () => answering(manager) });
    expect(idsOf(empty)).toEqual(["no-reader", "remote-session"]);
    expect(findingOf(empty, "no-reader").remedies.join()).toContain("Local Resources");
    // ERROR_BROKEN_PIPE: the client passes no readers on.
    for (const code of [109, 0x8010_001d]) {
      const refused = await visit({ environment, system: answeringWith(code) });
      expect(idsOf(refused)).toEqual(["readers-unknown", "remote-session"]);
      expect(findingOf(refused, "readers-unknown").remedies.join()).toContain("Local Resources");
    }
    const here = await visit({ environment: { SESSIONNAME: "Console" }, system: async () => answering(manager) });
    expect(idsOf(here)).toEqual(["no-reader"]);
  });

  it("has no files of Unix on the current drive", async () => {
    const { file, processes, readText } = surfacesOf("/", "win32");
    expect([await file("/etc/passwd"), await readText("/etc/os-release"), await processes()]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    expect((await visit()).platform.name).toBe("Windows");
  });

  it("has a card: its RSA keys are reached in another way since October 2025", async () => {
    const { manager } = await world();
    await settle();
    const system = async () => answering(manager);
    const found = await visit({ system });
    expect([found.healthy, findingOf(found, "rsa-keys").level]).toEqual([true, "note"]);
    const old = await visit({ system, windows: async () => ({ ...running, disableCapiOverrideForRsa: 0 }) });
    expect([old.healthy, findingOf(old, "rsa-keys").level]).toEqual([false, "warning"]);
    const linux = await visit({ platform: "linux", system });
    expect(idsOf(linux)).not.toContain("rsa-keys");
  });
});

describe("all is well", () => {
  const verdict = (found: Diagnosis): string => describeDiagnosis(found, painter(false)).at(-1) ?? "";

  it("is never said where there is no manager", async () => {
    for (const platform of ["win32", "darwin", "linux"] as const) {
      for (const code of ["unsupported-feature", "no-service", "unknown-error"] as const) {
        const system = async (): Promise<never> => {
          throw new SmartCardError(code, "the smart card library has no function SCardGetAttrib");
        };
        const environment = { SCARD_MANAGER: "system" };
        const found = await visit({ platform, system, environment });
        expect(found.manager.kind).toBe("none");
        expect(found.healthy).toBe(false);
        expect(verdict(found)).not.toContain("well");
        expect(findingOf(found, "subsystem-failed").message).toContain("no function SCardGetAttrib");
      }
      const bare = await visit({ platform, packageVersion: async () => undefined, sockets: [] });
      expect([platform, bare.manager.kind, bare.healthy]).toEqual([platform, "none", false]);
    }
  });

  it("is not said where a package is installed and does not load", async () => {
    const { manager } = await world();
    const cause = new BrokenPackage("libsql is installed, but cannot be loaded: no such symbol");
    const sqlite = async () => new SmartCardError("unsupported-feature", "the database needs SQLite", {}, { cause });
    const found = await visit({ sqlite, system: async () => answering(manager) });
    expect(found.healthy).toBe(false);
    expect(findingOf(found, "sqlite-broken").message).toContain("no such symbol");
  });
});
