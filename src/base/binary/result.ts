// SPDX-License-Identifier: MIT

/** Why bytes could not be decoded: the problem, and its offset in bytes from the start. */
export interface DecodeError {
  readonly message: string;
  readonly offset: number;
}

/** The result of every decoder of a peer's bytes: the value, or the reason why there is no value. Decoders never throw. */
export type Result<T, E = DecodeError> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

/** Wraps a decoded value. */
export function success<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** Wraps the reason why there is no value. */
export function failure(message: string, offset: number): { readonly ok: false; readonly error: DecodeError } {
  return { ok: false, error: { message, offset } };
}
