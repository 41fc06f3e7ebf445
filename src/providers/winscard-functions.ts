// SPDX-License-Identifier: MIT

import type { WinSCard } from "../winscard/index.ts";

/** The functions of winscard.h that the service providers stand on: a `WinSCard`, or the module `scard/winscard`. */
export type WinSCardFunctions = Pick<WinSCard, Extract<keyof WinSCard, `SCard${string}`>>;
