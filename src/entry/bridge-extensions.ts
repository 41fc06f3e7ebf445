// SPDX-License-Identifier: MIT

/** The part of `scard/bridge` that is loaded only where a page asks for what this package adds to the API. */

import { type BridgedConnection, type BridgedContext, extendProxies } from "../faces/bridge-client/index.ts";
import { browserRuntime } from "../platform/browser/index.ts";

/** Adds the extensions to the proxies of a page. */
export function extend(context: typeof BridgedContext, connection: typeof BridgedConnection): void {
  extendProxies({ context, connection, clock: browserRuntime().clock });
}
