// SPDX-License-Identifier: MIT

/** The managers whose differences are known, and what each is. */
export const managers = {
  "embedded-windows": "the embedded manager, profile windows",
  "embedded-pcsclite": "the embedded manager, profile pcsclite",
  daemon: "scard daemon through the pcscd client",
  pcscd: "pcscd 1.9.9 through the pcscd client",
  "system-daemon": "scard daemon through libpcsclite",
  "system-pcscd": "pcscd 1.9.9 through libpcsclite",
  "system-windows": "winscard.dll (under Wine, our DLL)",
} as const;

/** A manager whose differences are known. */
export type ManagerKey = keyof typeof managers;

/** Known differences of managers, with the reasons. */
export interface Difference {
  readonly managers: readonly ManagerKey[];
  readonly reason: string;
  readonly source: string;
  /** What is observed instead: for each behaviour its points. */
  readonly observed: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Differences of Windows from pcsc-lite. */
const windows: readonly Difference[] = [
  {
    managers: ["embedded-windows", "daemon", "system-daemon", "system-windows"],
    reason:
      "Windows and scard daemon reset every card whose program exited without a disconnect; pcsc-lite only those in a transaction.",
    source: "Microsoft, SCardDisconnect; pcsc-lite, winscard_svc.c: MSGCleanupClient",
    observed: { "release-without-disconnect": { "told to the other": "reset-card" } },
  },
  {
    managers: ["embedded-windows", "system-windows"],
    reason: "Windows returns not-ready where the reader has no raw protocol.",
    source: "WICG, behavioral-differences.md",
    observed: { "connect-protocols": { raw: "not-ready" } },
  },
  {
    managers: ["embedded-windows", "system-windows"],
    reason: "On Windows a direct connection is exclusive; with pcsc-lite it coexists with shared ones.",
    source: 'Microsoft, SCardConnect ("private use"); WICG, behavioral-differences.md',
    observed: {
      "beside-shared": { direct: "sharing-violation" },
      "beside-direct": { shared: "sharing-violation", direct: "sharing-violation" },
      "beside-a-transaction": { direct: "sharing-violation", "direct, after it": "sharing-violation" },
      "direct-joins": { protocol: "sharing-violation", exchange: "no connection" },
      "status-use": { direct: "changed exclusive present" },
    },
  },
  {
    managers: ["embedded-windows", "system-windows"],
    reason: "On Windows a direct connection negotiates the protocols that it names; with pcsc-lite it never does.",
    source: "WICG, behavioral-differences.md",
    observed: { "direct-alone": { "protocol that was asked for": "t1" } },
  },
  {
    managers: ["embedded-windows", "system-windows"],
    reason: "Windows returns the same code for an end without a transaction, even if another program has one.",
    source: "Microsoft, SCardEndTransaction: SCARD_E_NOT_TRANSACTED",
    observed: {
      "end-without-begin": {
        "another program has one": "not-transacted",
        "another connection of the context has one": "not-transacted",
      },
    },
  },
  {
    managers: ["embedded-windows", "system-windows"],
    reason:
      "A program that ends its transaction with a reset need not reconnect. With pcsc-lite it must, like all others.",
    source: "docs/decisions/0009-windows-faults-left-out.md; pcsc-lite, winscard.c: SCardEndTransaction",
    observed: { "transaction-dispositions": { "reset, own exchange": "ok", "unpower, own exchange": "ok" } },
  },
  {
    managers: ["embedded-windows", "system-windows"],
    reason: "On Windows a reconnect releases the lock.",
    source: "pcsc-lite, winscard.c: SCardReconnect (its comment on Windows); WICG, behavioral-differences.md",
    observed: { "transaction-and-reconnect": { "the other": "ok", "its end": "ok", end: "not-transacted" } },
  },
  {
    managers: ["embedded-windows", "system-windows"],
    reason: "Windows ends a transaction that is idle for five seconds, and resets the card.",
    source: "Microsoft, SCardBeginTransaction",
    observed: { "transaction-idle": { exchange: "reset-card", end: "reset-card", card: "reset" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "On Windows the first use of a free reader is a change.",
    source: "docs/decisions/0009-windows-faults-left-out.md; pcsc-lite, winscard_clnt.c: SCardGetStatusChange",
    observed: { "status-use": { "that it comes into use": "ok" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "Windows returns removed-card for an empty reader.",
    source: "docs/interop/profiles.md, connectWithoutCard",
    observed: {
      "card-removed": { "gone, reconnect": "removed-card" },
      "empty-reader": { shared: "removed-card", exclusive: "removed-card" },
    },
  },
  {
    managers: ["embedded-windows", "system-windows"],
    reason: "Windows reports cards without power, including mute ones; pcsc-lite never does.",
    source: "Microsoft, SCARD_READERSTATE: SCARD_STATE_UNPOWERED; docs/interop/profiles.md, reportsUnpowered",
    observed: { "silent-card": { flags: "changed mute present unpowered" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "Windows marks a removed reader as ignored from then on.",
    source: "Microsoft, SCARD_READERSTATE: SCARD_STATE_UNKNOWN",
    observed: { "reader-unplugged": { "who waits for changes": "changed ignore unavailable unknown" } },
  },
];

/** Differences of pcsc-lite's profile during a transaction and a removal. */
const pcsclite: readonly Difference[] = [
  {
    managers: ["embedded-pcsclite"],
    reason:
      "pcsc-lite refuses a control, and setting an attribute, during another program's transaction; Windows lets them wait.",
    source: "pcsc-lite, winscard.c: SCardControl and SCardSetAttrib (RFCheckSharing)",
    observed: {
      "transaction-excludes": {
        control: "sharing-violation",
        "set attribute": "sharing-violation",
        "after it, control": "sharing-violation",
        "after it, set attribute": "sharing-violation",
      },
    },
  },
  {
    managers: ["embedded-pcsclite"],
    reason:
      "With pcsc-lite an exchange during which the card is pulled returns no-smartcard; later calls return removed-card.",
    source: "pcsc-lite, winscard.c: SCardTransmit; ifdwrapper.c: IFDTransmit",
    observed: { "removal-ends-exchanges": { after: "no-smartcard" } },
  },
];

/** Differences of pcscd 1.9.9 and its vpcd driver, with any client. */
const pcscd: readonly Difference[] = [
  {
    managers: ["pcscd", "system-pcscd"],
    reason:
      "pcscd refuses to read an attribute during another program's transaction, and the client retries until it has ended.",
    source: "pcsc-lite, winscard.c: SCardGetAttrib (RFCheckSharing)",
    observed: { "transaction-excludes": { "get attribute": "waits" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "pcscd accepts the raw protocol for any card.",
    source: 'pcsc-lite, prothandler.c: PHSetProtocol; docs/interop/pcscd-differences.md, "The raw protocol"',
    observed: { "connect-protocols": { raw: "raw", "raw or T=1": "raw" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "After a disconnect with unpower, pcscd does not power the card again until a program resets it.",
    source: "pcsc-lite, winscard.c: SCardDisconnect and SCardReconnect",
    observed: { "disconnect-dispositions": { "unpower, the card": "without power" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "pcscd waits for the end of the other transaction before it checks the share mode.",
    source: 'pcsc-lite, winscard.c: SCardConnect ("Waiting for release of lock")',
    observed: { "exclusive-beside-a-transaction": { during: "waits" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "A client that changes from exclusive to shared keeps pcscd's lock, without a transaction to end.",
    source: 'pcsc-lite, winscard.c: SCardReconnect; docs/interop/pcscd-differences.md, "After exclusive use"',
    observed: { "exclusive-to-shared": { "another connect": "waits" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason:
      "The vpcd driver has no control codes and no attributes, and pcscd's own answer for the name fails after it.",
    source: 'vsmartcard, ifd-vpcd.c; docs/interop/pcscd-differences.md, "Attributes" and "Control codes"',
    observed: {
      "control-features": { features: "unsupported-feature" },
      attributes: { ATR: "not-supported", presence: "not-supported", "the reader's name": "insufficient-buffer" },
    },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "The vpcd driver cannot eject, and pcscd ignores that at a disconnect.",
    source: 'pcsc-lite, winscard.c: SCardDisconnect; docs/interop/pcscd-differences.md, "Ejecting"',
    observed: { "eject-at-disconnect": { "the reader": "present" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "The vpcd driver cannot eject, and pcscd says so at the end of a transaction.",
    source: 'pcsc-lite, winscard.c: SCardEndTransaction; docs/interop/pcscd-differences.md, "Ejecting"',
    observed: { "eject-at-the-end-of-a-transaction": { end: "unsupported-feature", "the reader": "present" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "The vpcd driver returns success without bytes for an exchange during which the card was pulled.",
    source: "vsmartcard, ifd-vpcd.c: IFDHTransmitToICC; the clients report an error, as it is not a response",
    observed: { "removal-ends-exchanges": { after: "comm-error" } },
  },
];

/** Differences of the client over the system's library. */
const system: readonly Difference[] = [
  {
    managers: ["system-daemon", "system-windows"],
    reason: "Calls of one process to one reader are queued before the library, behind a waiting one.",
    source: "docs/decisions/0016-system-manager.md",
    observed: { "transaction-excludes": { "get attribute": "waits" } },
  },
  {
    managers: ["system-windows"],
    reason: "A call that waits in winscard.dll for another program cannot be ended, and a disconnect comes after it.",
    source: "docs/decisions/0016-system-manager.md",
    observed: {
      "disconnect-ends-waits": { disconnect: "waits" },
      "release-ends-waits": { "after, transmit": "waits" },
    },
  },
];

/** All of them. Nothing else may differ, and each of these must show. */
export const differences: readonly Difference[] = [...windows, ...pcsclite, ...pcscd, ...system];
