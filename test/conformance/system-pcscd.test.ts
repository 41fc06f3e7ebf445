// SPDX-License-Identifier: MIT

import { stockPcscd } from "../pcscd/services.ts";
import { clientLibrary } from "../peers/compile.ts";
import { writtenAboutPcscd } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { throughTheSystem } from "./services.ts";

// libpcsclite looks for its socket once in a process: this file has one of its own.
describePeer(clientLibrary, () => {
  describePeer(writtenAboutPcscd, () => throughTheSystem(stockPcscd, "system-pcscd"));
});
