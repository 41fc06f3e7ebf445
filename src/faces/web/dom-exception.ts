// SPDX-License-Identifier: MIT

/** The names of the DOMExceptions that the Web Smart Card API, and what this package adds to it, rejects with. */
export type DomExceptionName =
  | "AbortError"
  | "InvalidStateError"
  | "NotAllowedError"
  | "SecurityError"
  | "TimeoutError"
  | "UnknownError";

/** The DOMException of Node and of browsers, for programs without its types. It fits theirs. */
export interface DomException extends Error {
  readonly name: string;
  readonly message: string;
  /** The number that old names have; 0 for others. */
  readonly code: number;
  readonly INDEX_SIZE_ERR: 1;
  readonly DOMSTRING_SIZE_ERR: 2;
  readonly HIERARCHY_REQUEST_ERR: 3;
  readonly WRONG_DOCUMENT_ERR: 4;
  readonly INVALID_CHARACTER_ERR: 5;
  readonly NO_DATA_ALLOWED_ERR: 6;
  readonly NO_MODIFICATION_ALLOWED_ERR: 7;
  readonly NOT_FOUND_ERR: 8;
  readonly NOT_SUPPORTED_ERR: 9;
  readonly INUSE_ATTRIBUTE_ERR: 10;
  readonly INVALID_STATE_ERR: 11;
  readonly SYNTAX_ERR: 12;
  readonly INVALID_MODIFICATION_ERR: 13;
  readonly NAMESPACE_ERR: 14;
  readonly INVALID_ACCESS_ERR: 15;
  readonly VALIDATION_ERR: 16;
  readonly TYPE_MISMATCH_ERR: 17;
  readonly SECURITY_ERR: 18;
  readonly NETWORK_ERR: 19;
  readonly ABORT_ERR: 20;
  readonly URL_MISMATCH_ERR: 21;
  readonly QUOTA_EXCEEDED_ERR: 22;
  readonly TIMEOUT_ERR: 23;
  readonly INVALID_NODE_TYPE_ERR: 24;
  readonly DATA_CLONE_ERR: 25;
}

/** The DOMException of the host. */
declare const DOMException: new (message?: string, name?: string) => DomException;

/** Makes a DOMException. @param cause what this package knows beyond it */
export function domException(name: DomExceptionName, message: string, cause?: unknown): DomException {
  const exception = new DOMException(message, name);
  if (cause !== undefined) setCause(exception, cause);
  return exception;
}

/** Whether something is a DOMException of this realm. */
export function isDomException(value: unknown): boolean {
  return value instanceof DOMException;
}

/** Gives an exception its cause, as the constructor of Error does. */
export function setCause(exception: Error, cause: unknown): void {
  Object.defineProperty(exception, "cause", { value: cause, configurable: true, writable: true });
}

/** The base of {@link SmartCardError}. */
export const DomExceptionBase = DOMException;
