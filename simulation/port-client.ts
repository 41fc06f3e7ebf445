// SPDX-License-Identifier: MIT

import type { ManagerClient } from "../src/managers/embedded/index.ts";
import {
  type Connection,
  type Context,
  PNP_NOTIFICATION,
  type ReaderStateQuery,
  type ReaderStateReport,
  SmartCardError,
  type WaitOptions,
} from "../src/port/index.ts";
import type { AssumedState, ClientEvent } from "./events.ts";
import type { ClientPlan } from "./plan.ts";
import { type ClientDeps, makeCommand, type SimulatedClient, settingOf } from "./simulated-client.ts";

/** How often a watcher may be told of a change while nothing happens: more is a wait that does not wait. */
const MAX_REPORTS_PER_STEP = 200;

/** A client that calls the manager's port, as it likes, and waits for none of its calls. */
export class PortClient implements SimulatedClient {
  readonly #deps: ClientDeps;
  readonly #seat: string;
  readonly #plan: ClientPlan;
  #life = 1;
  #client: ManagerClient;
  #contexts: (Context | undefined)[] = [];
  #handles: (Connection | undefined)[] = [];
  #controller = new AbortController();
  readonly #known = new Map<string, ReaderStateReport>();
  /** What it keeps of a life or a service that is over. */
  #stale: { readonly client: ManagerClient; readonly contexts: readonly (Context | undefined)[] } | undefined;

  constructor(deps: ClientDeps, seat: string, plan: ClientPlan) {
    this.#deps = deps;
    this.#seat = seat;
    this.#plan = plan;
    this.#client = this.#born();
    if (plan.watches) this.#watchOn(this.#client);
  }

  act(event: ClientEvent): void {
    const promise = this.#do(event);
    promise?.catch((error: unknown) => this.#failed(error));
  }

  checkAtRest(): void {}

  die(): void {
    this.#keep();
    this.#client.end().catch((error: unknown) => this.#failed(error));
    this.#life++;
    this.#forget();
    this.#client = this.#born();
    if (this.#plan.watches) this.#watchOn(this.#client);
  }

  serviceEnded(): void {
    this.#keep();
    this.#contexts = [];
    this.#client = this.#born();
    if (this.#plan.watches) this.#watchOn(this.#client);
  }

  mayHold(): boolean {
    return true;
  }

  async leave(): Promise<void> {
    await this.#client.end();
    this.#forget();
    this.#life++;
    this.#client = this.#born();
  }

  async finish(): Promise<void> {
    this.#life++;
    const client = this.#born();
    const context = await client.establishContext();
    for (const reader of this.#deps.readerNames()) {
      const connection = await context.connect(reader, { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
      await connection.beginTransaction();
      await connection.transmit(makeCommand("echo", this.#deps.nextNumber()));
      await connection.status();
      await connection.endTransaction("leave");
      await connection.disconnect("leave");
    }
    await context.release();
    await client.end();
  }

  #born(): ManagerClient {
    return this.#deps.client({ name: `${this.#seat}${this.#life}`, pid: this.#deps.nextPid() });
  }

  #keep(): void {
    if (this.#plan.keepsStale) this.#stale = { client: this.#client, contexts: this.#contexts };
  }

  #forget(): void {
    this.#contexts = [];
    this.#handles = [];
    this.#known.clear();
    this.#controller = this.#deps.controller();
  }

  #do(event: ClientEvent): Promise<unknown> | undefined {
    switch (event.act) {
      case "establish":
        return this.#establish(event.context);
      case "die":
        this.die();
        return undefined;
      case "abort":
        this.#controller.abort();
        this.#controller = this.#deps.controller();
        return undefined;
      case "stray":
        return this.#stray(event.context);
      case "stall":
      case "unstall":
      case "stop-waiting":
        return undefined;
      case "cancel":
      case "release":
      case "connect":
      case "watch":
      case "hoard": {
        const context = this.#contexts[event.context];
        return context === undefined ? undefined : this.#withContext(event, context);
      }
      default: {
        const connection = this.#handles[event.handle];
        return connection === undefined ? undefined : this.#withConnection(event, connection);
      }
    }
  }

  #withContext(
    event: Extract<ClientEvent, { act: "cancel" | "release" | "connect" | "watch" | "hoard" }>,
    context: Context,
  ): Promise<unknown> {
    switch (event.act) {
      case "cancel":
        return context.cancel();
      case "release":
        return context.release();
      case "connect":
        return this.#connect(event, context);
      case "watch":
        return this.#watch(event.belief, context, this.#wait(event.deadlineMs));
      default:
        return event.what === "requests" ? this.#askAndAsk(context) : this.#hoard(event.what, context, event.reader);
    }
  }

  #withConnection(
    event: Exclude<ClientEvent, { act: "cancel" | "release" | "connect" | "watch" | "hoard" | "establish" }>,
    connection: Connection,
  ): Promise<unknown> | undefined {
    const { nextNumber } = this.#deps;
    switch (event.act) {
      case "reconnect": {
        const { initialization, mode, protocols } = event;
        return connection.reconnect({ shareMode: mode, preferredProtocols: protocols, initialization });
      }
      case "disconnect":
        return connection.disconnect(event.disposition);
      case "begin":
        return connection.beginTransaction(this.#wait(event.deadlineMs));
      case "end":
        return connection.endTransaction(event.disposition);
      case "status":
        return connection.status(this.#wait(event.deadlineMs));
      case "transmit": {
        const protocol = event.wrong ? "raw" : undefined;
        return connection.transmit(makeCommand(event.what, nextNumber()), {
          ...this.#wait(event.deadlineMs),
          protocol,
        });
      }
      case "control":
        return connection.control(0x4200_0000 + 3400, makeCommand("echo", nextNumber()));
      case "attribute":
        return connection.getAttribute(0x0009_0303);
      case "set-attribute": {
        const { attribute, value } = settingOf(event.what, nextNumber());
        return connection.setAttribute(attribute, value, this.#wait(event.deadlineMs));
      }
      case "odd-control":
        return connection.control(event.code, makeCommand("echo", nextNumber()), this.#wait(event.deadlineMs));
      case "count":
        return connection.transmitCount();
      default:
        return undefined;
    }
  }

  async #establish(place: number): Promise<void> {
    if ((await this.#contexts[place]?.isValid()) === true) return;
    const life = this.#life;
    const context = await this.#client.establishContext(this.#plan.oneAtATime ? { oneAtATime: true } : undefined);
    if (life === this.#life) this.#contexts[place] = context;
  }

  async #connect(event: Extract<ClientEvent, { act: "connect" }>, context: Context): Promise<void> {
    const life = this.#life;
    const reader = this.#deps.readerName(event.reader);
    const options = { shareMode: event.mode, preferredProtocols: event.protocols, ...this.#wait(event.deadlineMs) };
    const connection = await context.connect(reader, options);
    if (life === this.#life) this.#handles[event.handle] = connection;
  }

  async #watch(belief: AssumedState, context: Context, wait: WaitOptions): Promise<void> {
    const names = belief === "nothing" ? [] : await context.listReaders();
    if (belief === "stranger") names.push("No such reader");
    if (belief === "pnp") names.push(PNP_NOTIFICATION);
    if (belief === "crowd") {
      const reader = names[0] ?? "No such reader";
      names.push(...new Array<string>(this.#deps.queriesPerWait).fill(reader));
    }
    const queries = names.map((reader) => this.#query(belief, reader));
    for (const report of await context.getStatusChange(queries, wait)) this.#known.set(report.reader, report);
  }

  #query(belief: AssumedState, reader: string): ReaderStateQuery {
    switch (belief) {
      case "handed-back":
      case "pnp":
        return this.#known.get(reader) ?? { reader };
      case "empty":
      case "present":
      case "ignore":
        return { reader, flags: { [belief]: true } };
      default:
        return { reader };
    }
  }

  /** Uses closed handles: kept ones, or else a context that it releases now. */
  async #stray(place: number): Promise<void> {
    const context = this.#contexts[place];
    const stale = this.#stale ?? { client: undefined, contexts: [context] };
    this.#stale = undefined;
    if (stale.client === undefined && context !== undefined) await context.release();
    const calls: Promise<unknown>[] = stale.client === undefined ? [] : [stale.client.establishContext()];
    for (const over of stale.contexts) {
      if (over === undefined) continue;
      const reader = this.#deps.readerName(0);
      const options = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
      calls.push(over.listReaders(), over.getStatusChange([{ reader }]), over.connect(reader, options));
      calls.push(over.cancel(), over.isValid(), over.release());
    }
    await Promise.allSettled(calls);
  }

  /** Asks what can be answered at once, often. */
  async #askAndAsk(context: Context): Promise<void> {
    for (let left = 6; left > 0; left--) await context.listReaderGroups();
    await context.getStatusChange([], { timeoutMs: 0 });
  }

  /** Requests more than its limit. */
  async #hoard(what: "contexts" | "connections" | "waits", context: Context, reader: number): Promise<void> {
    const options = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
    const name = this.#deps.readerName(reader);
    const flags = { empty: true } as const;
    const calls = Array.from({ length: 6 }, (): Promise<unknown> => {
      if (what === "contexts") return this.#client.establishContext();
      if (what === "connections") return context.connect(name, options);
      return context.getStatusChange([{ reader: name, flags }]);
    });
    await Promise.allSettled(calls);
  }

  /** Watches all readers for as long as the client lives, and passes back the reported states. */
  #watchOn(client: ManagerClient): void {
    this.#watchLoop(client).catch((error: unknown) => this.#failed(error));
  }

  async #watchLoop(client: ManagerClient): Promise<void> {
    const context = await client.establishContext();
    const known = new Map<string, ReaderStateReport>();
    let [step, reports] = [-1, 0];
    for (;;) {
      const { step: now, violated } = this.#deps.moment();
      [step, reports] = now === step ? [step, reports + 1] : [now, 0];
      if (reports > MAX_REPORTS_PER_STEP) {
        violated("a watcher is told of a change again and again");
        return;
      }
      const names = [...(await context.listReaders()), PNP_NOTIFICATION];
      const queries = names.map((reader): ReaderStateQuery => known.get(reader) ?? { reader });
      try {
        for (const report of await context.getStatusChange(queries)) known.set(report.reader, report);
      } catch (error) {
        if (!(error instanceof SmartCardError) || error.code !== "cancelled" || !(await context.isValid())) throw error;
      }
    }
  }

  #wait(timeoutMs: number | undefined): WaitOptions {
    return timeoutMs === undefined ? {} : { timeoutMs, signal: this.#controller.signal };
  }

  /** A failed call is normal for a client; any other exception is a bug of the simulator. */
  #failed(error: unknown): void {
    if (!(error instanceof SmartCardError)) this.#deps.moment().violated(`a client broke: ${String(error)}`);
  }
}
