// SPDX-License-Identifier: MIT

/** A packet of a capture. */
export interface Frame {
  readonly bytes: Uint8Array;
  /** Whether it is seen when the exchange has ended, and not when it begins. @default false */
  readonly isAnswer?: boolean;
}

/** Makes the packets of one kind of capture. */
export interface FrameMaker {
  /** What the packets are, as tcpdump.org counts them. */
  readonly linkType: number;
  /** The name of the interface, for Wireshark. */
  readonly name: string;
  /** What stands at the beginning of a capture. */
  begin(): readonly Frame[];
  /** The card was reset, or got power. */
  reset(atr: Uint8Array | undefined): readonly Frame[];
  exchange(command: Uint8Array, response: Uint8Array): readonly Frame[];
}
