// SPDX-License-Identifier: MIT

/** What a peer may cost a reader, in time and in memory. */
export interface VpcdLimits {
  /** Longest wait for the ATR after it was asked for, in milliseconds. A peer that needs longer is dropped. */
  readonly atrWaitMs: number;
  /**
   * Longest wait for the answer to a command, in milliseconds, from the command's last byte to the answer's last byte.
   * The protocol has no waiting time extension, so this must be enough for a card that generates an RSA key.
   */
  readonly apduWaitMs: number;
  /** Most bytes that may wait to be sent to a peer that does not read. A peer that lets them pile up is dropped. */
  readonly maxUnsentBytes: number;
  /** How long a closed connection may take to send what was already written to it, in milliseconds. */
  readonly closeGraceMs: number;
}

/** The limits that hold where none are given. */
export const defaultVpcdLimits: VpcdLimits = {
  atrWaitMs: 10_000,
  apduWaitMs: 180_000,
  maxUnsentBytes: 262_144,
  closeGraceMs: 1_000,
};

/** The longest payload of a frame: its length is written with 16 bits. */
export const MAX_FRAME_BYTES = 65_535;

/**
 * The shortest command. A frame with one byte is a control command, and an empty one is never answered: such a short
 * command must not be sent, or a caller could switch the card's power with it.
 */
export const MIN_COMMAND_FRAME_BYTES = 2;

/** Most slots of one listener: as many ports in a row are opened. */
export const MAX_SLOTS = 64;

/** Port of the first slot (0x8C7B); slot n listens on this port + n. */
export const DEFAULT_VPCD_PORT = 35_963;
