// SPDX-License-Identifier: MIT

import type { Clock, Random, ResourceManager } from "../../port/index.ts";
import type { BridgeLimits } from "./limits.ts";
import type { BridgeCrypto, BridgeNotice, BridgeOrigins } from "./ports.ts";

/** What a bridge is made with. */
export interface BridgeServiceOptions {
  readonly manager: ResourceManager;
  readonly clock: Clock;
  readonly random: Random;
  readonly origins: BridgeOrigins;
  /** Left out where no page has to be paired: then none can be. */
  readonly crypto?: BridgeCrypto;
  /** Is told what the user of the bridge should see. Must not throw. */
  readonly notice: (notice: BridgeNotice) => void;
  readonly limits?: Partial<BridgeLimits>;
}

/** The same, with all limits. */
export interface CheckedBridgeOptions extends Omit<BridgeServiceOptions, "limits"> {
  readonly limits: BridgeLimits;
}
