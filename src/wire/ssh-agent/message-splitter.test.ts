// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { concatBytes, hexBytes } from "../../base/binary/index.ts";
import { MAX_AGENT_MESSAGE_BYTES } from "./limits.ts";
import { MessageSplitter } from "./message-splitter.ts";
import { sshNumber, sshString } from "./ssh-data.ts";

describe("messages of a client", () => {
  it("are the same however they arrive", () => {
    const stream = concatBytes(sshString(Uint8Array.of(11)), sshString(Uint8Array.of(13, 1, 2)), sshString("x"));
    for (let size = 1; size <= stream.length; size++) {
      const splitter = new MessageSplitter();
      const messages: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += size) {
        splitter.push(stream.subarray(at, at + size));
        for (let next = splitter.next(); next instanceof Uint8Array; next = splitter.next()) messages.push(next);
      }
      expect(messages).toEqual([Uint8Array.of(11), Uint8Array.of(13, 1, 2), Uint8Array.of(0x78)]);
      expect(splitter.length).toBe(0);
    }
  });

  it.each([
    ["no byte", hexBytes("00000000")],
    ["more than the longest has", sshNumber(MAX_AGENT_MESSAGE_BYTES + 1)],
    ["4 GiB", hexBytes("FFFFFFFF")],
  ])("break the stream where one claims to have %s", (_, length) => {
    const splitter = new MessageSplitter();
    splitter.push(length);
    expect(splitter.next()).toBe("broken");
  });

  it("may have the longest length", () => {
    const splitter = new MessageSplitter();
    splitter.push(sshString(new Uint8Array(MAX_AGENT_MESSAGE_BYTES)));
    expect(splitter.next()).toHaveLength(MAX_AGENT_MESSAGE_BYTES);
  });
});
