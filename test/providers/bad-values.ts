// SPDX-License-Identifier: MIT

/** What a program in JavaScript may pass by mistake, by name. */
export const badValues: readonly (readonly [string, unknown])[] = [
  ["null", null],
  ["undefined", undefined],
  ["a number", 5],
  ["a negative number", -1],
  ["a fraction", 0.5],
  ["NaN", Number.NaN],
  ["a large number", 2 ** 40],
  ["a text", "constructor"],
  ["an empty text", ""],
  ["true", true],
  ["an object", {}],
  ["an object without a prototype", Object.create(null)],
  ["an array", []],
  ["an array of null", [null]],
  ["an array of objects", [{}]],
  ["a function", () => undefined],
  ["a symbol", Symbol("mistake")],
  ["a bigint", 10n],
  ["no bytes", new Uint8Array(0)],
  ["numbers of 16 bits", Uint16Array.of(1)],
  ["a date", new Date(0)],
  ["an object that cannot be read", new Proxy({}, { get: unreadable, has: unreadable, ownKeys: unreadable })],
  ["an array that cannot be read", new Proxy([], { get: unreadable })],
  ["a list of more than memory holds", new Array(2 ** 31)],
];

function unreadable(): never {
  throw new Error("a getter of the caller's");
}

/** What came of a call: nothing wrong, a failure, or why the failure is not one that a caller may see. */
export async function judge(
  call: () => unknown,
  isFailure: (error: unknown) => error is Error,
  namesArgument: (error: Error) => boolean,
): Promise<string | undefined> {
  let outcome: unknown;
  try {
    outcome = call();
  } catch (error) {
    return judgeError(error, isFailure, namesArgument);
  }
  if (!(outcome instanceof Promise)) return undefined;
  return outcome.then(
    () => undefined,
    (error: unknown) => judgeError(error, isFailure, namesArgument),
  );
}

function judgeError(
  error: unknown,
  isFailure: (error: unknown) => error is Error,
  namesArgument: (error: Error) => boolean,
): string | undefined {
  if (!isFailure(error)) return `an error from inside: ${error instanceof Error ? error.stack : String(error)}`;
  return namesArgument(error) ? undefined : `the argument is not named: ${error.message}`;
}
