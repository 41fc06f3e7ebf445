// SPDX-License-Identifier: MIT

import type { Finding } from "./doctor-report.ts";
import type { Survey } from "./doctor-survey.ts";
import { visible } from "./text.ts";

/** Readers that this user may not open, where a program of this user drives them itself. */
export function* permissionFindings({ sockets, spec, usbReaders }: Survey): Generator<Finding> {
  const denied = usbReaders.filter(({ isDenied }) => isDenied);
  const isEmbedded = spec?.kind === "embedded" && spec.readers.some(({ kind }) => kind === "usb");
  const isOwnDaemon = sockets.some(
    ({ origin, service, used }) => used && service === "scard daemon" && origin === "own",
  );
  if (denied.length === 0 || !(isEmbedded || isOwnDaemon)) return;
  const names = denied.map(({ id, name }) => `${visible(name)} (${id})`).join(", ");
  yield {
    id: "usb-permission",
    level: "warning",
    message: `This user may not open ${names}, so scard cannot drive it.`,
    remedies: ["write the rule of udev that this prints: scard doctor --fix-udev", "run scard daemon as root"],
  };
}

/** Programs and drivers that are known to take readers from each other. */
export function* conflictFindings(survey: Survey): Generator<Finding> {
  const { processes, scdaemonConfig, serialPorts, usbReaders } = survey;
  const running = (name: string): readonly number[] =>
    processes.filter((one) => one.name === name).map(({ pid }) => pid);
  const pcscd = running("pcscd");
  if (pcscd.length > 1) {
    yield {
      id: "second-pcscd",
      level: "warning",
      message: `${pcscd.length} pcscd run (pid ${pcscd.join(", ")}): each takes the readers that it finds, and the others cannot use them.`,
      remedies: [
        "end those that systemd did not start: systemctl status pcscd shows its pid",
        "one in a container: stop that container",
      ],
    };
  }
  const [scdaemon] = running("scdaemon");
  if (scdaemon !== undefined && !/^\s*disable-ccid\b/m.test(scdaemonConfig)) {
    yield {
      id: "scdaemon",
      level: "warning",
      message:
        `GnuPG's scdaemon runs (pid ${scdaemon}) with its own reader driver. It takes readers from pcscd, or finds ` +
        'that pcscd has them: "No such device".',
      remedies: [
        "have it use pcscd: write the lines below, then: gpgconf --kill scdaemon",
        "only for now: gpgconf --kill scdaemon",
      ],
      example: { path: "~/.gnupg/scdaemon.conf", text: "disable-ccid\npcsc-shared\n" },
    };
  }
  const [modemManager] = running("ModemManager");
  if (modemManager !== undefined && serialPorts.length > 0) {
    const [reader] = usbReaders;
    const [vendor = "072f", product = "2200"] = reader?.id.split(":") ?? [];
    yield {
      id: "modem-manager",
      level: "warning",
      message: `ModemManager runs, and sends modem commands to new serial ports (${serialPorts.join(", ")}): a reader or token there may hang.`,
      remedies: [
        "where one of them is a reader: write the rule below with its vendor and product, then: udevadm control --reload",
        "without a modem: systemctl disable --now ModemManager",
      ],
      example: {
        path: "/etc/udev/rules.d/77-smart-card-reader.rules",
        text: `ATTRS{idVendor}=="${vendor}", ATTRS{idProduct}=="${product}", ENV{ID_MM_DEVICE_IGNORE}="1"\n`,
      },
    };
  }
  for (const { driver, id, name } of usbReaders) {
    if (driver === undefined || driver === "usbfs") continue;
    yield {
      id: "reader-taken",
      level: "warning",
      message: `The kernel's driver ${driver} has ${visible(name)} (${id}), so neither pcscd nor scard daemon can use it.`,
      remedies: [`write the line below, then unplug the reader, and: modprobe -r ${driver}`],
      example: { path: "/etc/modprobe.d/smart-card-reader.conf", text: `blacklist ${driver}\n` },
    };
  }
}
