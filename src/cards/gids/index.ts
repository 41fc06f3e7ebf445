// SPDX-License-Identifier: MIT

export { GidsApplication } from "./gids-application.ts";
export type { GidsImage } from "./gids-image.ts";
export { type GidsSource, gidsShape, savedGids } from "./gids-shape.ts";
export { containersOf, type GidsProvision, provisionGids, setUpGids } from "./personalize.ts";
