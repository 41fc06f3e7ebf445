// SPDX-License-Identifier: MIT

export { slotName, usbId, usbReaderName } from "./pcscd-names.ts";
