// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { ComError } from "../../src/faces/providers/index.ts";
import { cases, type Objects, objects } from "./interface-cases.ts";

interface Member {
  readonly member: string;
  readonly kind: "method" | "get" | "put";
  readonly parameters: readonly string[];
  readonly codes: readonly string[];
  readonly page: string;
}

/**
 * Every interface of the service providers with its members, as the pages of MicrosoftDocs/win32 (desktop-src/SecAuthN)
 * document them, or scardssp.h where there is no page; why some of their codes cannot arise here; what we have beyond.
 */
const { cannotArise, extraMembers, extraParameters, interfaces } = JSON.parse(
  readFileSync(new URL("interfaces.json", import.meta.url), "utf8"),
) as {
  readonly interfaces: Readonly<Record<string, readonly Member[]>>;
  readonly cannotArise: readonly {
    readonly code: string;
    readonly reason: string;
    readonly members: readonly string[];
  }[];
  readonly extraMembers: Readonly<Record<string, string>>;
  readonly extraParameters: Readonly<Record<string, readonly string[]>>;
};

const prefixes = { method: "", get: "get_", put: "put_" } as const;

const documented = Object.entries(interfaces).flatMap(([name, members]) =>
  members.map((member) => ({ ...member, name: `${name}::${prefixes[member.kind]}${member.member}` })),
);
const pairs = documented.flatMap(({ codes, name }) => codes.map((code) => `${name} ${code}`));

describe("the list", () => {
  test("has every interface with all its members", () => {
    const counts = Object.entries(interfaces).map(([name, { length }]) => `${name} ${length}`);
    // As scardssp.h and the pages of the interfaces count them.
    expect(counts).toEqual([
      "IByteBuffer 14",
      "ISCard 12",
      "ISCardAuth 4",
      "ISCardCmd 33",
      "ISCardDatabase 5",
      "ISCardFileAccess 15",
      "ISCardISO7816 18",
      "ISCardLocate 3",
      "ISCardManage 11",
      "ISCardTypeConv 10",
      "ISCardVerify 4",
    ]);
    expect(new Set(documented.map(({ name }) => name)).size).toBe(129);
  });
});

describe("our objects have what is documented, and nothing else:", () => {
  let all: Objects;
  beforeAll(async () => {
    all = await objects();
  });

  const ours: Readonly<Record<string, (all: Objects) => object>> = {
    IByteBuffer: ({ buffer }) => buffer,
    ISCard: ({ card }) => card,
    ISCardAuth: ({ auth }) => auth,
    ISCardCmd: ({ cmd }) => cmd,
    ISCardDatabase: ({ database }) => database,
    ISCardFileAccess: ({ files }) => files,
    ISCardISO7816: ({ iso }) => iso,
    ISCardLocate: ({ locate }) => locate,
    ISCardManage: ({ manage }) => manage,
    ISCardTypeConv: ({ conv }) => conv,
    ISCardVerify: ({ verify }) => verify,
  };

  test.each(Object.entries(interfaces))("%s", (name, members) => {
    const object = ours[name]?.(all) ?? {};
    const expected = members.map(({ kind, member }) => `${kind} ${member}`);
    expect([...membersOf(object)].filter((member) => !(member in extraMembers)).sort()).toEqual(expected.sort());
    expect(Object.keys(object)).toEqual([]);
  });

  test("what we have beyond is there", () => {
    const extra = Object.values(ours).flatMap((get) => membersOf(get(all)).filter((member) => member in extraMembers));
    expect(extra.sort()).toEqual(Object.keys(extraMembers).sort());
  });

  test.each(documented.filter(({ kind }) => kind === "method"))("$name needs no more parameters", (member) => {
    const object = ours[member.name.split("::")[0] ?? ""]?.(all) ?? {};
    const method = Reflect.get(object, member.member) as (...args: unknown[]) => unknown;
    const values = member.parameters.filter((parameter) => !parameter.startsWith("[out]"));
    // Those with a default are not counted by JavaScript, so that it may be fewer and never more.
    expect(method.length).toBeLessThanOrEqual(values.length + (extraParameters[member.name]?.length ?? 0));
  });
});

/** The members of an object's class: `method Name`, `get Name`, `put Name`; others by their own name. */
function membersOf(object: object): string[] {
  const prototype: object = Object.getPrototypeOf(object);
  const { name } = object.constructor;
  const statics = Object.getOwnPropertyNames(object.constructor).filter(
    (member) => !["length", "name", "prototype"].includes(member),
  );
  const own = Reflect.ownKeys(prototype).flatMap((member) => {
    if (member === "constructor") return [];
    // Its description is another one in each version of Node.
    if (typeof member === "symbol")
      return [`${name}[${member === Symbol.asyncDispose ? "Symbol.asyncDispose" : String(member)}]`];
    const { get, set, value } = Object.getOwnPropertyDescriptor(prototype, member) ?? {};
    return [value && `method ${member}`, get && `get ${member}`, set && `put ${member}`].filter(Boolean);
  });
  return [...own, ...statics.map((member) => `${name}.${member}`)];
}

describe("every code that is documented for a member", () => {
  test("arises in one of the cases, or has a reason why it cannot", () => {
    const reasons = cannotArise.flatMap(({ code, members }) => members.map((name) => `${name} ${code}`));
    const arising = Object.entries(cases).flatMap(([name, codes]) =>
      Object.keys(codes).map((code) => `${name} ${code}`),
    );
    expect([...arising, ...reasons].sort()).toEqual([...pairs].sort());
    for (const { reason } of cannotArise) expect(reason).toMatch(/^[A-Z].{20,}\.$/s);
  });

  const all = Object.entries(cases).flatMap(([name, codes]) =>
    Object.entries(codes).map(([code, run]) => [name, code, run] as const),
  );

  test.each(all)("%s returns %s", async (_, code, run) => {
    expect(await outcomeOf(run, await objects())).toBe(code);
  });
});

async function outcomeOf(run: (all: Objects) => unknown, all: Objects): Promise<string> {
  try {
    await run(all);
    return "S_OK";
  } catch (error) {
    if (error instanceof ComError) return error.hresultName;
    throw error;
  }
}
