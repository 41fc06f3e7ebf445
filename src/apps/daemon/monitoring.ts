// SPDX-License-Identifier: MIT

import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { AuditTrail } from "../../observe/audit/index.ts";
import type { ObservedOutcome, Observer } from "../../observe/calls/index.ts";
import { type MetricFamily, Metrics, type MetricsNow } from "../../observe/metrics/index.ts";
import { CardPolicy, type PolicyOptions, type Refusal } from "../../observe/policy/index.ts";
import { makeHostCrypto } from "../../platform/node/crypto/index.ts";
import { defaultAuditRotation, openAuditWriter } from "../../platform/node/sqlite/index.ts";
import { type ClientIdentity, type Runtime, SmartCardError } from "../../port/index.ts";
import type { DaemonConfig } from "./config.ts";
import type { Log } from "./log.ts";
import { type MetricsServer, serveMetrics } from "./metrics-http.ts";

/** What is known of a daemon at the moment. */
type DaemonNow = Pick<MetricsNow, "clients" | "readers" | "cards" | "waiting" | "uptime">;

/** What the metrics, the audit log and the policy of a daemon need. */
export interface MonitoringDeps {
  readonly config: DaemonConfig;
  readonly runtime: Runtime;
  readonly say: Log["write"];
  /** The path of a client's executable. */
  readonly programOf: (client: ClientIdentity) => string | undefined;
  readonly atrOf: (reader: string) => string | undefined;
  readonly now: () => Promise<DaemonNow>;
}

/** Resolution of the event loop's delay, in milliseconds. */
const LAG_RESOLUTION_MS = 20;

/** The metrics, the audit log and the policy of a daemon, each where it is configured. */
export class Monitoring {
  /** Asked before each command; undefined where no policy is configured. */
  readonly policy: CardPolicy | undefined;
  readonly #deps: MonitoringDeps;
  readonly #metrics: Metrics | undefined;
  #trail: AuditTrail | undefined;
  #lag: IntervalHistogram | undefined;
  #server: MetricsServer | undefined;
  #stopListening: (() => void) | undefined;

  constructor(deps: MonitoringDeps) {
    const { config, programOf, runtime } = deps;
    this.#deps = deps;
    this.#metrics = config.metrics === undefined ? undefined : new Metrics();
    if (config.policy !== undefined) {
      const refused = (refusal: Refusal): void => this.#refused(refusal);
      this.policy = new CardPolicy(policyOptions(config.policy), { clock: runtime.clock, programOf, refused });
    }
  }

  /** Opens what it writes to and is asked on. @throws SmartCardError: what the audit log and the server for scrapers fail with */
  async open(observer: Observer): Promise<void> {
    const { config, runtime, say } = this.#deps;
    const { audit, metrics } = config;
    if (audit?.path !== undefined) {
      const { keep, maxAgeDays, maxBytes } = audit;
      const store = await openAuditWriter(audit.path, {
        keep: keep ?? defaultAuditRotation.keep,
        maxBytes: maxBytes ?? defaultAuditRotation.maxBytes,
        maxAgeMs: maxAgeDays === undefined ? defaultAuditRotation.maxAgeMs : maxAgeDays * 86_400_000,
      });
      const head = await store.head();
      say("info", "the audit log goes on", { path: audit.path, entry: head.number, hash: head.hash });
      this.#trail = new AuditTrail({
        clock: runtime.clock,
        store,
        hash: makeHostCrypto(runtime.random).hash,
        cardIn: (reader) => ({ atr: this.#deps.atrOf(reader) }),
        troubled: (message) => say("warn", message, { path: audit.path }),
      });
    }
    const listeners = [this.policy, this.#trail, this.#metrics].filter((one) => one !== undefined);
    if (listeners.length > 0) {
      const tell = (event: ObservedOutcome): void => {
        for (const listener of listeners) listener.observed(event);
      };
      this.#stopListening = observer.listenToOutcomes(tell);
    }
    if (this.#metrics === undefined) return;
    this.#lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
    this.#lag.enable();
    const at = metrics?.socket ?? metrics?.port;
    if (at === undefined) return;
    this.#server = await serveMetrics(at, () => this.metricsText());
    say("info", "metrics are served to scrapers", { at: this.#server.at });
  }

  /** Takes another policy. False where there was none before: that needs a new start. */
  configure(config: DaemonConfig): boolean {
    if (this.policy === undefined) return config.policy === undefined;
    this.policy.configure(policyOptions(config.policy ?? {}));
    return true;
  }

  /** What was counted. @throws unsupported-feature (it is not configured) */
  async metrics(
    format: "json" | "text",
  ): Promise<{ readonly text: string } | { readonly families: readonly MetricFamily[] }> {
    return format === "text" ? { text: await this.metricsText() } : { families: await this.metricFamilies() };
  }

  /** @throws unsupported-feature (they are not configured) */
  async metricsText(): Promise<string> {
    const now = await this.#now();
    return this.#counted().text(now);
  }

  /** @throws unsupported-feature (they are not configured) */
  async metricFamilies(): Promise<readonly MetricFamily[]> {
    const now = await this.#now();
    return this.#counted().families(now);
  }

  /** Where the audit log is, and how it stands. */
  auditReport(): { readonly path?: string; readonly dropped: number; readonly entry?: number; readonly hash?: string } {
    const trail = this.#trail;
    const { path } = this.#deps.config.audit ?? {};
    if (trail === undefined || path === undefined) return { dropped: 0 };
    const head = trail.head;
    return { path, dropped: trail.dropped, ...(head !== undefined && { entry: head.number, hash: head.hash }) };
  }

  /** @throws unsupported-feature (last tries are not stopped) */
  allowLastTry(reader: string, forMs: number): void {
    if (this.policy === undefined || this.#deps.config.policy?.lastTry !== "confirm") {
      const remedy = 'to stop them, put "policy": { "lastTry": "confirm" } into the configuration';
      throw new SmartCardError("unsupported-feature", `this daemon lets last tries pass: ${remedy}`);
    }
    this.policy.allowLastTry(reader, forMs);
    this.#deps.say("warn", "a last try of a PIN was allowed", { reader, forMs });
  }

  async close(): Promise<void> {
    this.#stopListening?.();
    this.#lag?.disable();
    await this.#server?.close();
    await this.#trail?.close();
    const { head } = this.#trail ?? {};
    if (head !== undefined)
      this.#deps.say("info", "the audit log ends for now", { entry: head.number, hash: head.hash });
  }

  #counted(): Metrics {
    if (this.#metrics !== undefined) return this.#metrics;
    const remedy = 'put "metrics": {} into its configuration and start it anew';
    throw new SmartCardError("unsupported-feature", `this daemon counts nothing: ${remedy}`);
  }

  async #now(): Promise<MetricsNow> {
    const { external, heapUsed, rss } = process.memoryUsage();
    const lag = this.#lag;
    const now = await this.#deps.now();
    const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - LAG_RESOLUTION_MS / 1000);
    const eventLoopLag =
      lag === undefined || lag.count === 0
        ? { p50: 0, p99: 0, max: 0 }
        : { p50: seconds(lag.percentile(50)), p99: seconds(lag.percentile(99)), max: seconds(lag.max) };
    lag?.reset();
    return {
      ...now,
      eventLoopLag,
      memory: { resident: rss, heap: heapUsed, external },
      ...(this.#trail !== undefined && { auditDropped: this.#trail.dropped }),
    };
  }

  #refused({ client: { name, pid, uid }, command, reader, reason, rule }: Refusal): void {
    const { runtime, say } = this.#deps;
    say("warn", "refused: a command", { reader, rule: `$.policy.${rule}`, command, reason, uid, pid, program: name });
    const client = { name, ...(uid !== undefined && { uid }), ...(pid !== undefined && { pid }) };
    const time = Math.round(runtime.clock.wallTime());
    this.#trail?.record({ time, event: "refused", reader, client, command, reason: rule });
  }
}

/** The policy of a configuration, as {@link CardPolicy} has it. */
function policyOptions({ verifications, ...options }: NonNullable<DaemonConfig["policy"]>): PolicyOptions {
  if (verifications === undefined) return options;
  const { count, seconds } = verifications;
  return { ...options, verifications: { count, windowMs: seconds * 1000 } };
}
