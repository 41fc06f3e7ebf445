// SPDX-License-Identifier: MIT

import { X509Certificate } from "node:crypto";
import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { parseShape } from "../../src/base/json/index.ts";
import { containersOf, type GidsProvision, gidsShape, provisionGids, setUpGids } from "../../src/cards/gids/index.ts";
import { ADMINISTRATOR_KEY, crypto, GidsBench, parsed } from "./gids-bench.ts";

const period = { notBefore: "20260101000000", notAfter: "20551231235959" };
const good: GidsProvision = { reference: 0x81, algorithm: "rsa1024", subject: "Alice", ...period };
const DATA_FILE = "620C8201398302A0108C03033000";
const KEY_FILE = "621B8201188302B0828C058F10101000A50BB60980011C830182950140";

describe("a GIDS card in a file", () => {
  it("nothing at all is a card from the factory", () => {
    expect(parsed({})).toMatchObject({ lifeCycle: "initialization", pin: undefined, puk: undefined });
    expect(new GidsBench().saved()).toEqual({ lifeCycle: "initialization", files: [] });
  });

  it("is the same card when it is read again", async () => {
    const card = await GidsBench.ready();
    await card.login();
    await card.done("00DBA01005DF2402ABCD", "00E000000E620C8201398302A0208C03033000");
    const again = card.restarted();
    expect(again.saved()).toEqual(card.saved());
    expect(await again.done("00A4000402A02000")).toContain("8A0103");
    expect(await again.done("00CBA010045C02DF2400")).toBe("DF2402ABCD");
    expect(again.saved().pin).toEqual({ value: "3132333435363738", tries: 3, triesLeft: 3 });
  });

  it.each<[object, string]>([
    [{ lifeCycle: "creation" }, "$.lifeCycle"],
    [{ pin: { value: "3132" } }, "$.pin.value"],
    [{ pin: { value: { text: "12345678" }, tries: 3, triesLeft: 4 } }, "$.pin.triesLeft"],
    [{ files: [{ parameters: "6200" }] }, "$.files[0].parameters: are no file control parameters"],
    [{ files: [{ parameters: DATA_FILE }, { parameters: DATA_FILE }] }, "$.files[1].parameters"],
    [{ files: [{ parameters: DATA_FILE, key: { secret: "01" } }] }, "$.files[0].key"],
    [{ files: [{ parameters: DATA_FILE, objects: [{ tag: "DF", value: "" }] }] }, "$.files[0].objects[0].tag"],
    [{ files: [{ parameters: KEY_FILE, objects: [{ tag: "DF20", value: "" }] }] }, "$.files[0].objects"],
    [{ files: [{ parameters: KEY_FILE, key: { secret: "01" } }] }, "$.files[0].key"],
    [{ files: [{ parameters: KEY_FILE, key: { symmetric: "01".repeat(32) } }] }, "$.files[0].key"],
    [
      {
        files: [{ parameters: KEY_FILE.replace("011C", "0117"), key: { prime1: "0D", prime2: "0B", exponent: "03" } }],
      },
      "$.files[0].key",
    ],
  ])("%j is refused, and says where", (source, place) => {
    const read = parseShape(gidsShape, source);
    const problems = read.ok ? [] : read.error.map(({ message, path }) => `${path}: ${message}`);
    expect(problems.join("\n")).toContain(place);
    expect(problems.join("\n")).not.toContain("12345678");
  });
});

describe("a card that is set up for its user", () => {
  it("has what gids-tool gives one", async () => {
    const image = parsed({});
    setUpGids(crypto, image);
    const card = new GidsBench(JSON.parse(JSON.stringify(new GidsBench().saved())));
    Object.assign(card.image, image);
    const { files } = card.saved();
    expect(files?.map(({ parameters }) => parameters.slice(14, 18))).toEqual([
      "A000",
      "A010",
      "A011",
      "A012",
      "A013",
      "A014",
      "B080",
    ]);
    expect(await card.verify(encodeHex(new TextEncoder().encode("123456")))).toBe("9000");
    expect(await card.administrator(ADMINISTRATOR_KEY)).toBe("9000");
    expect(await card.done("00CBA000045C02DF1F00")).toMatch(/^DF1F818D016D736370/);
    expect(await card.done("00CBA012045C02DF2000")).toHaveLength(2 * 19);
    const before = card.saved();
    setUpGids(crypto, card.image);
    expect(card.saved()).toEqual(before);
  });

  it("gets keys with certificates, one after the other", async () => {
    const image = parsed({});
    const certificates: X509Certificate[] = [];
    for (const [at, algorithm] of (["rsa1024", "rsa2048"] as const).entries()) {
      const given = { ...good, algorithm, reference: 0x81 + at, subject: `Key ${at}` };
      certificates.push(new X509Certificate(await provisionGids(crypto, image, given)));
    }
    for (const [at, certificate] of certificates.entries()) {
      expect(certificate.subject).toBe(`CN=Key ${at}`);
      expect(certificate.verify(certificate.publicKey)).toBe(true);
    }
    expect(containersOf(image)).toMatchObject([
      { isValid: true, isDefault: true, exchangeBits: 1024, signatureBits: 0, hasCertificate: true },
      { isValid: true, isDefault: false, exchangeBits: 2048, signatureBits: 0, hasCertificate: true },
    ]);
    const names = containersOf(image).map(({ name }) => name);
    expect(new Set(names).size).toBe(2);
    expect(names[0]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const card = new GidsBench();
    Object.assign(card.image, { lifeCycle: image.lifeCycle, pin: image.pin });
    for (const [id, file] of image.files) card.image.files.set(id, file);
    const stored = hexBytes((await card.ok("00CBA010", "5C02DF25")).slice(10));
    expect(encodeHex(stored.subarray(0, 2))).toBe("0100");
    expect(new DataView(stored.buffer, stored.byteOffset).getUint16(2, true)).toBe(certificates[1]?.raw.length);
    expect(inflateSync(stored.subarray(4))).toEqual(certificates[1]?.raw);
    // The cache file counts both.
    expect(await card.done("00CBA010045C02DF2200")).toBe("DF2206000002000200");
    expect(await card.ok("00CBA000", "5C02DF20")).toBe(
      "DF201901" + "01000000069A81B0FFFF0000" + "01000000079A82B0FFFF0000",
    );
  });

  it("an authority signs", async () => {
    const material = crypto.curve("P-521").generate();
    const authority = { key: { algorithm: "P-521", material }, certificate: await selfSigned(material) } as const;
    const issued = new X509Certificate(await provisionGids(crypto, parsed({}), { ...good, authority }));
    const issuer = new X509Certificate(authority.certificate);
    expect([issued.issuer, issued.verify(issuer.publicKey)]).toEqual(["CN=Authority", true]);
  });

  it.each<[string, Partial<GidsProvision>]>([
    ["a reference beyond the next", { reference: 0x82 }],
    ["the administrator's reference", { reference: 0x80 }],
    ["a reference that there is not", { reference: 0x9f }],
    ["no name", { subject: "" }],
    ["a time of another form", { notAfter: "2030-01-01" }],
    [
      "an authority without a certificate",
      {
        authority: { certificate: hexBytes("3000"), key: { algorithm: "P-256", material: new Uint8Array(32).fill(1) } },
      },
    ],
  ])("refuses %s, and adds nothing", async (_, change) => {
    const image = parsed({});
    await expect(provisionGids(crypto, image, { ...good, ...change })).rejects.toMatchObject({
      code: "invalid-parameter",
    });
    expect(containersOf(image)).toEqual([]);
    expect(image.files.has(0xb081)).toBe(false);
  });

  it("refuses a container that has a key, and a card of other files", async () => {
    const image = parsed({});
    await provisionGids(crypto, image, good);
    await expect(provisionGids(crypto, image, good)).rejects.toMatchObject({
      code: "invalid-parameter",
      message: expect.stringContaining("82"),
    });
    const other = await GidsBench.ready();
    await expect(provisionGids(crypto, other.image, good)).rejects.toMatchObject({ code: "invalid-value" });
  });
});

async function selfSigned(material: Uint8Array): Promise<Uint8Array> {
  const { issueCertificate } = await import("../../src/cards/crypto/index.ts");
  const content = { subject: "Authority", ...period };
  return issueCertificate(crypto, { algorithm: "P-521", material }, content, [], {
    operation: "test",
    path: "content",
  });
}
