// SPDX-License-Identifier: MIT

import { type ByteCursor, concatBytes, decoding, type Result } from "../../base/binary/index.ts";
import type { SshPublicKey } from "./public-key.ts";
import { readSshNumber, readSshString, sshNumber, sshString } from "./ssh-data.ts";

/** Numbers of the messages that an agent with keys on cards knows. The agent protocol, 5.1. */
const agentMessages = {
  failure: 5,
  success: 6,
  requestIdentities: 11,
  identitiesAnswer: 12,
  signRequest: 13,
  signResponse: 14,
  lock: 22,
  unlock: 23,
  extension: 27,
  extensionResponse: 29,
} as const;

/**
 * What a client of an agent asks. `unsupported` is each request that only an agent with keys of its own can serve, and each
 * number that is not known: the answer to it is a failure.
 */
export type AgentRequest =
  | { readonly kind: "identities" }
  | { readonly kind: "sign"; readonly key: Uint8Array; readonly data: Uint8Array; readonly flags: number }
  | { readonly kind: "lock" | "unlock"; readonly passphrase: Uint8Array }
  | { readonly kind: "extension"; readonly name: string; readonly contents: Uint8Array }
  | { readonly kind: "unsupported"; readonly type: number };

/** A key that an agent offers, and what a user knows it by. */
export interface AgentIdentity {
  readonly key: SshPublicKey;
  readonly comment: string;
}

/** Reads a request, without the length before it. The agent protocol, 3. */
export function decodeAgentRequest(message: Uint8Array): Result<AgentRequest> {
  return decoding(message, readRequest);
}

function readRequest(cursor: ByteCursor): AgentRequest {
  const type = cursor.u8("the number of the message");
  switch (type) {
    case agentMessages.requestIdentities:
      return { kind: "identities" };
    case agentMessages.signRequest:
      return {
        kind: "sign",
        key: readSshString(cursor, "the key"),
        data: readSshString(cursor, "the data to sign"),
        flags: readSshNumber(cursor, "the flags"),
      };
    case agentMessages.lock:
      return { kind: "lock", passphrase: readSshString(cursor, "the passphrase") };
    case agentMessages.unlock:
      return { kind: "unlock", passphrase: readSshString(cursor, "the passphrase") };
    case agentMessages.extension:
      return {
        kind: "extension",
        name: new TextDecoder().decode(readSshString(cursor, "the name of the extension")),
        contents: cursor.rest(),
      };
    default:
      cursor.rest();
      return { kind: "unsupported", type };
  }
}

/** A message on the wire: its length, its number, its contents. The agent protocol, 3. */
function message(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return sshString(concatBytes(Uint8Array.of(type), ...parts));
}

/** The answer that a request was not served. */
export function encodeAgentFailure(): Uint8Array {
  return message(agentMessages.failure);
}

/** The answer that a request was served, where there is nothing else to tell. */
export function encodeAgentSuccess(): Uint8Array {
  return message(agentMessages.success);
}

/** The answer to the extension "query": the names of the extensions that are known. */
export function encodeExtensionNames(names: readonly string[]): Uint8Array {
  return message(agentMessages.extensionResponse, sshString("query"), ...names.map(sshString));
}

/** The answer to a request for the keys. */
export function encodeIdentities(identities: readonly AgentIdentity[]): Uint8Array {
  const keys = identities.map(({ comment, key }) => concatBytes(sshString(key.blob), sshString(comment)));
  return message(agentMessages.identitiesAnswer, sshNumber(identities.length), ...keys);
}

/** The answer to a request to sign, with a signature as SSH writes it. */
export function encodeSignResponse(signature: Uint8Array): Uint8Array {
  return message(agentMessages.signResponse, sshString(signature));
}
