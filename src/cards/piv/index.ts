// SPDX-License-Identifier: MIT

export { newPivImage, type PivFactoryOptions } from "./factory.ts";
export { PivApplication } from "./piv-application.ts";
export type { PivImage, PivKey } from "./piv-image.ts";
export { type PivSource, pivShape, savedPiv } from "./piv-shape.ts";
export { hasPivCertificate, type PivProvision, provisionPiv } from "./provision.ts";
