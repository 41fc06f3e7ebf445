// SPDX-License-Identifier: MIT

import { nodeRuntime } from "../../../src/platform/node/runtime/index.ts";
import { openSystemManager } from "../../../src/platform/node/system/index.ts";
import type { Open } from "./card.ts";
import { openPort } from "./port.ts";

export const open: Open = async (reader) => openPort(await openSystemManager({ runtime: nodeRuntime() }), reader);
