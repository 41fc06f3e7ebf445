// SPDX-License-Identifier: MIT

import { ourDaemon } from "../pcscd/services.ts";
import { throughOurClient } from "./services.ts";

throughOurClient(ourDaemon, "daemon");
