// SPDX-License-Identifier: MIT

export { NdefApplication, type NdefApplicationOptions } from "./ndef-application.ts";
