// SPDX-License-Identifier: MIT

/** What callers pass in the place of something else, by name. */
export const wrongValues = {
  undefined: undefined,
  null: null,
  text: "31323334",
  number: 5,
  negative: -1,
  huge: 2 ** 53,
  fraction: 1.5,
  NaN: Number.NaN,
  bigint: 5n,
  boolean: true,
  symbol: Symbol("31323334"),
  object: {},
  unknownMember: { nmae: "31323334" },
  array: [[]],
  bytes: Uint8Array.of(0x31, 0x32, 0x33, 0x34, 0x35),
  words: Uint16Array.of(0x3132),
  view: new DataView(new ArrayBuffer(4)),
  arrayLike: { length: 5 },
  function: () => undefined,
  promise: Promise.resolve(),
  hostile: new Proxy(
    {},
    {
      get: () => {
        throw new Error("31323334");
      },
    },
  ),
} as const satisfies Readonly<Record<string, unknown>>;

export type WrongValue = keyof typeof wrongValues;

/** One argument of a call that is right, and which of the wrong values are right in its place too. */
export interface Argument {
  /** Made anew for each call. */
  readonly good: () => unknown;
  readonly accepts: readonly WrongValue[];
}

/** What the language says where a value is used that nothing has checked. */
const fromInside =
  /Cannot |is not a function|is not iterable|is not defined|not a constructor|Invalid |of (?:undefined|null)|is not an object|must be |Reflect|toISOString|BigInt/;

const secret = /31, ?32|313233|0x3132/;

/** What is wrong with the way in which a value was refused; undefined where nothing is. */
function faultIn(outcome: Outcome, name: WrongValue): string | undefined {
  if (!("thrown" in outcome)) return "it is accepted in silence";
  const { thrown } = outcome;
  if (!(thrown instanceof Error)) return "what is thrown is no error";
  const { message } = thrown;
  if (fromInside.test(message)) return `an error from inside: ${message}`;
  if (secret.test(message)) return `the message repeats the value: ${message}`;
  if (!says[name].test(message)) return `the message does not say what came: ${message}`;
  return undefined;
}

/** What a message has to say of each. */
const says: Readonly<Record<WrongValue, RegExp>> = {
  undefined: /undefined/,
  null: /null/,
  text: /a string|a text|another/,
  number: /\b5\b|a number/,
  negative: /-1|a number/,
  huge: /9007199254740992|a number/,
  fraction: /1\.5|a number/,
  NaN: /NaN|a number/,
  bigint: /a bigint/,
  boolean: /a boolean/,
  symbol: /a symbol/,
  object: /an object|undefined/,
  unknownMember: /nmae|an object|undefined/,
  array: /an array|undefined/,
  bytes: /a Uint8Array|undefined/,
  words: /a Uint16Array|undefined/,
  view: /a DataView|undefined/,
  arrayLike: /an object|length|undefined/,
  function: /a function|undefined/,
  promise: /a Promise|undefined/,
  hostile: /an object|cannot be read/,
};

/** Calls with each argument replaced by each wrong value in turn, and tells what was not refused as it has to be. */
export async function faultsOf(
  call: (...args: never[]) => unknown,
  args: readonly Argument[],
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [position, { accepts }] of args.entries()) {
    for (const name of Object.keys(wrongValues) as WrongValue[]) {
      const given = args.map(({ good }, index) => (index === position ? wrongValues[name] : good()));
      const outcome = await outcomeOf(() => call(...(given as never[])));
      const fault = accepts.includes(name) ? undefined : faultIn(outcome, name);
      if (fault !== undefined) faults.push(`argument ${position + 1} is ${name}: ${fault}`);
    }
  }
  return faults;
}

/** How a call ended, awaited. */
type Outcome = { readonly value: unknown } | { readonly thrown: unknown };

async function outcomeOf(run: () => unknown): Promise<Outcome> {
  try {
    return { value: await run() };
  } catch (thrown) {
    return { thrown };
  }
}
