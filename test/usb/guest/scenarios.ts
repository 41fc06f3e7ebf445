// SPDX-License-Identifier: MIT

import { cacByLibccid, cacOurs, cacReference } from "./cac.ts";
import { killedScenario, vendorOurs, vendorReference } from "./drivers.ts";
import { hotPlugScenarios } from "./hot-plug.ts";
import { libccidScenarios, modelReferences, modelScenarios } from "./models.ts";
import { pinPadScenario } from "./pin-pad.ts";
import type { Scenario } from "./scenario.ts";
import { twoReadersScenario } from "./two-readers.ts";
import { usbCardScenarios } from "./usb-cards.ts";

/**
 * Everything that is tried in the machine, in this order: first what pcscd does, for comparison, then our service with libccid in
 * processes of its own, then our service with its own driver, started once for all.
 */
export const scenarios: readonly Scenario[] = [
  cacReference,
  ...modelReferences,
  pinPadScenario("pcscd"),
  vendorReference,
  cacByLibccid,
  ...libccidScenarios,
  pinPadScenario("scard with libccid"),
  killedScenario,
  cacOurs,
  ...modelScenarios,
  ...usbCardScenarios,
  pinPadScenario("scard"),
  twoReadersScenario("scard"),
  ...hotPlugScenarios("scard"),
  vendorOurs,
];
