// SPDX-License-Identifier: MIT

import {
  type Check,
  type ErrorCode,
  errorCodes,
  MAX_TIMER_MS,
  optional,
  partOf,
  truth,
  wholeNumber,
  word,
} from "../../port/index.ts";

/** Which behaviour the manager follows where Windows and pcsc-lite differ. */
export type ProfileName = "windows" | "pcsclite";

/** Every point on which the two differ; a profile is one column of {@link profiles}. */
export interface Profile {
  readonly name: ProfileName;
  /** A transaction without any operation for this long is ended and its card reset; undefined: never. Milliseconds. */
  readonly transactionIdleMs: number | undefined;
  /** The card is powered down this long after its last connection has gone; undefined: never. Milliseconds. */
  readonly powerOffMs: number | undefined;
  /** `exclusive`: a direct connection excludes all others. `shared`: it coexists with shared ones. */
  readonly directSharing: "exclusive" | "shared";
  /** Whether a direct connection to a card that has its protocol already takes part in it. */
  readonly directJoinsProtocol: boolean;
  /**
   * Whether a direct connection that names protocols makes the card negotiate. The result for an exclusive direct connection is
   * that of a newly inserted card, also where a program was connected before.
   */
  readonly directNegotiates: boolean;
  /** The failure of connecting to an empty reader. */
  readonly connectWithoutCard: ErrorCode;
  /** What asking for `raw` fails with where the reader has no such protocol; `proto-mismatch` otherwise applies. */
  readonly rawUnavailable: ErrorCode;
  /**
   * What a control, or setting an attribute, does during another connection's transaction: it waits for its turn, or is
   * refused at once. Reading an attribute needs no turn.
   */
  readonly controlBesideTransaction: "wait" | "refuse";
  /** The failure of an exchange during which the card is pulled. Every later call fails with `removed-card`. */
  readonly removedDuringExchange: ErrorCode;
  /** Whether a reader's text attributes (vendor, type, serial number) end in a NUL. Names always do. */
  readonly vendorTextEndsInNul: boolean;
  /** Which cards are reset when a client ends without disconnecting: all, or those it had a transaction on. */
  readonly resetOnExit: "always" | "transacted";
  /** Whether a reset at the end of a transaction makes its own connection reconnect too. */
  readonly resetConcernsCaller: boolean;
  /** Whether reconnecting ends the transactions of that connection. */
  readonly reconnectEndsTransaction: boolean;
  /** The failure of ending another connection's transaction. */
  readonly endOfForeignTransaction: ErrorCode;
  /** What happens where a reader cannot eject: an error, or nothing. */
  readonly impossibleEject: "fail" | "ignore";
  /** Whether reader states tell a card that is not powered. */
  readonly reportsUnpowered: boolean;
  /** Whether a free reader that comes into use wakes a status wait. */
  readonly useIsAChange: boolean;
  /** Whether a reader that was removed during a wait is also marked as ignored. */
  readonly vanishedIsIgnored: boolean;
  /** What the event count of the pseudo reader is. */
  readonly pnpCounts: "readers" | "events";
}

const anyTime = optional(wholeNumber(0, MAX_TIMER_MS, "milliseconds"));
const oneOf = <K extends string>(...words: readonly K[]): Check<K> =>
  word(Object.fromEntries(words.map((term) => [term, term])) as Record<K, K>, "choice");
const errorCode = word<ErrorCode>(errorCodes, "error code");

/** Single points of a profile, as a caller gives them; `undefined` turns a limit off. */
export const checkSemantics: Check<Partial<Omit<Profile, "name">>> = partOf<Omit<Profile, "name">>({
  transactionIdleMs: anyTime,
  powerOffMs: anyTime,
  directSharing: oneOf("exclusive", "shared"),
  directJoinsProtocol: truth,
  directNegotiates: truth,
  connectWithoutCard: errorCode,
  rawUnavailable: errorCode,
  resetOnExit: oneOf("always", "transacted"),
  resetConcernsCaller: truth,
  reconnectEndsTransaction: truth,
  endOfForeignTransaction: errorCode,
  impossibleEject: oneOf("fail", "ignore"),
  reportsUnpowered: truth,
  useIsAChange: truth,
  vanishedIsIgnored: truth,
  pnpCounts: oneOf("readers", "events"),
  controlBesideTransaction: oneOf("wait", "refuse"),
  removedDuringExchange: errorCode,
  vendorTextEndsInNul: truth,
});

/** Where Windows and pcsc-lite differ, and how. Sources: docs/interop/profiles.md. */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  windows: {
    name: "windows",
    transactionIdleMs: 5000,
    powerOffMs: 5000,
    directSharing: "exclusive",
    directJoinsProtocol: false,
    directNegotiates: true,
    connectWithoutCard: "removed-card",
    rawUnavailable: "not-ready",
    controlBesideTransaction: "wait",
    removedDuringExchange: "removed-card",
    vendorTextEndsInNul: false,
    resetOnExit: "always",
    resetConcernsCaller: false,
    reconnectEndsTransaction: true,
    endOfForeignTransaction: "not-transacted",
    impossibleEject: "fail",
    reportsUnpowered: true,
    useIsAChange: true,
    vanishedIsIgnored: true,
    pnpCounts: "readers",
  },
  pcsclite: {
    name: "pcsclite",
    transactionIdleMs: undefined,
    powerOffMs: 5000,
    directSharing: "shared",
    directJoinsProtocol: true,
    directNegotiates: false,
    connectWithoutCard: "no-smartcard",
    rawUnavailable: "proto-mismatch",
    controlBesideTransaction: "refuse",
    removedDuringExchange: "no-smartcard",
    vendorTextEndsInNul: true,
    resetOnExit: "transacted",
    resetConcernsCaller: true,
    reconnectEndsTransaction: false,
    endOfForeignTransaction: "sharing-violation",
    impossibleEject: "ignore",
    reportsUnpowered: false,
    useIsAChange: false,
    vanishedIsIgnored: false,
    pnpCounts: "events",
  },
};
