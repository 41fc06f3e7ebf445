// SPDX-License-Identifier: MIT

/** The managers whose differences are known, and what each is. */
export const managers = {
  "embedded-windows": "the embedded manager, profile windows",
  "embedded-pcsclite": "the embedded manager, profile pcsclite",
  daemon: "scard daemon through the pcscd client",
  pcscd: "pcscd 1.9.9 through the pcscd client",
  "system-daemon": "scard daemon through libpcsclite",
  "system-pcscd": "pcscd 1.9.9 through libpcsclite",
} as const;

/** A manager whose differences are known. */
export type ManagerKey = keyof typeof managers;

/** Where managers differ from what is expected of all, and why. */
export interface Difference {
  readonly managers: readonly ManagerKey[];
  readonly reason: string;
  readonly source: string;
  /** What is observed instead: for each behaviour its points. */
  readonly observed: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What Windows does by nature, and pcsc-lite does not. */
const windows: readonly Difference[] = [
  {
    managers: ["embedded-windows", "daemon", "system-daemon"],
    reason:
      "Windows resets every card whose connection was not ended by its program, and so does scard daemon; pcsc-lite only those in a transaction.",
    source: "Microsoft, SCardDisconnect; pcsc-lite, winscard_svc.c: MSGCleanupClient",
    observed: { "release-without-disconnect": { "told to the other": "reset-card" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "Windows says that the reader is not ready where it has no raw protocol.",
    source: "WICG, behavioral-differences.md",
    observed: { "connect-protocols": { raw: "not-ready" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "On Windows a direct connection has the reader for itself; with pcsc-lite it stands beside shared ones.",
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
    managers: ["embedded-windows"],
    reason: "On Windows a direct connection negotiates the protocols that it names; with pcsc-lite it never does.",
    source: "WICG, behavioral-differences.md",
    observed: { "direct-alone": { "protocol that was asked for": "t1" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "Windows answers an end without a transaction alike, also where another program has one.",
    source: "Microsoft, SCardEndTransaction: SCARD_E_NOT_TRANSACTED",
    observed: {
      "end-without-begin": {
        "another program has one": "not-transacted",
        "another connection of the context has one": "not-transacted",
      },
    },
  },
  {
    managers: ["embedded-windows"],
    reason:
      "A program that ends its transaction with a reset need not reconnect. With pcsc-lite it must, like all others.",
    source: "docs/decisions/0009-windows-faults-left-out.md; pcsc-lite, winscard.c: SCardEndTransaction",
    observed: { "transaction-dispositions": { "reset, own exchange": "ok", "unpower, own exchange": "ok" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "On Windows a reconnect gives the lock back.",
    source: "pcsc-lite, winscard.c: SCardReconnect (its comment on Windows); WICG, behavioral-differences.md",
    observed: { "transaction-and-reconnect": { "the other": "ok", "its end": "ok", end: "not-transacted" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "Windows ends a transaction that does nothing for five seconds, and resets the card.",
    source: "Microsoft, SCardBeginTransaction",
    observed: { "transaction-idle": { exchange: "reset-card", end: "reset-card", card: "reset" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "To Windows it is a change that a free reader comes into use.",
    source: "docs/decisions/0009-windows-faults-left-out.md; pcsc-lite, winscard_clnt.c: SCardGetStatusChange",
    observed: { "status-use": { "that it comes into use": "ok" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "Windows says of an empty reader that its card was removed.",
    source: "docs/interop/profiles.md, connectWithoutCard",
    observed: {
      "card-removed": { "gone, reconnect": "removed-card" },
      "empty-reader": { shared: "removed-card", exclusive: "removed-card" },
    },
  },
  {
    managers: ["embedded-windows"],
    reason: "Windows tells which cards have no power, one that does not answer among them; pcsc-lite never does.",
    source: "Microsoft, SCARD_READERSTATE: SCARD_STATE_UNPOWERED; docs/interop/profiles.md, reportsUnpowered",
    observed: { "silent-card": { flags: "changed mute present unpowered" } },
  },
  {
    managers: ["embedded-windows"],
    reason: "Windows marks a reader that went away to be ignored from then on.",
    source: "Microsoft, SCARD_READERSTATE: SCARD_STATE_UNKNOWN",
    observed: { "reader-unplugged": { "who waits for changes": "changed ignore unavailable unknown" } },
  },
];

/** What pcsc-lite's profile does beside a transaction and in a removal. Clients of a service wait, and say what was removed. */
const pcsclite: readonly Difference[] = [
  {
    managers: ["embedded-pcsclite"],
    reason:
      "pcsc-lite refuses a control, and setting an attribute, beside another's transaction; Windows lets them wait.",
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
      "With pcsc-lite the exchange in which a card is pulled finds no card; the calls after it say that it was removed.",
    source: "pcsc-lite, winscard.c: SCardTransmit; ifdwrapper.c: IFDTransmit",
    observed: { "removal-ends-exchanges": { after: "no-smartcard" } },
  },
];

/** What pcscd 1.9.9 does by itself, and its driver for vpcd, whichever client asks. */
const pcscd: readonly Difference[] = [
  {
    managers: ["pcscd", "system-pcscd"],
    reason:
      "pcscd refuses to read an attribute beside another's transaction, and the client asks again until it has ended.",
    source: "pcsc-lite, winscard.c: SCardGetAttrib (RFCheckSharing)",
    observed: { "transaction-excludes": { "get attribute": "waits" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "pcscd takes a client's word for it that a card is to be talked to raw.",
    source: 'pcsc-lite, prothandler.c: PHSetProtocol; docs/interop/pcscd-differences.md, "The raw protocol"',
    observed: { "connect-protocols": { raw: "raw", "raw or T=1": "raw" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason:
      "pcscd does not power a card again whose power another program's disconnect took, until a program resets it.",
    source: "pcsc-lite, winscard.c: SCardDisconnect and SCardReconnect",
    observed: { "disconnect-dispositions": { "unpower, the card": "without power" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "pcscd waits for the other's transaction to end before it looks at the share mode.",
    source: 'pcsc-lite, winscard.c: SCardConnect ("Waiting for release of lock")',
    observed: { "exclusive-beside-a-transaction": { during: "waits" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "Who goes from exclusive back to shared keeps pcscd's lock, with no transaction that it could end.",
    source: 'pcsc-lite, winscard.c: SCardReconnect; docs/interop/pcscd-differences.md, "After exclusive use"',
    observed: { "exclusive-to-shared": { "another connect": "waits" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason:
      "The driver of vpcd has no control codes and no attributes, and pcscd's own answer for the name fails after it.",
    source: 'vsmartcard, ifd-vpcd.c; docs/interop/pcscd-differences.md, "Attributes" and "Control codes"',
    observed: {
      "control-features": { features: "unsupported-feature" },
      attributes: { ATR: "not-supported", presence: "not-supported", "the reader's name": "insufficient-buffer" },
    },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "The driver of vpcd cannot eject, and pcscd ignores that at a disconnect.",
    source: 'pcsc-lite, winscard.c: SCardDisconnect; docs/interop/pcscd-differences.md, "Ejecting"',
    observed: { "eject-at-disconnect": { "the reader": "present" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "The driver of vpcd cannot eject, and pcscd says so at the end of a transaction.",
    source: 'pcsc-lite, winscard.c: SCardEndTransaction; docs/interop/pcscd-differences.md, "Ejecting"',
    observed: { "eject-at-the-end-of-a-transaction": { end: "unsupported-feature", "the reader": "present" } },
  },
  {
    managers: ["pcscd", "system-pcscd"],
    reason: "The driver of vpcd answers an exchange whose card was pulled with no bytes, and calls that a success.",
    source: "vsmartcard, ifd-vpcd.c: IFDHTransmitToICC; the clients make an error of it, for it is no response",
    observed: { "removal-ends-exchanges": { after: "comm-error" } },
  },
];

/** What the client over the system's library does by itself. */
const system: readonly Difference[] = [
  {
    managers: ["system-daemon"],
    reason: "Calls of one process to one reader go to the library one after the other, and one that waits is ahead.",
    source: "docs/decisions/0016-system-manager.md",
    observed: { "transaction-excludes": { "get attribute": "waits" } },
  },
];

/** All of them. Nothing else may differ, and each of these must show. */
export const differences: readonly Difference[] = [...windows, ...pcsclite, ...pcscd, ...system];
