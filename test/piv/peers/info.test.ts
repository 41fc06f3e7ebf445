// SPDX-License-Identifier: MIT

// `scard piv info` beside `ykman piv info`, on the same card: each fact that ykman tells, told with the same words.

import { join } from "node:path";
import { expect, it } from "vitest";
import { scard } from "../../cli/card-file-run.ts";
import { describePeer } from "../../peers/peers.ts";
import { MANAGEMENT_KEY, PIN, peer, useToken } from "./token.ts";

const token = useToken();

/** Facts by their names, behind the slot that they are about. */
function factsOf(output: string): ReadonlyMap<string, string> {
  const facts = new Map<string, string>();
  let place = "";
  for (const line of output.split("\n")) {
    const slot = /^Slot ([0-9A-Fa-f]{2})\b/.exec(line)?.[1];
    if (slot !== undefined) place = `${slot.toUpperCase()} `;
    const [, name, value] = /^\s*([A-Za-z ]+?):\s+(.*\S)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) facts.set(place + renamed(name), alike(name, value));
  }
  return facts;
}

/** ykman 4 says "Algorithm" where ykman 5 and this program tell the public key from the private one. */
function renamed(name: string): string {
  return name === "Algorithm" ? "Public key type" : name;
}

/** ykman 4 has decimal serial numbers, times without their zone, and a full stop behind what is not there. */
function alike(name: string, value: string): string {
  if (name === "Serial")
    return /^\d+$/.test(value) ? hex(BigInt(value)) : hex(BigInt(`0x${value.replaceAll(":", "")}`));
  if (name.startsWith("Not ")) return value.replace(" ", "T").replace(/\+00:00$/, "");
  return value.replace(/\.$/, "");
}

function hex(number: bigint): string {
  return number.toString(16);
}

/** Sentences without a value: warnings, mostly. */
function sentencesOf(output: string): readonly string[] {
  return output.split("\n").filter((line) => /^[A-Z].*[!.]$/.test(line) && !/:\s/.test(line.replace("WARNING: ", "")));
}

describePeer(peer("ykman"), (ykman) => {
  const both = async (): Promise<readonly [theirs: string, ours: string]> => {
    const environment = { SCARD_MANAGER: `pcscd:${token.environment.PCSCLITE_CSOCK_NAME}` };
    const { code, err, out } = await scard(["piv", "info"], { environment });
    expect(code, err).toBe(0);
    return [await token.done(ykman, ["piv", "info"]), out];
  };
  const compare = async (least: number): Promise<void> => {
    const [theirs, ours] = await both();
    const [wanted, told] = [factsOf(theirs), factsOf(ours)];
    expect(wanted.size).toBeGreaterThanOrEqual(least);
    for (const [name, value] of wanted) expect([name, told.get(name)]).toEqual([name, value]);
    expect(sentencesOf(theirs).filter((sentence) => !sentencesOf(ours).includes(sentence))).toEqual([]);
  };

  it("tells of a new card what ykman tells", () => compare(5));

  it("tells of keys and certificates what ykman tells", async () => {
    for (const [slot, algorithm, subject] of [
      ["9a", "ECCP256", "CN=alice"],
      ["9c", "RSA2048", "CN=carol\\, B.,OU=Test,O=Example,C=AT"],
      ["82", "ECCP384", "CN=dave"],
    ] as const) {
      const file = join(token.folder, "key.pem");
      await token.done(ykman, ["piv", "keys", "generate", "-m", MANAGEMENT_KEY, "-a", algorithm, slot, file]);
      const issue = ["-P", PIN, "-m", MANAGEMENT_KEY, "-s", subject, slot, file];
      await token.done(ykman, ["piv", "certificates", "generate", ...issue]);
    }
    await compare(24);
  });

  it("tells of changes what ykman tells", async () => {
    await token.done(ykman, ["piv", "access", "change-pin", "-P", PIN, "-n", "654321"]);
    await token.run(ykman, ["piv", "access", "change-pin", "-P", PIN, "-n", "111111"]);
    const change = ["-m", MANAGEMENT_KEY, "--protect", "-P", "654321"];
    await token.done(ykman, ["piv", "access", "change-management-key", ...change]);
    const [, ours] = await both();
    expect(ours).toContain("PIN tries remaining:      3/3\n");
    expect(ours).toContain("Management key is stored on the YubiKey, protected by PIN.\n");
    expect(ours).not.toContain("default PIN");
    await compare(24);
  });

  it("uses the management key that ykman has put behind the PIN", async () => {
    const environment = { SCARD_MANAGER: `pcscd:${token.environment.PCSCLITE_CSOCK_NAME}`, PIN: "654321" };
    const made = await scard(["piv", "keys", "generate", "--pin", "env:PIN", "9e"], { environment });
    expect([made.code, made.err, made.out]).toEqual([0, "", expect.stringContaining("BEGIN PUBLIC KEY")]);
  });
});
