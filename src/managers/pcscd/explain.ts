// SPDX-License-Identifier: MIT

import { errorFromNumber, fromNumber, type Holder, protocolMask, protocols, shareModes } from "../../port/index.ts";
import { findReader, type Operation, type Subject } from "../client/index.ts";
import type { Line } from "./line.ts";
import type { Snapshot } from "./reports.ts";

/** A call that has failed. */
export interface FailedCall {
  readonly rv: number;
  readonly operation: Operation;
  readonly reader: string;
  /** The line that it was made on, and the context or the card that it was about. */
  readonly line: Line;
  readonly handle: number;
  /** The protocols that a connect or a reconnect asked for, as bits. */
  readonly protocols: number;
  /** The readers as they are now. */
  readonly look: () => Promise<Snapshot>;
}

/**
 * Adds details to a failure: with scard daemon the holder of the reader; with any service the card's protocol since its last
 * reset. Never rejects: unknown details are left out.
 */
export async function explain(call: FailedCall): Promise<Pick<Subject, "holder" | "protocol">> {
  const code = errorFromNumber(call.rv, "pcsclite");
  try {
    if (code === "sharing-violation") return { holder: await holderOf(call) };
    if (code === "proto-mismatch") return { protocol: await protocolOf(call) };
  } catch {
    // The caller gets the original failure.
  }
  return {};
}

/** The holder of a reader, for a context of scard daemon. Never rejects. */
export async function holderNow(line: Line, reader: string): Promise<Holder | undefined> {
  return holderOf({ line, handle: line.context, reader }).catch(() => undefined);
}

/** @throws unsupported-feature for pcscd, before anything is sent */
async function holderOf(asked: Pick<FailedCall, "handle" | "line" | "reader">): Promise<Holder | undefined> {
  const { handle, line, reader } = asked;
  const { holder } = await line.prompt(line.session.holder(handle, reader));
  if (holder === undefined) return undefined;
  const { client, heldMs, pid, transaction } = holder;
  const shareMode = fromNumber(shareModes, holder.shareMode, "pcsclite") ?? "shared";
  return { client, ...(pid !== undefined && { pid }), shareMode, transaction, heldMs };
}

async function protocolOf({ look, operation, protocols: asked, reader }: FailedCall): Promise<Subject["protocol"]> {
  if (operation !== "connect" && operation !== "reconnect") return undefined;
  const spoken = fromNumber(protocols, findReader(await look(), reader)?.protocol ?? 0, "pcsclite");
  // One that was asked for is not what the service complains of.
  return spoken !== undefined && (protocolMask([spoken], "pcsclite") & asked) === 0 ? spoken : undefined;
}
