// SPDX-License-Identifier: MIT

/** What a driver of pcsc-lite, and its process, may cost the daemon, in time and in number. Times are milliseconds. */
export interface IfdLimits {
  /** Longest time to start the process and to load the library. */
  readonly loadMs: number;
  /** Longest IFDHCreateChannel and IFDHCreateChannelByName: a serial driver waits for a reader that is not there. */
  readonly createMs: number;
  /** Longest IFDHICCPresence. */
  readonly presenceMs: number;
  /** Longest IFDHPowerICC. */
  readonly powerMs: number;
  /** Longest IFDHSetProtocolParameters. */
  readonly protocolMs: number;
  /** Longest IFDHTransmitToICC: a card that makes a key asks for more time again and again. */
  readonly transmitMs: number;
  /** Longest IFDHControl: a user enters a PIN at the reader. */
  readonly controlMs: number;
  /** Longest IFDHGetCapabilities. */
  readonly capabilityMs: number;
  /** How long the end of a reader may take: closing its channels and ending the process. The process is killed then. */
  readonly closeMs: number;
  /** How long a call may go on after its operation was cancelled. The process is killed then, and started again. */
  readonly cancelMs: number;
  /** How often a driver without a polling function is asked whether there is a card. */
  readonly pollMs: number;
  /** How long a polling function is to wait, and how often the card is looked for besides. */
  readonly pollingFunctionMs: number;
  /** The first pause before a process that ended is started again; each further one is twice as long, up to the longest. */
  readonly restartMs: number;
  readonly longestRestartMs: number;
  /** How long a process has to run to count as sound: the pauses and starts are counted anew after that. */
  readonly soundMs: number;
  /** Starts in a row that come to nothing; then the reader is given up. */
  readonly restarts: number;
  /** Slots of a reader that are taken; a driver that names more has no more here. */
  readonly slots: number;
}

/** The limits that hold where none are given. */
export const defaultIfdLimits: IfdLimits = {
  loadMs: 60_000,
  createMs: 60_000,
  presenceMs: 30_000,
  powerMs: 60_000,
  protocolMs: 30_000,
  transmitMs: 300_000,
  controlMs: 300_000,
  capabilityMs: 10_000,
  closeMs: 1_000,
  cancelMs: 2_000,
  pollMs: 200,
  pollingFunctionMs: 5_000,
  restartMs: 250,
  longestRestartMs: 30_000,
  soundMs: 10_000,
  restarts: 10,
  slots: 32,
};

/** The largest answer that a driver may give, as with pcscd (MAX_BUFFER_SIZE_EXTENDED). */
export const MAX_BUFFER_BYTES = 65_548;

/** The largest value of a capability, as with pcscd (MAX_BUFFER_SIZE). */
export const MAX_CAPABILITY_BYTES = 264;
