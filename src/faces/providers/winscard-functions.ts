// SPDX-License-Identifier: MIT

import type { WinSCard } from "../winscard/index.ts";

/**
 * The functions of winscard.h that the service providers use: a `WinSCard`, or the module `scard/winscard`. Without
 * `connectionTerms`, which is not of winscard.h, a handle that is attached counts as shared.
 */
export type WinSCardFunctions = Pick<WinSCard, Extract<keyof WinSCard, `SCard${string}`>> &
  Partial<Pick<WinSCard, "connectionTerms">>;
