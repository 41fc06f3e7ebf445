// SPDX-License-Identifier: MIT

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { cardKindNames } from "../../src/cards/descriptions/constants.ts";
import { newCard, parseCard } from "../../src/cards/descriptions/index.ts";
import type { SoftwareCard } from "../../src/cards/software-card/index.ts";
import { openSoftwareCard, softwareCard, surroundings, virtualReader } from "../../src/entry/software.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-cards-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

async function sent(card: SoftwareCard, hex: string): Promise<string> {
  return encodeHex(await card.process(hexBytes(hex)));
}

/** Applications by a part of their identifier. */
const aids = { piv: "A000000308", openpgp: "D27600012401", management: "A000000527471117" };

function select(aid: string): string {
  return `00A40400${encodeHex(Uint8Array.of(aid.length / 2))}${aid}00`;
}

describe.each(cardKindNames)("a new card: %s", (kind) => {
  test("its description is a good one, and says the same again once it is opened", async () => {
    const described = await newCard(kind, surroundings(), { keep: "file" });
    const plan = parseCard(JSON.parse(JSON.stringify(described)));
    if (!plan.ok) throw new Error(JSON.stringify(plan.error));
    expect(plan.value).toMatchObject({ kind, keep: "file" });
    const { describe: again } = await plan.value.open(surroundings(), () => undefined);
    const second = parseCard(JSON.parse(JSON.stringify(again())));
    if (!second.ok) throw new Error(JSON.stringify(second.error));
    const { describe: third } = await second.value.open(surroundings(), () => undefined);
    expect(third()).toEqual(again());
  });

  test("it answers a reset, and any command", async () => {
    const { card, contents } = await openSoftwareCard(kind);
    expect(card.reset("cold").length).toBeGreaterThan(1);
    expect(await sent(card, "00A4040000")).toMatch(/(9000|6A82|6A86|6A87|6E00)$/);
    expect(contents.length).toBeGreaterThan(0);
  });
});

test("a YubiKey has its applications, its ATR and the name of its reader", async () => {
  const { card, readerName } = await openSoftwareCard("yubikey");
  expect(readerName).toMatch(/^Yubico YubiKey/);
  expect(encodeHex(card.reset("cold"))).toContain(encodeHex(new TextEncoder().encode("YubiKey")));
  for (const aid of Object.values(aids)) expect(await sent(card, select(aid))).toMatch(/9000$/);
});

test("an OpenPGP card is none", async () => {
  const { card, readerName } = await openSoftwareCard("openpgp");
  card.reset("cold");
  expect(readerName).toBeUndefined();
  expect(await sent(card, select(aids.management))).toBe("6A82");
  expect(await sent(card, select(aids.openpgp))).toMatch(/9000$/);
});

describe("where changes go", () => {
  const wrongPin = `0020008008${"39".repeat(8)}`;

  test("back into the file, before the command is answered, and only its owner may read it", async () => {
    const path = file("kept.json", await newCard("piv", surroundings(), { keep: "file" }));
    chmodSync(path, 0o644);
    const { card, saved } = await openSoftwareCard(path);
    expect(saved).toBe(true);
    card.reset("cold");
    await sent(card, select(aids.piv));
    const before = readFileSync(path, "utf8");
    expect(await sent(card, wrongPin)).toBe("63C2");
    expect(readFileSync(path, "utf8")).not.toBe(before);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    card.powerOff();
    const again = await softwareCard(path);
    again.reset("cold");
    await sent(again, select(aids.piv));
    expect(await sent(again, "00200080")).toBe("63C2");
  });

  test("a card that is in use cannot be used a second time, and one that was changed meanwhile neither", async () => {
    const path = file("one.json", await newCard("openpgp", surroundings(), { keep: "file" }));
    const [first, second, third] = [await softwareCard(path), await softwareCard(path), await softwareCard(path)];
    const [one, other] = [virtualReader({ name: "One" }), virtualReader({ name: "Other" })];
    const ownCard = await softwareCard("demo");
    other.insert(ownCard);
    one.insert(first);
    const refused = expect.objectContaining({
      code: "sharing-violation",
      message: expect.stringMatching(/one\.json is in use: it is in another reader of this program: take it out there/),
    });
    expect(() => other.insert(second)).toThrow(refused);
    expect(other.card, "the reader keeps the card that it had").toBe(ownCard);
    expect(() => second.reset("cold")).toThrow(refused);
    one.remove();
    expect(existsSync(`${path}.lock`)).toBe(false);
    other.insert(second);
    second.reset("cold");
    await sent(second, select(aids.openpgp));
    expect(await sent(second, "0020008106393939393939")).toBe("6982");
    await other.close();
    expect(() => one.insert(third)).toThrow(
      /one\.json was changed by another program since it was read: read it again/,
    );
    one.insert(second);
    const events = { inserted: () => undefined, removed: () => undefined, lost: () => undefined };
    await expect(other.open(events)).resolves.toBeUndefined();
    one.unplug();
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  test("nowhere, where the description does not say so", async () => {
    const path = file("fleeting.json", await newCard("piv", surroundings()));
    const before = readFileSync(path, "utf8");
    const { card, saved } = await openSoftwareCard(path);
    expect(saved).toBe(false);
    card.reset("cold");
    await sent(card, select(aids.piv));
    expect(await sent(card, wrongPin)).toBe("63C2");
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("a file-system card: a wrong PIN lasts, and reading writes nothing", async () => {
    const image = { name: "files", keep: "file", pins: [{ reference: 1, value: { text: "1234" } }] };
    const path = file("files.json", image);
    const { card } = await openSoftwareCard(path);
    card.reset("cold");
    await sent(card, "00A4000000");
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(image);
    expect(await sent(card, "002000010439393939")).toBe("63C2");
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ kind: "filesystem", keep: "file", version: 1 });
    card.powerOff();
    const again = await softwareCard(path);
    again.reset("cold");
    expect(await sent(again, "00200001")).toBe("63C2");
  });

  test("a change that cannot be saved is answered with 6581, and is saved once it can be", async () => {
    const path = join(folder, "moved", "card.json");
    const { mkdirSync, renameSync } = await import("node:fs");
    mkdirSync(join(folder, "moved"));
    writeFileSync(path, JSON.stringify(await newCard("piv", surroundings(), { keep: "file" })));
    const { card } = await openSoftwareCard(path);
    card.reset("cold");
    await sent(card, select(aids.piv));
    renameSync(join(folder, "moved"), join(folder, "away"));
    expect(await sent(card, wrongPin)).toBe("6581");
    renameSync(join(folder, "away"), join(folder, "moved"));
    expect(await sent(card, "00200080")).toBe("63C2");
    expect(JSON.parse(readFileSync(path, "utf8")).applications.piv.pin.triesLeft).toBe(2);
  });
});

describe("a description that is wrong", () => {
  test.each([
    [{ kind: "pvi" }, '$.kind: should be one of "piv", "openpgp"'],
    [{ kind: "piv" }, "$.applications"],
    [{ kind: "piv", applications: {} }, '$.applications.piv: is missing: "scard card new piv FILE"'],
    [{ kind: "openpgp", version: 2, applications: { openpgp: {} } }, "$.version: was written by a later release"],
    [{ kind: "openpgp", keep: "disk", applications: { openpgp: {} } }, "$.keep"],
    [{ kind: "openpgp", atr: "3B", applications: { openpgp: {} } }, "$.atr"],
    [{ kind: "openpgp", token: { firmware: "5.300.1", serialNumber: 1 }, applications: { openpgp: {} } }, "255"],
  ])("%j", async (described, message) => {
    const failure = softwareCard(file("wrong.json", described));
    await expect(failure).rejects.toMatchObject({ code: "invalid-value", message: expect.stringContaining(message) });
  });

  test("no PIN and no key is repeated", async () => {
    const described = JSON.parse(JSON.stringify(await newCard("piv", surroundings())));
    described.applications.piv.pin.value = "27182818284590452353";
    described.applications.piv.managementKey.value = "3141592653589793";
    const message = await softwareCard(file("secret.json", described)).catch((error: Error) => error.message);
    expect(message).toContain("$.applications.piv.pin.value");
    expect(message).toContain("$.applications.piv.managementKey.value");
    expect(message).not.toMatch(/27182|31415/);
  });
});

test("a mistake in an application is named once", () => {
  const plan = parseCard({ kind: "openpgp", applications: { openpgp: { signatures: -1 } } });
  expect(plan.ok ? [] : plan.error.map(({ path }) => path)).toEqual(["$.applications.openpgp.signatures"]);
  const none = parseCard({ kind: "openpgp", applications: {} });
  expect(none.ok ? [] : none.error.map(({ path }) => path)).toEqual(["$.applications.openpgp"]);
});
