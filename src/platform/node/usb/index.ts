// SPDX-License-Identifier: MIT

export { chooseTransport } from "./choose-transport.ts";
