// SPDX-License-Identifier: MIT

import { errorFromNumber, errorNumber, SmartCardError } from "../../port/index.ts";
import { bodyReader } from "./answer-readers.ts";
import { exchange, type Steps } from "./client-line.ts";
import { decodeAcceptance, EXTENSION_VERSION } from "./extension.ts";
import { type ProtocolVersion, versionOf, versionStruct, versions } from "./messages.ts";
import { encodeRequest } from "./requests.ts";

/** The operation in the errors of `ClientSession.open`, where the two have no version in common. */
export const AGREE_ON_VERSION = "agree on a version";

/** What a client and a service have agreed on. */
export interface Agreement {
  readonly version: ProtocolVersion;
  /** The version of our extension that the service has accepted; 0 where it lacks it. */
  readonly extension: number;
  /** Whether the service may send the signal of a wait before the table that comes with it: pcscd does from 4:6 on. */
  readonly signalsEarly: boolean;
}

/**
 * Agrees on a version, from `newest` down: a service that refuses ours and names an older one of its own is asked for that.
 *
 * @throws what the service refuses with, service-stopped for versions that do not meet
 */
export function* agreeOnVersion(newest: ProtocolVersion): Steps<Agreement> {
  let asked = newest;
  for (;;) {
    const { major, minor } = versions[asked];
    const body = yield* exchange(
      encodeRequest({ kind: "version", major, minor, extension: EXTENSION_VERSION }),
      bodyReader({ body: versionStruct, value: (read) => read }),
    );
    const { extension, rv } = decodeAcceptance(body.rv, EXTENSION_VERSION);
    const answer = { ...body, rv };
    const named = versionOf(answer.major, answer.minor);
    const older = named !== undefined && answer.minor < minor ? named : undefined;
    const agreed = answer.major === major && answer.minor >= minor ? asked : older;
    if (answer.rv === 0 && agreed !== undefined) {
      return { version: agreed, extension, signalsEarly: answer.minor >= versions["4:6"].minor };
    }
    if (answer.rv !== errorNumber("service-stopped", "pcsclite") || older === undefined) throw refusal(asked, answer);
    asked = older;
  }
}

function refusal(
  asked: ProtocolVersion,
  answer: { readonly major: number; readonly minor: number; readonly rv: number },
): SmartCardError {
  const code = answer.rv === 0 ? "service-stopped" : (errorFromNumber(answer.rv, "pcsclite") ?? "comm-error");
  const theirs = `${answer.major}:${answer.minor}`;
  const message = `the smart card service speaks protocol ${theirs}, and refused ${asked}`;
  return new SmartCardError(code, message, { operation: AGREE_ON_VERSION });
}
