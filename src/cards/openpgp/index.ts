// SPDX-License-Identifier: MIT

export { OpenPgpApplication, type OpenPgpApplicationOptions } from "./openpgp-application.ts";
export { type OpenPgpImage, openPgpImage, savedOpenPgp } from "./openpgp-image.ts";
export { type OpenPgpSource, openPgpShape } from "./openpgp-shape.ts";
