// SPDX-License-Identifier: MIT

import { LineSplitter, MAX_REQUEST_BYTES } from "../../../src/apps/daemon/control-messages.ts";
import { answerTo } from "../../../src/apps/daemon/control-server.ts";
import { parseConfig } from "../../../src/apps/daemon/parse-config.ts";
import { hexBytes } from "../../../src/base/binary/index.ts";
import { parseCard } from "../../../src/cards/descriptions/index.ts";
import { FileSystemCard, parseCardImage } from "../../../src/entry/cards.ts";
import { parseManagerSpec } from "../../../src/entry/manager-spec.ts";
import { auditRecordEvents, decodeAuditEntry } from "../../../src/observe/audit/index.ts";
import { nodeBlockCipher } from "../../../src/platform/node/runtime/index.ts";
import { SmartCardError } from "../../../src/port/index.ts";
import { seededRandom } from "../../../src/testing/runtime/index.ts";
import { type Dice, piecesOf } from "../dice.ts";
import { type FuzzTarget, must, mustBeAlike, weightOf } from "../target.ts";
import { fullConfig } from "./full-config.ts";
import { richCard } from "./rich-card.ts";

const utf8 = new TextEncoder();
const words = (...texts: readonly string[]): Uint8Array[] => texts.map((text) => utf8.encode(text));

/** A document with the members that one of that kind has, and values of every type at any place. */
function makeJson(dice: Dice, members: readonly string[], depth: number): unknown {
  const scalars = [null, true, false, 0, 1, -1, 1.5, 2 ** 31, 1e300, "", "demo", "3F00", "/tmp/x", "9000", "0666", "🂡"];
  if (depth === 0 || dice.chance(40)) return dice.chance(70) ? dice.pick(scalars) : dice.pick(members);
  const length = dice.below(5);
  if (dice.chance(35)) return Array.from({ length }, () => makeJson(dice, members, depth - 1));
  return Object.fromEntries(
    Array.from({ length }, () => [
      dice.chance(90) ? dice.pick(members) : "__proto__",
      makeJson(dice, members, depth - 1),
    ]),
  );
}

/** One change at a chance place of a document: a value of another kind, a member gone, renamed or doubled. */
function changeJson(value: unknown, dice: Dice, members: readonly string[]): unknown {
  if (typeof value !== "object" || value === null || dice.chance(15)) return makeJson(dice, members, 2);
  const entries = Object.entries(value);
  const at = dice.below(entries.length + 1);
  const [key, inner] = entries[at] ?? [dice.pick(members), undefined];
  const changed = dice.chance(75) ? changeJson(inner, dice, members) : undefined;
  if (Array.isArray(value)) return dice.chance(80) ? value.toSpliced(at, 1, changed) : [...value, ...value];
  return { ...value, [dice.chance(85) ? key : dice.pick(members)]: changed };
}

/** A target for documents of JSON: examples with changes, and documents of its members. */
export function documentTarget(
  target: Pick<FuzzTarget, "name" | "about" | "covers" | "measures"> & {
    readonly members: readonly string[];
    readonly examples: readonly unknown[];
    readonly check: (json: unknown, text: string) => void;
  },
): FuzzTarget {
  const { check, examples, members, ...rest } = target;
  return {
    ...rest,
    maxBytes: 8192,
    dictionary: [
      ...words('""', "{}", "[]", ":", ",", "null", "true", "1e999", "-0"),
      ...words(...members.map((word) => `"${word}":`)),
    ],
    generate: (dice) => {
      let json = dice.chance(80) ? dice.pick(examples) : makeJson(dice, members, 5);
      for (let count = dice.below(4); count > 0; count--) json = changeJson(json, dice, members);
      return utf8.encode(JSON.stringify(json) ?? "null");
    },
    run(input) {
      const text = new TextDecoder().decode(input);
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        return;
      }
      check(json, text);
    },
  };
}

const imageExamples: readonly unknown[] = [
  richCard,
  richCard,
  { name: "least" },
  { name: "raw", atr: "3B00", files: [{ type: "transparent", id: "0001", size: 300 }] },
];

const cardDescription = documentTarget({
  name: "card-description",
  about: "The description of any kind of card: it is read, or refused with reasons that show none of its secrets",
  covers: ["parseCard"],
  measures: ["cards/descriptions/"],
  members: [
    "kind",
    "version",
    "keep",
    "reader",
    "applications",
    "piv",
    "openpgp",
    "gids",
    "lifeCycle",
    "files",
    "parameters",
    "token",
    "memory",
    "uid",
    "ndef",
    "message",
  ],
  examples: [
    { kind: "ntag213", keep: "file", uid: "04112233445566", ndef: "D00000", reads: 1, wrongPasswords: 2 },
    { kind: "ntag215", memory: "00".repeat(540) },
    { kind: "mifare-classic-1k", uid: "3A5C719E" },
    { kind: "ndef", uid: "04112233445566", message: "D00000", fileBytes: 64, readOnly: true },
    { kind: "openpgp", version: 1, applications: { openpgp: {} } },
    {
      kind: "gids",
      applications: {
        gids: {
          lifeCycle: "operational",
          files: [{ parameters: "620C8201398302A0108C03033000", objects: [{ tag: "DF20", value: "00" }] }],
        },
      },
    },
    { kind: "piv", token: { firmware: "5.7.2", serialNumber: 7 }, applications: { piv: {} } },
  ],
  check(json) {
    const plan = parseCard(json);
    if (plan.ok) {
      must(plan.value.kind !== "", "a card has a kind");
      return;
    }
    must(plan.error.length > 0, "a description that is refused has a reason");
    for (const { message } of plan.error) must(!/[0-9A-F]{24}/.test(message), "no message shows bytes of a card");
  },
});

const cardImage = documentTarget({
  name: "card-image",
  about: "The description of a card: it is refused with reasons, or makes a card that answers",
  covers: ["parseCardImage", "parseShape"],
  measures: [
    "cards/file-system/parse-card",
    "cards/file-system/file-shapes",
    "cards/file-system/secret-shapes",
    "cards/file-system/access-shape",
    "base/json/",
  ],
  members: [
    ..."name atr challengeBytes pins keys files protocols historicalBytes reference value tries triesLeft text".split(
      " ",
    ),
    ..."type id sfi content access read update append write pin key all any arr file record label lifeCycle".split(" "),
    ..."records recordSize maxRecords size never always df cyclic objects tag padTo enabled canDisable reset".split(
      " ",
    ),
    ..."resettingCode algorithm use mac aes 3des internal external mutual deactivated createEf deleteChild".split(" "),
  ],
  examples: imageExamples,
  check(json, text) {
    const image = parseCardImage(json);
    if (!image.ok) {
      must(image.error.length > 0, "a card image is refused without a reason");
      must(weightOf(image.error) < 600 * (text.length + 10), "the reasons are far longer than the description");
      return;
    }
    const card = new FileSystemCard(image.value, seededRandom(1), nodeBlockCipher);
    const atr = card.reset();
    must(atr.length >= 2 && atr.length <= 33, `a card's ATR has ${atr.length} bytes`);
    for (const command of ["00A40000023F00", "00B0000000", "00200001", "0084000000"]) {
      const answer = card.process(hexBytes(command));
      must(answer.length >= 2 && answer.length <= 65_538, `a card's answer has ${answer.length} bytes`);
    }
  },
});

const daemonConfig = documentTarget({
  name: "daemon-config",
  about: "The configuration of the daemon: it is refused with reasons, or read the same again",
  covers: ["parseConfig"],
  measures: ["apps/daemon/parse-config", "apps/daemon/config-shape", "base/json/"],
  members: [
    ..."readers profile semantics limits socket control access log type name card host port slots path mode group".split(
      " ",
    ),
    ..."level daemon effect uid gid program reader sessions unsentBytes awakeUs operationMs powerOffMs virtual vpcd".split(
      " ",
    ),
    ..."pcsclite windows allow deny transactionIdleMs connectWithoutCard reconnectEndsTransaction".split(" "),
  ],
  examples: [fullConfig, {}],
  check(json, text) {
    const config = parseConfig(json, "/folder");
    if (config.ok) {
      mustBeAlike(parseConfig(JSON.parse(text), "/folder"), config, "the same configuration");
      return;
    }
    must(config.error.length > 0, "a configuration is refused without a reason");
    must(weightOf(config.error) < 1000 * (text.length + 10), "the reasons are far longer than the configuration");
  },
});

const controlLines: FuzzTarget = {
  name: "control-lines",
  about: "What comes in on the control socket: the same lines however it is cut, and each is answered",
  covers: ["LineSplitter"],
  measures: ["apps/daemon/control", "base/json/"],
  maxBytes: 8192,
  dictionary: words(
    "\n",
    '"version":1',
    '"command":"who"',
    '"command":"insert"',
    '"reader":"R"',
    '"card":"demo"',
    '"id":7',
  ),
  generate(dice) {
    const members = ["version", "id", "command", "reader", "card", "who", "readers", "insert", "remove"];
    const example = {
      version: 1,
      id: "a",
      command: dice.pick(["who", "readers", "insert", "remove"]),
      reader: "R",
      card: "demo",
    };
    const line = (): string => JSON.stringify(dice.chance(50) ? example : changeJson(example, dice, members)) ?? "";
    return utf8.encode(Array.from({ length: 1 + dice.below(3) }, line).join("\n") + (dice.chance(80) ? "\n" : ""));
  },
  async run(input) {
    const split = (pieces: readonly Uint8Array[]): string[] => {
      const splitter = new LineSplitter(MAX_REQUEST_BYTES);
      const lines: string[] = [];
      for (const piece of pieces) {
        const more = splitter.split(piece);
        if (more === "too long") return [...lines, more];
        for (const line of more) lines.push(line);
      }
      return lines;
    };
    const lines = split([input]);
    const inPieces = split(piecesOf(input));
    const longest = new TextDecoder("latin1").decode(input).split("\n");
    const isTooLong = longest.some((line) => line.length > MAX_REQUEST_BYTES);
    must(lines.includes("too long") === isTooLong, "a line is too long, and is not said to be so");
    // Lines before one that is too long are lost when they come together with it.
    if (!isTooLong) mustBeAlike(inPieces, lines, "the same lines in pieces");
    else must(inPieces.at(-1) === "too long", "a line that is too long is one in pieces too");
    for (const line of lines.slice(0, 40)) {
      const answer = await answerTo(line, async ({ command }) => {
        if (command === "remove") throw new SmartCardError("unknown-reader", "there is no such reader");
        return { command };
      });
      must(answer.ok || answer.error.code !== "", "a refusal has a code");
    }
  },
};

const managerSpec: FuzzTarget = {
  name: "manager-spec",
  about: "The description of a manager on a command line: it is refused with invalid-value, or says which readers",
  covers: ["parseManagerSpec"],
  measures: ["entry/manager-spec"],
  maxBytes: 4096,
  dictionary: words(
    "embedded:",
    "pcscd:",
    "daemon",
    "system",
    "virtual",
    ":Desk",
    "+demo",
    ",",
    "vpcd:",
    "35963",
    "/run/x",
    " ",
  ),
  generate: (dice) =>
    utf8.encode(
      `embedded:${Array.from({ length: dice.below(4) }, () => dice.pick(["virtual", "virtual:A+b.json", "vpcd:1", "vpcd:./x:A", "vpcd"])).join(",")}`,
    ),
  run(input) {
    try {
      const spec = parseManagerSpec(new TextDecoder().decode(input));
      if (spec.kind === "embedded") must(spec.readers.length <= input.length, "more readers than bytes");
    } catch (error) {
      if (!(error instanceof SmartCardError && error.code === "invalid-value")) throw error;
    }
  },
};

const auditUse = { commands: 9, locks: 1, lockedMs: 20, pinsTried: 2, pinsFailed: 1, lastedMs: 30 };
const auditClient = { name: "ssh", uid: 1000, pid: 4711 };
const auditRecord = {
  number: 1,
  time: 1e12,
  event: "used",
  reader: "R",
  atr: "3B00",
  client: auditClient,
  use: auditUse,
};

const auditEntry = documentTarget({
  name: "audit-entry",
  about: "The text of an entry of the audit log, which a program may have changed: a record of a known event, or none",
  covers: ["decodeAuditEntry"],
  measures: ["observe/audit/audit-record.ts"],
  members: [auditRecord, auditUse, auditClient, { card: 0, reason: 0, command: 0, count: 0 }].flatMap(Object.keys),
  examples: [auditRecord, ...auditRecordEvents.map((event) => ({ ...auditRecord, event }))],
  check(json, text) {
    const number = Number((json as { readonly number?: unknown } | null)?.number);
    const record = decodeAuditEntry({ number, time: 1e12, body: text, hash: "00" });
    if (record === undefined) return;
    must(auditRecordEvents.includes(record.event), "it is a known event");
    must(Number.isSafeInteger(record.number) && record.hash === "00", "the number and the hash are those of the entry");
  },
});

export const documentTargets: readonly FuzzTarget[] = [
  cardDescription,
  auditEntry,
  cardImage,
  daemonConfig,
  controlLines,
  managerSpec,
];
