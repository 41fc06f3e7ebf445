// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import { LineError, type LogFormat } from "./log-lines.ts";

const sent = /(?:^|\s)-> ([0-9a-f]{8,10})(?: ([0-9a-f]*))?\s*$/i;
const received = /(?:^|\s)<- ([0-9a-f]{4}):(?: ([0-9a-f]*))?\s*$/i;
const wasReset = /(?:^|\s)-- RESET\s*$/;

/**
 * The traces of pySim (`--apdu-trace`): `-> 00a4000402 3f00`, the header and the data, and `<- 9000: 62…`, the status word and the
 * data.
 */
export const pySimLog: LogFormat = {
  name: "pySim",
  isTypical: (line) => received.test(line) || wasReset.test(line),
  read: (log) => (line) => {
    const [, header, data = ""] = sent.exec(line) ?? [];
    if (header !== undefined) log.command(hexOf(header + data));
    const [, status, answer = ""] = received.exec(line) ?? [];
    if (status !== undefined) log.response(hexOf(answer + status));
    if (wasReset.test(line)) log.reset();
  },
};

function hexOf(text: string): Uint8Array {
  const decoded = decodeHex(text);
  if (!decoded.ok) throw new LineError(`is not whole: ${decoded.error.message}`);
  return decoded.value;
}
