// SPDX-License-Identifier: MIT

import { privatePcscd, stockPcscd } from "../pcscd/services.ts";
import { describePeer } from "../peers/peers.ts";
import { suite } from "./suite.ts";

describePeer(privatePcscd, () => suite(stockPcscd));
