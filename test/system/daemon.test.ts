// SPDX-License-Identifier: MIT

import { describe } from "vitest";
import { ourDaemon } from "../pcscd/services.ts";
import { clientLibrary } from "../peers/compile.ts";
import { describePeer } from "../peers/peers.ts";
import { suite } from "./suite.ts";

// The virtual card is a C program.
describePeer(clientLibrary, () => {
  describe("scard daemon", () => suite(ourDaemon));
});
