// SPDX-License-Identifier: MIT

import { stockPcscd } from "../pcscd/services.ts";
import { describePeer } from "../peers/peers.ts";
import { stockService, throughOurClient } from "./services.ts";

describePeer(stockService, () => throughOurClient(stockPcscd, "pcscd"));
