// SPDX-License-Identifier: MIT

export { listenVpcd, tryVpcd, type VpcdListener, type VpcdListenerOptions } from "./listen-vpcd.ts";
