// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { T1Exchange } from "./t1-exchange.ts";

test("a command whose block was not sent leaves the sequence numbers alone", () => {
  const exchange = new T1Exchange({ ifsc: 254, edc: "lrc" });
  const first = exchange.transmit(hexBytes("00200001"));
  const prologue = first.kind === "send" ? encodeHex(first.block.slice(0, 3)) : "";
  exchange.withdraw();
  const again = exchange.transmit(hexBytes("00200001"));
  expect(again.kind === "send" ? encodeHex(again.block.slice(0, 3)) : "").toBe(prologue);
  expect(exchange.received(hexBytes("0000029000" + "92"))).toEqual({ kind: "done", response: hexBytes("9000") });
  expect(() => exchange.withdraw()).toThrow("no exchange is under way");
});
