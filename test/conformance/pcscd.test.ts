// SPDX-License-Identifier: MIT

import { stockPcscd } from "../pcscd/services.ts";
import { writtenAboutPcscd } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { throughOurClient } from "./services.ts";

describePeer(writtenAboutPcscd, () => throughOurClient(stockPcscd, "pcscd"));
