// SPDX-License-Identifier: MIT

export { type DialPcscdOptions, dialPcscd, type PcscdSocketsOptions, pcscdSockets } from "./dial-pcscd.ts";
