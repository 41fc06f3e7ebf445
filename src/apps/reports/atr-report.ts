// SPDX-License-Identifier: MIT

import { encodeHex, hexByte, hexWord } from "../../base/binary/index.ts";
import {
  type Atr,
  type AtrTimings,
  atrTimings,
  type CompactTlv,
  decodeAtr,
  describeContactless,
  etuFactorsOf,
  type HistoricalBytes,
  type LineTime,
} from "../../base/iso7816/index.ts";
import type { CardType } from "../../database/index.ts";
import { describeInterfaceBytes } from "./atr-interface-bytes.ts";
import { asciiText, bytesForPeople, count, duration, visible } from "./text.ts";

/** An ATR in a few words, for lists: `PC/SC contactless storage card, MIFARE Ultralight`. Accepts any bytes. */
export function summarizeAtr(bytes: Uint8Array): string {
  const decoded = decodeAtr(bytes);
  if (!decoded.ok) return `not an ATR: ${decoded.error.message}`;
  const { contactless, protocols } = decoded.value;
  if (contactless !== undefined) return describeContactless(contactless);
  const label = labelOf(decoded.value);
  return `card with ${protocolNames(protocols)}${label === undefined ? "" : `, "${label}"`}`;
}

/** Many cards have their name in the historical bytes: an object that is text, or text between other bytes. */
function labelOf({ historical, historicalBytes }: Atr): string | undefined {
  const objects = historical.kind === "compact-tlv" ? historical.objects.map(({ value }) => asciiText(value)) : [];
  const characters = Array.from(historicalBytes, (byte) => String.fromCharCode(byte)).join("");
  const texts = [
    ...objects.flatMap((text) => text ?? []),
    ...(characters.match(/[A-Za-z0-9][A-Za-z0-9 ._-]{3,}/g) ?? []),
  ];
  return texts.find((text) => text.trim().length >= 4);
}

function protocolNames(protocols: readonly number[]): string {
  return protocols.map((protocol) => `T=${protocol}`).join(" and ");
}

/** Everything that an ATR says, for programs. */
export function atrForPrograms(atr: Atr, known: readonly CardType[] = []): object {
  const { bytes, contactless, ...rest } = atr;
  const described = contactless && { ...contactless, description: describeContactless(contactless) };
  const cardTypes = known.length === 0 ? undefined : known.map(({ description, name }) => ({ name, description }));
  const summary = summarizeAtr(bytes);
  return { atr: bytes, summary, cardTypes, contactless: described, ...rest, timings: timingsAtStart(atr) };
}

/** Everything about an ATR, and its card types, for people: lines with a title and a text. */
export function describeAtr(
  atr: Atr,
  known: readonly CardType[] = [],
): readonly (readonly [title: string, text: string])[] {
  return [
    ["ATR", encodeHex(atr.bytes, " ")],
    ["", summarizeAtr(atr.bytes)],
    ...describeContactlessCard(atr),
    ...known.flatMap(describeKnownCard),
    ["", ""],
    ["TS", `${encodeHex(atr.bytes.subarray(0, 1))}  ${atr.convention} convention`],
    ...describeInterfaceBytes(atr),
    ["Historical", bytesForPeople(atr.historicalBytes)],
    ...describeHistorical(atr.historical).map((text) => ["", `  ${text}`] as const),
    ["TCK", describeCheck(atr)],
    ...(atr.rest.length > 0 ? [["Behind it", encodeHex(atr.rest, " ")] as const] : []),
    ["", ""],
    ["Protocols", describeProtocols(atr)],
    ["Speed", describeSpeed(atr)],
    ...describeTimings(atr),
    ["Supply", describeSupply(atr)],
    ...atr.problems.map((problem) => ["Problem", problem] as const),
  ];
}

/** Most lines printed about card types: some ATRs are shared by very many cards. */
const MAX_KNOWN_LINES = 5;

function describeKnownCard({ description, name }: CardType, index: number): readonly (readonly [string, string])[] {
  const lines = description.split("\n").filter((line) => line !== "");
  const more = lines.length - MAX_KNOWN_LINES;
  const shown = more > 0 ? [...lines.slice(0, MAX_KNOWN_LINES), `and ${count(more, "line")} more in --json`] : lines;
  return [[index === 0 ? "Known as" : "", visible(name)], ...shown.map((line) => ["", `  ${visible(line)}`] as const)];
}

function describeContactlessCard({ contactless }: Atr): readonly (readonly [string, string])[] {
  if (contactless === undefined) return [];
  if (contactless.kind === "storage-card") {
    const { selectAcknowledge, standard, standardName } = contactless;
    const lines: [string, string][] = [["", standardName ?? `standard ${hexByte(standard)}, which has no name`]];
    if (selectAcknowledge !== undefined) lines.push(["", `select acknowledge (SAK) ${hexByte(selectAcknowledge)}`]);
    return lines;
  }
  const { ifTypeB } = contactless;
  if (ifTypeB === undefined) return [];
  const { applicationData, bufferLengthIndex, protocolInformation } = ifTypeB;
  const parts = [
    `application data ${encodeHex(applicationData, " ")}`,
    `protocol information ${encodeHex(protocolInformation, " ")}`,
    `buffer length index ${bufferLengthIndex}`,
  ];
  return [["", `if of type B: ${parts.join(", ")}`]];
}

function describeCheck({ check }: Atr): string {
  if (check.kind === "not-needed") return "none, as T=0 is the only protocol";
  if (check.kind === "missing") return "missing";
  return `${hexByte(check.tck)}  ${check.correct ? "correct" : "wrong"}`;
}

function describeProtocols({ defaultProtocol, mode, protocols }: Atr): string {
  const offered = `${protocolNames(protocols)}; starts with T=${defaultProtocol}`;
  if (mode.kind === "negotiable") return `${offered}, and others can be agreed on (negotiable mode)`;
  return `${offered} and no other (specific mode${mode.changeable ? "; another reset may change it" : ""})`;
}

/** The times from the reset on, at the usual clock of 4 MHz; undefined where the ATR does not tell F and D. */
function timingsAtStart(atr: Atr): AtrTimings | undefined {
  return atr.startingFactors === undefined ? undefined : atrTimings(atr);
}

function describeSpeed(atr: Atr): string {
  const start = timingsAtStart(atr);
  const factors = etuFactorsOf(atr.factors.code);
  const { maxClockHz } = atr.factors;
  if (start === undefined) {
    const reason = factors === undefined ? "TA1 is reserved" : "F and D are implicit";
    return `not told: ${reason}${maxClockHz === undefined ? "" : `; the clock is ${maxClockHz / 1e6} MHz at most`}`;
  }
  const atStart = `${bitRate(start)} at the start (4 MHz)`;
  if (factors === undefined || maxClockHz === undefined) return `${atStart}; the fastest is not told`;
  const fastest = atrTimings(atr, { factors, clockHz: maxClockHz });
  return `${atStart}, ${bitRate(fastest)} at most (F ${factors.f}, D ${factors.d}, ${maxClockHz / 1e6} MHz)`;
}

function bitRate({ bitsPerSecond }: AtrTimings): string {
  return `${Math.round(bitsPerSecond).toLocaleString("en")} bit/s`;
}

function describeTimings(atr: Atr): readonly (readonly [string, string])[] {
  const timings = timingsAtStart(atr);
  const time = (what: string, of: LineTime | undefined): string =>
    of === undefined ? `${what} not told` : `${what} ${Number(of.etu.toFixed(2))} etu (${duration(of.ms)})`;
  const lines: [string, string][] = [];
  if (atr.t0 !== undefined) {
    const waiting = `WI ${atr.t0.wi}: ${time("WT", timings?.waitingTime)}`;
    lines.push(["T=0", `${time("guard time", timings?.t0GuardTime)}, ${waiting}`]);
  }
  if (atr.t1 !== undefined) {
    const { bwi, cwi, edc, ifsc } = atr.t1;
    const guardTime = time("guard time", timings?.t1GuardTime);
    lines.push(["T=1", `${guardTime}, IFSC ${count(ifsc, "byte")}, ${edc.toUpperCase()}`]);
    const block = `BWI ${bwi}: ${time("BWT", timings?.blockWaitingTime)}`;
    lines.push(["", `${block}, CWI ${cwi}: ${time("CWT", timings?.characterWaitingTime)}`]);
  }
  return lines;
}

const clockStops = {
  "not-supported": "the clock must not be stopped",
  "state-low": "the clock may be stopped low",
  "state-high": "the clock may be stopped high",
  "no-preference": "the clock may be stopped, low or high",
} as const;

const volts = { A: "5 V", B: "3 V", C: "1.8 V" } as const;

function describeSupply({ global }: Atr): string {
  const classes = global.classes.map((one) => `${one} (${volts[one]})`).join(", ");
  const named = classes === "" ? "classes reserved" : `class ${classes}`;
  return `${named}; ${clockStops[global.clockStop]}${global.indicated ? "" : " (not specified)"}`;
}

/** Compact tags of historical bytes. ISO/IEC 7816-4:2005, 8.1.1.2. */
const compactTags: Readonly<Record<number, string>> = {
  1: "country code",
  2: "issuer identification number",
  3: "card service data",
  4: "initial access data",
  5: "card issuer's data",
  6: "pre-issuing data",
  7: "card capabilities",
  8: "status",
  15: "application identifier",
};

function describeHistorical(historical: HistoricalBytes): readonly string[] {
  switch (historical.kind) {
    case "none":
      return [];
    case "application-identifier":
      return [`application identifier ${encodeHex(historical.identifier, " ")}`];
    case "compact-tlv":
      return [...historical.objects.map(describeObject), ...describeMeanings(historical)];
    case "dir-reference": {
      const { reference } = historical;
      return [`reference to a DIR file${reference === undefined ? "" : `: ${hexByte(reference)}`}`];
    }
    case "malformed":
      return [`category ${hexByte(historical.category)}, but no COMPACT-TLV: ${historical.reason}`];
    case "reserved":
      return [`category ${hexByte(historical.category)}, which is reserved`];
    case "proprietary":
      return ["in a format of the card's own"];
  }
}

function describeObject({ tag, value }: CompactTlv): string {
  return `${compactTags[tag] ?? `tag ${tag}`}: ${bytesForPeople(value)}`;
}

function describeMeanings(historical: Extract<HistoricalBytes, { kind: "compact-tlv" }>): readonly string[] {
  const { capabilities, serviceData, status } = historical;
  const lines: string[] = [];
  if (serviceData !== undefined) {
    const where = [serviceData.objectsInEfDir && "EF.DIR", serviceData.objectsInEfAtr && "EF.ATR"].filter(Boolean);
    const objects = where.length === 0 ? "" : `data objects in ${where.join(" and ")}, by ${serviceData.access}; `;
    lines.push(`card service: ${objects}${serviceData.hasMasterFile ? "with" : "without"} a master file`);
  }
  if (capabilities !== undefined) {
    const { coding, selection, transport } = capabilities;
    lines.push(`selection: ${namesOf(selection)}`);
    if (coding !== undefined)
      lines.push(`writing: ${coding.writeBehaviour}, data unit ${coding.dataUnitQuartets / 2} B`);
    if (transport !== undefined)
      lines.push(`transport: ${namesOf(transport)}, ${count(transport.channels, "channel")}`);
  }
  if (status?.lifeCycle !== undefined) lines.push(`life cycle ${hexByte(status.lifeCycle)}`);
  if (status?.sw !== undefined) lines.push(`status word ${hexWord(status.sw)}`);
  return lines;
}

/** The names of what is true: `byFullName` becomes "by full name". */
function namesOf(flags: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(flags).filter((name) => flags[name] === true);
  if (names.length === 0) return "none";
  return names.map((name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)).join(", ");
}
