// SPDX-License-Identifier: MIT

import { cacScenarios } from "./cac.ts";
import { modelScenarios } from "./models.ts";
import type { Scenario } from "./scenario.ts";

/** Everything that is tried in the machine, in this order. */
export const scenarios: readonly Scenario[] = [...cacScenarios, ...modelScenarios];
