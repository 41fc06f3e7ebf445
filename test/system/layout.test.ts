// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { abiOf, ioRequestStruct, readerStateStruct } from "../../src/platform/node/system/abi.ts";
import { clientLibrary, compileC } from "../peers/compile.ts";
import { describePeer } from "../peers/peers.ts";
import { run } from "../peers/program.ts";

describePeer(clientLibrary, () => {
  test.each([
    ["layout", process.platform],
    // The header as macOS reads it. Its pointers are this machine's, which is to have 64 bits as those of macOS.
    ["layout-apple", "darwin"],
  ])("a C compiler lays out the types of pcsc-lite's header as we do (%s)", async (name, platform) => {
    const { stdout } = await run(compileC(name, [`test/system/${name}.c`]), []);
    const abi = abiOf(platform, process.arch);
    const { end: _, ...members } = readerStateStruct(abi).offsetOf;
    expect(JSON.parse(stdout)).toEqual({
      dword: abi.dwordBytes,
      long: abi.dwordBytes,
      context: abi.handleBytes,
      handle: abi.handleBytes,
      offsets: Object.values(members),
      atr: abi.atrBytes,
      state: readerStateStruct(abi).size,
      // Apple's own header has uint32_t here, where pcsc-lite's has unsigned long for macOS as well.
      request: platform === "darwin" ? 2 * abi.pointerBytes : ioRequestStruct(abi).size,
      readers: abi.statesPerCall,
    });
  });
});
