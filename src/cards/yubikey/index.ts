// SPDX-License-Identifier: MIT

export { YUBIKEY_READER_NAME, yubiKeyApplications, yubiKeyAtr } from "./yubikey.ts";
