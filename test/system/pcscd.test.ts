// SPDX-License-Identifier: MIT

import { stockPcscd } from "../pcscd/services.ts";
import { pcscdProgram } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { suite } from "./suite.ts";

describePeer(pcscdProgram, () => suite(stockPcscd));
