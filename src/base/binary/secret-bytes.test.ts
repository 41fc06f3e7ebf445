// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { SecretBytes, withSecret } from "./secret-bytes.ts";

const pin = (): Uint8Array => Uint8Array.of(0x31, 0x32, 0x33, 0x34);
const cleared = new Uint8Array(4);

describe("SecretBytes", () => {
  test("are cleared when the owner has released them and no work uses them", () => {
    const bytes = pin();
    const secret = new SecretBytes(bytes);
    expect(secret.length).toBe(4);
    expect(bytes).toEqual(pin());
    secret.release();
    expect(bytes).toEqual(cleared);
    secret.release();
  });

  test("stay as long as a use lasts that outlives the owner, and are cleared where it fails", async () => {
    const bytes = pin();
    const secret = new SecretBytes(bytes);
    let fail: (error: Error) => void = () => {};
    const use = secret.use((seen) => {
      expect(seen).toBe(bytes);
      return new Promise<void>((_, reject) => {
        fail = reject;
      });
    });
    secret.release();
    secret.release();
    expect(bytes).toEqual(pin());
    fail(new Error("the driver failed"));
    await expect(use).rejects.toThrow("the driver failed");
    expect(bytes).toEqual(cleared);
  });

  test("a use begins at once, and what it throws at once is an ordinary failure", async () => {
    const secret = new SecretBytes(pin());
    let begun = false;
    const use = secret.use(() => {
      begun = true;
      throw new RangeError("no");
    });
    expect(begun).toBe(true);
    await expect(use).rejects.toThrow(RangeError);
  });

  test("are cleared at once for a user that does not come back", () => {
    const bytes = pin();
    const secret = new SecretBytes(bytes);
    void secret.use(() => new Promise(() => {}));
    secret.release();
    secret.wipe();
    expect(bytes).toEqual(cleared);
  });
});

describe("withSecret", () => {
  test("leaves the caller's bytes, and clears its copy however it ends", async () => {
    const given = pin();
    const seen: Uint8Array[] = [];
    const work = (secret: SecretBytes): Promise<number> => secret.use((bytes) => seen.push(bytes));
    expect(await withSecret(given, work)).toBe(1);
    const failing = withSecret(given, async (secret) => {
      await work(secret);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(given).toEqual(pin());
    expect(seen).toEqual([cleared, cleared]);
  });
});
