// SPDX-License-Identifier: MIT

import { expect } from "vitest";
import { concatBytes, hexBytes } from "../../src/base/binary/index.ts";
import { provisionGids } from "../../src/cards/gids/index.ts";
import { crypto, GidsBench, template } from "../gids/gids-bench.ts";

/** A record of the map of containers, for a signature key. */
function record(name: string, signatureBits: number): Uint8Array {
  const bytes = new Uint8Array(86);
  for (const [at, unit] of [...name].entries()) bytes[2 * at] = unit.charCodeAt(0);
  bytes[80] = 1;
  new DataView(bytes.buffer).setUint16(82, signatureBits, true);
  return bytes;
}

/** A card with a certified RSA key, and keys on the curves. */
export async function gidsCardWithKeys(): Promise<GidsBench> {
  const bench = new GidsBench();
  const times = { notBefore: "20260101000000", notAfter: "20400101000000" };
  await provisionGids(crypto, bench.image, { reference: 0x81, algorithm: "rsa2048", subject: "Holder", ...times });
  await bench.ok("00A40400", "A000000397425446590201");
  expect(await bench.verify("313233343536")).toBe("9000");
  for (const [at, mechanism] of ["0C", "0D", "0E"].entries()) {
    const reference = (0x82 + at).toString(16);
    await bench.keyFile(`B0${reference}`, "0F10101000", template("B6", `1${mechanism.slice(1)}`, reference));
    await bench.ok("00470000", `AC0680${"01"}${mechanism}8301${reference}`);
  }
  const object = await bench.ok("00CBA010", "5C02DF23");
  const before = hexBytes(object);
  const map = concatBytes(
    before.subarray(-86),
    ...["a", "b", "c"].map((name, at) => record(name, [256, 384, 521][at] ?? 0)),
  );
  const header = Uint8Array.of(0xdf, 0x23, 0x82, map.length >> 8, map.length & 0xff);
  await bench.ok("00DBA010", concatBytes(header, map));
  return bench;
}
