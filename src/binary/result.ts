// SPDX-License-Identifier: MIT

/** Why bytes could not be decoded: what was wrong, and the offset (in bytes from the start) where it was seen. */
export interface DecodeError {
  readonly message: string;
  readonly offset: number;
}

/** What every decoder of a peer's bytes returns: the value, or the reason there is none. Decoders never throw. */
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
