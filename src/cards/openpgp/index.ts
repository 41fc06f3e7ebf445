// SPDX-License-Identifier: MIT

export { attestationFrom } from "./attestation.ts";
export { OpenPgpApplication, type OpenPgpApplicationOptions } from "./openpgp-application.ts";
export { keysOf, type OpenPgpImage, openPgpImage, savedOpenPgp } from "./openpgp-image.ts";
export { type OpenPgpSource, openPgpShape } from "./openpgp-shape.ts";
export { provisionOpenPgp } from "./provision.ts";
