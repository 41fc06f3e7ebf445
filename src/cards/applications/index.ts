// SPDX-License-Identifier: MIT

export { ApplicationCard, type ApplicationCardOptions, applicationCardLimits } from "./application-card.ts";
export type { ApplicationCommand, CardApplication, CardInterface, SelectRequest } from "./card-application.ts";
