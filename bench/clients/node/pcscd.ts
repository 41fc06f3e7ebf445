// SPDX-License-Identifier: MIT

import { pcscdManager } from "../../../src/entry/pcscd.ts";
import type { Open } from "./card.ts";
import { openPort } from "./port.ts";

export const open: Open = (reader) => openPort(pcscdManager(), reader);
