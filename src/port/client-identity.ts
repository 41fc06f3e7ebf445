// SPDX-License-Identifier: MIT

/** A client of the manager, as shown to others. Not a credential. */
export interface ClientIdentity {
  /** Name of the program. A getter is read when the name is wanted for the first time. */
  readonly name: string;
  readonly pid?: number;
  readonly uid?: number;
}
