// SPDX-License-Identifier: MIT

import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { SmartCardError } from "../../../port/index.ts";
import type { FarmAnswer, FarmBus } from "../../../wire/farm/index.ts";
import { packageFailure } from "../runtime/index.ts";

/** How to reach a NATS cluster. */
export interface NatsOptions {
  /** Addresses of its servers: `nats://host:4222`, or `tls://host:4222`. */
  readonly servers: readonly string[];
  /** What this program is called in the server's own lists. */
  readonly name: string;
  /** The text of a credentials file, with a JWT and a seed of an NKEY. */
  readonly credentials?: Uint8Array | undefined;
  /** The seed of an NKEY, as text: `SUA…`. */
  readonly nkeySeed?: Uint8Array | undefined;
  /** Files in PEM: the authorities that are trusted, and this program's own certificate and key. */
  readonly tls?:
    | {
        readonly caFile?: string | undefined;
        readonly certFile?: string | undefined;
        readonly keyFile?: string | undefined;
      }
    | undefined;
}

/** A connection to a NATS cluster. */
export interface NatsBus extends FarmBus {
  /** Settles when the connection has ended for good, with the reason where it did so by itself. */
  readonly closed: Promise<string | undefined>;
  /** Ends the connection when what was sent has gone out. Never rejects. */
  close(): Promise<void>;
}

/** The pause between two tries to reach the cluster again, in milliseconds. */
const RECONNECT_MS = 500;
const CONNECT_MS = 10_000;

/**
 * Connects to a NATS cluster, and again whenever the connection is lost. What is sent meanwhile is lost.
 *
 * @throws unsupported-feature (the package `@nats-io/transport-node` is not installed), no-service (no server can be reached), no-access (it does
 * not admit this program)
 */
export async function connectNats(options: NatsOptions): Promise<NatsBus> {
  const nats = await load();
  const { credentials, name, nkeySeed, servers, tls } = options;
  const settings: ConnectionOptions = {
    servers: [...servers],
    name,
    timeout: CONNECT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    ignoreAuthErrorAbort: true,
    ...(credentials !== undefined && { authenticator: nats.credsAuthenticator(credentials) }),
    ...(nkeySeed !== undefined && { authenticator: nats.nkeyAuthenticator(nkeySeed) }),
    ...(tls !== undefined && { tls: withoutUndefined(tls) }),
  };
  let connection: NatsConnection;
  try {
    connection = await nats.connect(settings);
  } catch (error) {
    throw unreachable(servers, error);
  }
  return busOf(connection);
}

async function load(): Promise<typeof import("@nats-io/transport-node")> {
  try {
    return await import("@nats-io/transport-node");
  } catch (error) {
    throw unusable(error);
  }
}

function unusable(error: unknown): SmartCardError {
  const broken = packageFailure("@nats-io/transport-node", error);
  const missing = "a farm needs the package @nats-io/transport-node: npm install @nats-io/transport-node";
  return new SmartCardError("unsupported-feature", broken?.message ?? missing, {}, { cause: broken ?? error });
}

function busOf(connection: NatsConnection): NatsBus {
  return {
    closed: connection.closed().then((error) => (error instanceof Error ? error.message : undefined)),
    publish(subject, data) {
      try {
        connection.publish(subject, data);
      } catch {
        // It is closed: nothing is sent any more.
      }
    },
    async subscribe(subject, take) {
      const subscription = connection.subscribe(subject, {
        callback(error, message) {
          if (error !== null) return;
          take({
            subject: message.subject,
            data: message.data,
            respond: (data) => void message.respond(data),
          });
        },
      });
      // The server answers a ping after what was sent before it.
      await connection.flush();
      return () => subscription.unsubscribe();
    },
    async request(subject, data, timeoutMs): Promise<FarmAnswer> {
      try {
        const { data: answer } = await connection.request(subject, data, { timeout: timeoutMs });
        return { kind: "answer", data: answer };
      } catch (error) {
        return { kind: hasNoListener(error) ? "no-listener" : "late" };
      }
    },
    async close() {
      await connection.drain().catch(() => undefined);
    },
  };
}

/** Whether the server said that no program listens. */
function hasNoListener(error: unknown): boolean {
  const named = error as { readonly name?: unknown; readonly isNoResponders?: () => boolean };
  return named.name === "NoRespondersError" || named.isNoResponders?.() === true;
}

function unreachable(servers: readonly string[], error: unknown): SmartCardError {
  const why = error instanceof Error ? error.message : String(error);
  const where = servers.join(", ");
  const isRefused = /authoriz|authentic/i.test(why);
  return isRefused
    ? new SmartCardError(
        "no-access",
        `the NATS server at ${where} does not admit this program: ${why}`,
        {},
        { cause: error },
      )
    : new SmartCardError("no-service", `no NATS server can be reached at ${where}: ${why}`, {}, { cause: error });
}

function withoutUndefined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
