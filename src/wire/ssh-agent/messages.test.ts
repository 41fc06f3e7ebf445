// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../../base/binary/index.ts";
import {
  decodeAgentRequest,
  encodeAgentFailure,
  encodeExtensionNames,
  encodeIdentities,
  encodeSignResponse,
} from "./messages.ts";
import { sshNumber, sshString } from "./ssh-data.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe("requests to an agent", () => {
  it("reads a request for the keys, and nothing after it", () => {
    expect(decodeAgentRequest(Uint8Array.of(11))).toEqual({ ok: true, value: { kind: "identities" } });
    expect(decodeAgentRequest(Uint8Array.of(11, 0)).ok).toBe(false);
  });

  it("reads what to sign, with which key and how", () => {
    const message = concatBytes(Uint8Array.of(13), sshString("key"), sshString("data"), sshNumber(4));
    const value = { kind: "sign", key: text("key"), data: text("data"), flags: 4 };
    expect(decodeAgentRequest(message)).toEqual({ ok: true, value });
  });

  it.each([
    [22, "lock"],
    [23, "unlock"],
  ])("reads the passphrase of message %i", (type, kind) => {
    const message = concatBytes(Uint8Array.of(type), sshString("secret"));
    expect(decodeAgentRequest(message)).toEqual({ ok: true, value: { kind, passphrase: text("secret") } });
  });

  it("reads an extension with contents of any form", () => {
    const message = concatBytes(Uint8Array.of(27), sshString("query"), Uint8Array.of(1, 2));
    const value = { kind: "extension", name: "query", contents: Uint8Array.of(1, 2) };
    expect(decodeAgentRequest(message)).toEqual({ ok: true, value });
  });

  it.each([17, 18, 19, 20, 21, 25, 26, 0, 255])("knows that message %i is not for keys on cards", (type) => {
    const message = Uint8Array.of(type, 1, 2, 3);
    expect(decodeAgentRequest(message)).toEqual({ ok: true, value: { kind: "unsupported", type } });
  });

  it("says where a request is cut, at every byte of it", () => {
    const message = concatBytes(Uint8Array.of(13), sshString("key"), sshString("data"), sshNumber(4));
    for (let length = 0; length < message.length; length++) {
      expect(decodeAgentRequest(message.subarray(0, length)).ok, `${length} bytes`).toBe(false);
    }
  });

  it("believes no length that is longer than the message", () => {
    expect(decodeAgentRequest(hexBytes("0DFFFFFFFF00")).ok).toBe(false);
  });
});

describe("answers of an agent", () => {
  it("have their length before them", () => {
    expect(encodeHex(encodeAgentFailure())).toBe("0000000105");
    expect(encodeHex(encodeSignResponse(Uint8Array.of(0xab)))).toBe("000000060E00000001AB");
    expect(encodeHex(encodeExtensionNames(["query"]))).toBe("000000131D000000057175657279000000057175657279");
  });

  it("list each key with its comment", () => {
    const key = {
      key: { kind: "ed25519", point: new Uint8Array(32) },
      name: "ssh-ed25519",
      blob: text("blob"),
    } as const;
    const contents = concatBytes(Uint8Array.of(12), sshNumber(1), sshString("blob"), sshString("PIV 9A"));
    expect(encodeIdentities([{ key, comment: "PIV 9A" }])).toEqual(sshString(contents));
    expect(encodeHex(encodeIdentities([]))).toBe("000000050C00000000");
  });
});
