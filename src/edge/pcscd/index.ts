// SPDX-License-Identifier: MIT

export { type DialPcscdOptions, dialPcscd, pcscdSockets } from "./dial-pcscd.ts";
