// SPDX-License-Identifier: MIT

export { makeCardCrypto } from "./node-card-crypto.ts";
