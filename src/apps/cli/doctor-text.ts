// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { clientName } from "../reports/index.ts";
import type { Diagnosis, Finding, FindingLevel, ReaderReport, SocketReport, SocketState } from "./doctor-report.ts";
import { holderOf } from "./readers.ts";
import type { Paint, Style } from "./terminal.ts";
import { count, duration, visible } from "./text.ts";

const TITLE_WIDTH = 10;
const indent = " ".repeat(TITLE_WIDTH);

/** The diagnosis for people. */
export function describeDiagnosis(diagnosis: Diagnosis, paint: Paint): string[] {
  const { findings, packages, platform, runtime, readers, sockets, usbReaders, user } = diagnosis;
  const installed = packages.map(({ name, version }) =>
    version === undefined ? paint("dim", `${name} is not installed`) : `${name} ${version}`,
  );
  return [
    ...titled("System", [
      `${visible(platform.name)}, ${platform.system} ${platform.release}, ${platform.architecture}`,
    ]),
    ...titled("Runtime", [`Node ${runtime.version}`]),
    ...titled("Packages", [installed.join(", ")]),
    ...(user === undefined
      ? []
      : titled("User", [`${visible(user.name)}, groups ${user.groups.map(visible).join(", ")}`])),
    ...titled("Manager", [describeManager(diagnosis)]),
    ...titled(
      "Sockets",
      sockets.map((socket) => describeSocket(socket, paint)),
    ),
    ...titled(
      "USB",
      usbReaders.map(({ driver, id, name }) => {
        return `${visible(name)} (${id})${driver === undefined ? "" : `, driver ${visible(driver)}`}`;
      }),
    ),
    ...titled(
      "Readers",
      readers.flatMap((reader) => describeReader(reader, sockets, paint)),
    ),
    ...findings.flatMap((finding) => ["", ...describeFinding(finding, paint)]),
    "",
    verdict(diagnosis, paint),
  ];
}

function titled(title: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `${index === 0 ? title.padEnd(TITLE_WIDTH) : indent}${line}`);
}

function describeManager({ manager }: Diagnosis): string {
  const because = manager.spec === undefined ? "" : `; SCARD_MANAGER is ${visible(manager.spec)}`;
  switch (manager.kind) {
    case "embedded":
      return `the embedded one of each program${because}`;
    case "system":
      return `the system's own${because}`;
    case "pcscd":
      return `the service on ${visible(manager.socket ?? "")}${because}`;
    case "none":
      return `none${because}`;
  }
}

const states: Readonly<Record<SocketState, readonly [Style, string]>> = {
  answers: ["green", "answers"],
  missing: ["dim", "is not there"],
  "path-too-long": ["red", "has more bytes than the path of a socket can have"],
  "no-socket": ["red", "is no socket"],
  "no-listener": ["yellow", "is there, and nothing listens"],
  "access-denied": ["red", "is not open to you"],
  refused: ["red", "refuses you"],
  "other-version": ["red", "speaks another version of the protocol"],
  busy: ["red", "takes no more clients"],
  "no-answer": ["red", "does not answer as it should"],
};

function describeSocket({ file, path, protocol, releases, service, state }: SocketReport, paint: Paint): string {
  const who =
    state === "answers" ? `: ${service}, protocol ${protocol} (that of pcsc-lite ${releases ?? "unknown"})` : "";
  const rights = file === undefined ? "" : paint("dim", `  ${visible(file.owner)}:${visible(file.group)} ${file.mode}`);
  return `${visible(path)} ${paint(...states[state])}${who}${rights}`;
}

function describeReader(reader: ReaderReport, sockets: readonly SocketReport[], paint: Paint): string[] {
  const { atr, cards, connections, lock, name, queue, socket, state, summary } = reader;
  const isUsed = sockets.some(({ path, used }) => path === socket && used) || socket === undefined;
  const where = isUsed ? "" : paint("dim", `  (at ${visible(socket ?? "")})`);
  const hasCard = state.includes("card present");
  const lines = [`${paint("bold", visible(name))}  ${paint(hasCard ? "green" : "dim", state.join(", "))}${where}`];
  if (atr !== undefined) lines.push(`  ${encodeHex(atr, " ")}  ${visible(summary ?? "")}`);
  if (cards !== undefined) lines.push(`  ${cards.map(visible).join(", ")}`);
  for (const { client, connectedMs, shareMode } of connections ?? []) {
    lines.push(`  used by ${clientName(client)}, ${shareMode}, since ${duration(connectedMs)}`);
  }
  if (lock !== undefined) lines.push(`  ${holderOf(lock)}`);
  for (const { client, operation, waitingMs } of queue ?? []) {
    lines.push(`  ${clientName(client)} waits to ${operation}, since ${duration(waitingMs)}`);
  }
  return lines;
}

const looks: Readonly<Record<FindingLevel, Style>> = { problem: "red", warning: "yellow", note: "cyan" };

function describeFinding({ example, level, message, remedies }: Finding, paint: Paint): string[] {
  const lines = [`${paint(looks[level], level.padEnd(TITLE_WIDTH))}${message}`];
  for (const remedy of remedies) lines.push(`${indent}→ ${remedy}`);
  if (example !== undefined) {
    lines.push(`${indent}  ${example.path}:`);
    for (const line of example.text.trimEnd().split("\n")) lines.push(`${indent}    ${line}`);
  }
  return lines;
}

function verdict({ findings, healthy }: Diagnosis, paint: Paint): string {
  if (healthy) return paint("green", "All is well.");
  const number = findings.filter(({ level }) => level !== "note").length;
  return paint("bold", `${count(number, "thing")} ${number === 1 ? "needs" : "need"} attention.`);
}
