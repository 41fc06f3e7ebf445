// SPDX-License-Identifier: MIT

import { cacOurs, cacReference } from "./cac.ts";
import { hotPlugScenarios } from "./hot-plug.ts";
import { modelReferences, modelScenarios } from "./models.ts";
import { pinPadScenario } from "./pin-pad.ts";
import type { Scenario } from "./scenario.ts";
import { twoReadersScenario } from "./two-readers.ts";

/**
 * Everything that is tried in the machine, in this order: first what pcscd does, for comparison, then our service, started
 * once for all.
 */
export const scenarios: readonly Scenario[] = [
  cacReference,
  ...modelReferences,
  pinPadScenario("pcscd"),
  cacOurs,
  ...modelScenarios,
  pinPadScenario("scard"),
  twoReadersScenario("scard"),
  ...hotPlugScenarios("scard"),
];
