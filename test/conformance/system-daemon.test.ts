// SPDX-License-Identifier: MIT

import { ourDaemon } from "../pcscd/services.ts";
import { clientLibrary } from "../peers/compile.ts";
import { describePeer } from "../peers/peers.ts";
import { throughTheSystem } from "./services.ts";

// libpcsclite looks for its socket once in a process: this file has one of its own.
describePeer(clientLibrary, () => throughTheSystem(ourDaemon, "system-daemon"));
