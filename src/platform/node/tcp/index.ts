// SPDX-License-Identifier: MIT

export { closeTcpSlots, openTcpSlots } from "./tcp-slots.ts";
