// SPDX-License-Identifier: MIT

import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import vectors from "../../../test/vectors/certificates.json" with { type: "json" };
import type { OpenCard } from "../../entry/modules.ts";
import { SmartCardError } from "../../port/index.ts";
import { type CertificateChange, CertificateExport, type CertificateStore } from "./certificate-export.ts";
import { CertificateFolder } from "./certificate-folder.ts";
import type { CardFile } from "./certificate-names.ts";

const file: CardFile = {
  name: "card-9A-0011",
  container: "9A",
  subject: "CN=Holder",
  validTo: "",
  fingerprint: "0011",
  pem: "one\n",
};

describe("an export", () => {
  let stored: Map<string, string>;
  let changes: string[];
  let failures: string[];
  let seen: (() => void)[];

  beforeEach(() => {
    [stored, changes, failures, seen] = [new Map(), [], [], []];
  });

  const store: CertificateStore = {
    async add({ name, pem }) {
      if (stored.has(name)) return undefined;
      stored.set(name, pem);
      return name;
    },
    async remove({ name }) {
      stored.delete(name);
    },
  };
  const tell = (list: string[], text: string): void => {
    list.push(text);
    for (const one of seen.splice(0)) one();
  };
  const next = (): Promise<void> => new Promise((resolve) => seen.push(resolve));
  /** A card with the certificate of a Holder in one key; the file of the other one is damaged. */
  const der = new Uint8Array(Buffer.from(vectors.holder, "base64"));
  const container = { name: "9A", label: "9A", key: { kind: "ec", curve: "P-256" } } as const;
  const openCard = (): OpenCard =>
    ({
      certificates: async () => [
        { container, certificate: der },
        { container, certificate: new Uint8Array(3) },
      ],
      properties: async () => ({ label: "card" }),
      close: async () => undefined,
    }) as unknown as OpenCard;
  const make = (open: (reader: string, signal: AbortSignal) => Promise<OpenCard> = async () => openCard()) =>
    new CertificateExport({
      store,
      open,
      changed: ({ kind, reader }: CertificateChange) => tell(changes, `${reader} ${kind}`),
      failed: (reader, error) => tell(failures, `${reader} ${error.code}`),
    });

  test("while a card is in, its certificates are there", async () => {
    const exported = make();
    exported.update("Desk", true);
    await next();
    expect([...stored.keys()]).toEqual([expect.stringMatching(/^card-9A-/)]);
    exported.update("Desk", true);
    exported.update("Desk", false);
    await next();
    expect([stored.size, changes]).toEqual([0, ["Desk certificate-added", "Desk certificate-removed"]]);
    await exported.close();
  });

  test("the end of the export takes all away, also what is still on its way", async () => {
    const exported = make();
    exported.update("Desk", true);
    await next();
    exported.update("Door", true);
    await exported.close();
    expect([stored.size, failures]).toEqual([0, []]);
    expect(changes.filter((one) => one.includes("added")).length).toBe(
      changes.filter((one) => one.includes("removed")).length,
    );
  });

  test("a card that two readers have is taken away with the last one", async () => {
    const exported = make();
    exported.update("Desk", true);
    await next();
    exported.update("Door", true);
    await next();
    exported.update("Desk", false);
    exported.update("Hall", true);
    await next();
    expect(stored.size).toBe(1);
    await exported.close();
    expect(stored.size).toBe(0);
  });

  test("what was there before stays", async () => {
    const first = make();
    first.update("Desk", true);
    await next();
    const [[name = "", pem = ""] = []] = stored;
    await first.close();
    stored.set(name, pem);
    const second = make();
    second.update("Desk", true);
    await next();
    expect(changes.at(-1)).toBe("Desk certificate-there");
    await second.close();
    expect(stored.size).toBe(1);
  });

  test("a card that is pulled while it is read is given up, and nothing is told of it", async () => {
    let aborted = false;
    const exported = make(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(new SmartCardError("cancelled", "as planned"));
          });
        }),
    );
    exported.update("Desk", true);
    await Promise.resolve();
    exported.update("Desk", false);
    await exported.close();
    expect([aborted, changes, failures]).toEqual([true, [], []]);
  });

  test("a card that another program has alone is tried again when that changes; any other failure is told once", async () => {
    const codes = ["sharing-violation", "card-unsupported"] as const;
    let tries = 0;
    const exported = make(async () => {
      throw new SmartCardError(codes[tries++] ?? "unexpected", "as planned");
    });
    for (const _ of codes) {
      exported.update("Desk", true);
      await next();
    }
    exported.update("Desk", true);
    await exported.close();
    expect([failures, tries]).toEqual([["Desk sharing-violation", "Desk card-unsupported"], 2]);
  });
});

describe("a folder", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scard-folder-"));
  });
  afterEach(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true });
  });

  test("is made, and has a file for each certificate while that is exported", async () => {
    const path = join(folder, "a", "b");
    const store = await CertificateFolder.open(path);
    expect(await store.add(file)).toBe(join(path, "card-9A-0011.pem"));
    expect(readFileSync(join(path, "card-9A-0011.pem"), "utf8")).toBe("one\n");
    await store.remove(file);
    await store.remove(file);
    expect(readdirSync(path)).toEqual([]);
  });

  // Windows lets few users make links.
  test.skipIf(process.platform === "win32")("a link that is there is not followed", async () => {
    const store = await CertificateFolder.open(folder);
    const elsewhere = join(folder, "elsewhere");
    symlinkSync(elsewhere, join(folder, "card-9A-0011.pem"));
    expect(await store.add(file)).toBeUndefined();
    expect(existsSync(elsewhere)).toBe(false);
  });

  test("a file that is there is neither written nor removed", async () => {
    const store = await CertificateFolder.open(folder);
    const place = join(folder, "card-9A-0011.pem");
    expect(await store.add(file)).toBe(place);
    expect(await store.add(file)).toBeUndefined();
    writeFileSync(place, "another program's\n");
    await store.remove(file);
    expect(readFileSync(place, "utf8")).toBe("another program's\n");
  });

  test("a file in the place of the folder, or above it, and a place where none can be made", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(CertificateFolder.open(join(folder, "file"))).rejects.toMatchObject({
      code: "invalid-value",
      message: expect.stringContaining("cannot be made (EEXIST)"),
    });
    await expect(CertificateFolder.open(join(folder, "file", "in"))).rejects.toMatchObject({
      code: "invalid-value",
      // Windows says that the folder is not there.
      message: expect.stringMatching(/cannot be made \((?:ENOTDIR|ENOENT)\)/),
    });
    if (process.platform === "linux")
      await expect(CertificateFolder.open("/proc/nothing")).rejects.toMatchObject({ code: "invalid-value" });
    await CertificateFolder.open(folder);
  });
});
