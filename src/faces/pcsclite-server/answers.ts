// SPDX-License-Identifier: MIT

import { errorNumber, SmartCardError, shareModes, toNumber } from "../../port/index.ts";
import { encodeResponse, MAX_READER_NAME_BYTES, type Request } from "../../wire/pcsclite/index.ts";
import type { ServerRequests } from "./requests.ts";

/** The requests that are for the manager; the session itself answers the others. */
export type ManagerRequest = Exclude<
  Request,
  {
    readonly kind:
      | "version"
      | "cancel"
      | "reader-table"
      | "reader-table-size"
      | "whole-reader-table"
      | "reader-events"
      | "wait-for-change"
      | "stop-waiting";
  }
>;

const RV = 0;
const insufficientBuffer = errorNumber("insufficient-buffer", "pcsclite");

/** Executes a client's request with the manager, and encodes the result or the failure. */
export async function answerRequest(requests: ServerRequests, asked: ManagerRequest): Promise<Uint8Array> {
  const request = echoable(asked);
  try {
    return await answer(requests, request);
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    requests.failed(error);
    return encodeResponse(request, { rv: errorNumber(error.code, "pcsclite") });
  }
}

/** The request as the answer can repeat it: the name of a reader may be too long for its field. */
function echoable(request: ManagerRequest): ManagerRequest {
  if (request.kind !== "connect" && request.kind !== "holder") return request;
  const length = new TextEncoder().encode(request.reader).length;
  return length < MAX_READER_NAME_BYTES ? request : { ...request, reader: "" };
}

async function answer(requests: ServerRequests, request: ManagerRequest): Promise<Uint8Array> {
  switch (request.kind) {
    case "establish-context":
      return encodeResponse(request, { context: await requests.establish(request.scope), rv: RV });
    case "release-context":
      await requests.release(request.context);
      return encodeResponse(request, { rv: RV });
    case "connect":
      return encodeResponse(request, { ...(await requests.connect(request.context, request.reader, request)), rv: RV });
    case "reconnect": {
      const activeProtocol = await requests.reconnect(request.card, request, request.initialization);
      return encodeResponse(request, { activeProtocol, rv: RV });
    }
    case "disconnect":
      await requests.disconnect(request.card, request.disposition);
      return encodeResponse(request, { rv: RV });
    case "begin-transaction":
      await requests.begin(request.card);
      return encodeResponse(request, { rv: RV });
    case "end-transaction":
      await requests.end(request.card, request.disposition);
      return encodeResponse(request, { rv: RV });
    case "status":
      await requests.status(request.card);
      return encodeResponse(request, { rv: RV });
    case "transmit": {
      const response = await requests.transmit(request.card, request.sendProtocol, request.command);
      if (response.length > request.receiveLength) {
        return encodeResponse(request, { neededLength: response.length, rv: insufficientBuffer });
      }
      return encodeResponse(request, { response, receiveProtocol: request.sendProtocol, rv: RV });
    }
    case "control": {
      const output = await requests.control(request.card, request.code, request.input);
      if (output.length > request.receiveLength) {
        return encodeResponse(request, { neededLength: output.length, rv: insufficientBuffer });
      }
      return encodeResponse(request, { output, rv: RV });
    }
    case "get-attribute": {
      const value = await requests.getAttribute(request.card, request.attribute);
      if (value.length > request.length) {
        return encodeResponse(request, { neededLength: value.length, rv: insufficientBuffer });
      }
      return encodeResponse(request, { value, rv: RV });
    }
    case "holder": {
      const { client, heldMs, pid, shareMode, transaction } = requests.holder(request.handle, request.reader) ?? {};
      if (client === undefined || shareMode === undefined) return encodeResponse(request, { rv: RV });
      const mode = toNumber(shareModes, shareMode, "pcsclite") ?? 0;
      const holder = { client, pid, shareMode: mode, transaction: transaction === true, heldMs: heldMs ?? 0 };
      return encodeResponse(request, { holder, rv: RV });
    }
    case "read-cache":
      return encodeResponse(request, { data: await requests.readCache(request), rv: RV });
    case "write-cache":
      await requests.writeCache(request, request.data);
      return encodeResponse(request, { rv: RV });
    case "set-attribute":
      await requests.setAttribute(request.card, request.attribute, request.value);
      return encodeResponse(request, { rv: RV });
  }
}
