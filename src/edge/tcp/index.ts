// SPDX-License-Identifier: MIT

export { listenVpcd, type VpcdListener, type VpcdListenerOptions } from "./listen-vpcd.ts";
