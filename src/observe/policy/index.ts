// SPDX-License-Identifier: MIT

export { CardPolicy, type PolicyDeps, type Refusal } from "./card-policy.ts";
export type { CommandRule, PolicyOptions } from "./policy-options.ts";
