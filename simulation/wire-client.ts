// SPDX-License-Identifier: MIT

import {
  cardStates,
  dispositions,
  errorNumber,
  initializations,
  type Protocol,
  protocolMask,
  SmartCardError,
  shareModes,
  toNumber,
} from "../src/port/index.ts";
import { type ClientSession, FIXED_READERS, type ReaderState } from "../src/wire/pcsclite/index.ts";
import type { ClientEvent, ExhaustedResource } from "./events.ts";
import { Floods } from "./floods.ts";
import type { ClientPlan } from "./plan.ts";
import type { ReconnectTerms } from "./reconnects.ts";
import { makeCommand, type SimulatedClient, settingOf } from "./simulated-client.ts";
import { openWire, type Wire, type WireTerms } from "./wire.ts";

/** What a wire client needs besides. */
export interface WireClientDeps extends WireTerms {
  readonly plan: ClientPlan;
}

const sharingViolation = errorNumber("sharing-violation", "pcsclite");
const tooBusy = errorNumber("server-too-busy", "pcsclite");
/** How the service ends a wait otherwise than by a change. */
const waitEnds: ReadonlyMap<number, string> = new Map([
  [errorNumber("cancelled", "pcsclite"), "cancel"],
  [errorNumber("service-stopped", "pcsclite"), "the end of the service"],
]);
/** How often, and how long after, libpcsclite tries again where another client has the card. */
const TRIES = 100;
const TRY_AGAIN_MS = 100;

/**
 * A program that speaks to the service over a byte pipe, with our own client's session: what libpcsclite does, the
 * trying again included. Its calls to the manager are made by the service, and judged there.
 */
export class WireClient implements SimulatedClient {
  readonly #deps: WireClientDeps;
  #life = 1;
  #wire: Wire | undefined;
  #context: number | undefined;
  /** Transactions that it was told have begun, less those that it was told have ended. */
  #begins = 0;
  /** Questions that are not answered. */
  #asking = 0;
  /** Connections that it has besides, and does nothing with. */
  #hoarded: Wire[] = [];
  readonly #floods = new Floods();
  /** A wait that has begun, and the readers as they were told to be then. */
  #waiting: { readonly wire: Wire; readonly readers: readonly ReaderState[] } | undefined;
  /** A wait that was asked for, and has not its readers yet; and whether it was cancelled meanwhile. */
  #beginning: { cancelled: boolean } | undefined;
  #cards: ({ readonly card: number; readonly protocol: number } | undefined)[] = [];

  constructor(deps: WireClientDeps) {
    this.#deps = deps;
  }

  act(event: ClientEvent): void {
    const promise = this.#do(event);
    promise?.catch((error: unknown) => this.#failed(error));
  }

  serviceEnded(): void {
    this.#die();
  }

  mayHold(name: string): boolean {
    return this.#wire?.name !== name || this.#begins > 0 || this.#asking > 0;
  }

  /** A client that waits for a change has the current state. All of a flood is answered. What has arrived is read, or will be. */
  checkAtRest(timers: readonly string[]): void {
    const { moment, readers } = this.#deps.clientDeps;
    this.#floods.checkAtRest(this.#deps.clientDeps);
    if (this.#wire?.isUnread() === true && !timers.includes("unix-read"))
      moment().violated(`${this.#wire.name} has sent something that is never read`);
    // While a table is asked for, a signal that has come is told from it only when more has.
    const { toClient, toServer } = this.#waiting?.wire ?? {};
    if (this.#waiting === undefined || toClient?.isEmpty !== true || toServer?.isEmpty !== true) return;
    const told = this.#waiting.readers.map(({ eventCounter, name, sharing, state }) => {
      return `${name} ${eventCounter} ${sharing} ${(state & cardStates.absent.pcsclite) === 0} ${(state & cardStates.swallowed.pcsclite) !== 0}`;
    });
    const actual = readers().map(({ card, connections, eventCount, exclusive, name }) => {
      return `${name} ${eventCount} ${exclusive ? -1 : connections} ${card !== undefined} ${card?.mute === true}`;
    });
    const seen = actual.slice(0, this.#deps.plan.version === "4:6" ? actual.length : FIXED_READERS);
    if (told.join() !== seen.join())
      moment().violated(`${this.#waiting.wire.name} waits for a change and believes ${told}, but there is ${seen}`);
  }

  async leave(): Promise<void> {
    this.#die();
  }

  async finish(): Promise<void> {
    const { session, cut } = this.#begin();
    await session.open(this.#deps.plan.version);
    const { context } = must(await session.establish(2), "establish");
    for (const reader of this.#deps.clientDeps.readerNames()) {
      const terms = { context, reader, shareMode: 2, preferredProtocols: 3 };
      const { activeProtocol, card } = must(await session.connect(terms), "connect");
      must(await session.begin(card), "begin");
      const command = makeCommand("echo", this.#deps.clientDeps.nextNumber());
      must(await session.transmit(card, activeProtocol, command), "transmit");
      must(await session.end(card, 0), "end");
      must(await session.disconnect(card, 0), "disconnect");
    }
    must(await session.release(context), "release");
    cut("done");
  }

  #die(): void {
    const reason = "the program is gone";
    for (const { cut } of this.#hoarded.splice(0)) cut(reason);
    this.#floods.end(reason);
    this.#wire?.cut(reason);
    this.#wire = undefined;
    this.#context = undefined;
    this.#begins = 0;
    this.#cards = [];
  }

  #do(event: ClientEvent): Promise<unknown> | undefined {
    switch (event.act) {
      case "establish":
        return this.#establish();
      case "die":
        this.#die();
        return undefined;
      case "stall":
      case "unstall":
        this.#wire?.toClient.stall(event.act === "stall");
        return undefined;
      case "abort":
        return undefined;
      case "stop-waiting":
        return this.#wire?.session.stopWaiting();
      case "watch":
        return this.#wire === undefined || this.#context === undefined ? undefined : this.#watch(this.#wire);
      case "hoard":
        // The first edition's programs do not hoard over the wire.
        return this.#deps.edition === 1 ? undefined : this.#hoard(event.what, event.reader);
      case "stray":
        return this.#wire === undefined ? undefined : this.#stray(this.#wire);
      case "cancel":
      case "release":
      case "connect":
        return this.#wire === undefined || this.#context === undefined
          ? undefined
          : this.#withContext(event, this.#wire.session, this.#context);
      default: {
        const card = this.#cards[event.handle];
        if (this.#wire === undefined || card === undefined) return undefined;
        return this.#withCard(event, this.#wire.session, card.card, card.protocol);
      }
    }
  }

  #withContext(
    event: Extract<ClientEvent, { act: "cancel" | "release" | "connect" }>,
    session: ClientSession,
    context: number,
  ): Promise<unknown> {
    switch (event.act) {
      case "cancel":
        return this.#cancel(context);
      case "release":
        this.#context = undefined;
        return this.#noted("release", session.release(context));
      case "connect": {
        const terms = {
          context,
          reader: this.#deps.clientDeps.readerName(event.reader),
          shareMode: wireNumber(shareModes, event.mode),
          preferredProtocols: mask(event.protocols),
        };
        const connected = this.#noted("connect", session.connect(terms));
        return connected.then(({ activeProtocol, card, rv }) => {
          if (rv === 0) this.#cards[event.handle] = { card, protocol: activeProtocol };
        });
      }
    }
  }

  #withCard(
    event: Extract<ClientEvent, { handle: number }>,
    session: ClientSession,
    card: number,
    protocol: number,
  ): Promise<unknown> | undefined {
    switch (event.act) {
      case "reconnect": {
        const { initialization, mode, protocols } = event;
        const terms = {
          card,
          shareMode: wireNumber(shareModes, mode),
          preferredProtocols: mask(protocols),
          initialization: wireNumber(initializations, initialization),
        };
        return this.#reconnect(session, terms);
      }
      case "disconnect":
        return this.#noted("disconnect", session.disconnect(card, wireNumber(dispositions, event.disposition)));
      case "begin":
        return this.#noted(
          "begin",
          this.#again(() => session.begin(card)),
        );
      case "end":
        return this.#noted("end", session.end(card, wireNumber(dispositions, event.disposition)));
      case "status":
        return this.#noted(
          "status",
          this.#again(() => session.status(card)),
        );
      case "transmit": {
        const command = makeCommand(event.what, this.#deps.clientDeps.nextNumber());
        return this.#noted(
          "transmit",
          this.#again(() => session.transmit(card, event.wrong ? 4 : protocol, command)),
        );
      }
      case "control": {
        const input = makeCommand("echo", this.#deps.clientDeps.nextNumber());
        return this.#noted(
          "control",
          this.#again(() => session.control(card, 0x4200_0000 + 3400, input)),
        );
      }
      case "attribute":
        return this.#noted("attribute", session.getAttrib(card, 0x0009_0303));
      case "set-attribute": {
        const { attribute, value } = settingOf(event.what, this.#deps.clientDeps.nextNumber());
        return this.#noted(
          "set-attribute",
          this.#again(() => session.setAttrib(card, attribute, value)),
        );
      }
      case "odd-control": {
        const input = makeCommand("echo", this.#deps.clientDeps.nextNumber());
        return this.#noted(
          "control",
          this.#again(() => session.control(card, event.code, input)),
        );
      }
      default:
        return undefined;
    }
  }

  async #reconnect(session: ClientSession, terms: ReconnectTerms & { readonly card: number }): Promise<void> {
    const name = this.#wire?.name;
    const { rv } = await this.#noted(
      "reconnect",
      this.#again(() => session.reconnect(terms)),
    );
    if (rv === 0 && name !== undefined) this.#deps.clientDeps.reconnected(name, terms);
  }

  async #establish(): Promise<void> {
    if (this.#context !== undefined) return;
    const wire = this.#wire ?? this.#begin();
    this.#wire = wire;
    const { version } = this.#deps.plan;
    if (wire.session.version === undefined) await wire.session.open(version);
    const { context, rv } = await this.#noted("establish", wire.session.establish(2));
    if (rv === 0 && this.#wire === wire) this.#context = context;
  }

  async #watch(wire: Wire): Promise<void> {
    const { session } = wire;
    const beginning = { cancelled: false };
    this.#beginning ??= beginning;
    const begun = session.waitForChange();
    const { over, readers } = await begun.finally(() => {
      if (this.#beginning === beginning) this.#beginning = undefined;
    });
    const waiting = { wire, readers };
    this.#waiting = waiting;
    const { rv, stopped } = await over.finally(() => {
      if (this.#waiting === waiting) this.#waiting = undefined;
    });
    const how = stopped ? "stop" : rv === 0 ? "change" : waitEnds.get(rv);
    const early = how === "cancel" && beginning.cancelled ? " before it had its readers" : "";
    this.#deps.clientDeps.reached(`wire ${this.#deps.plan.version} wait ended by ${how ?? rv}${early}`);
  }

  /** Hoards handles of the service. */
  async #hoard(what: ExhaustedResource, reader: number): Promise<void> {
    if (what === "requests") {
      await this.#flood(reader);
      return;
    }
    const { clientDeps, plan } = this.#deps;
    if (what === "contexts") {
      for (let left = 6; left > 0 && this.#hoarded.length < 24; left--) {
        const wire = this.#begin();
        this.#hoarded.push(wire);
        const { session } = wire;
        await session.open(plan.version);
        const { rv } = await this.#noted("establish", session.establish(2));
        if (rv === tooBusy) clientDeps.reached("wire establish too busy");
      }
      return;
    }
    const [wire, context] = [this.#wire, this.#context];
    if (wire === undefined || context === undefined) return;
    const terms = { context, reader: clientDeps.readerName(reader), shareMode: 2, preferredProtocols: 3 };
    if (what === "connections")
      await Promise.all(Array.from({ length: 4 }, () => this.#noted("connect", wire.session.connect(terms))));
    else {
      const open = this.#hoarded.filter(({ session }) => session.version !== undefined);
      await Promise.all([wire, ...open].map((one) => this.#watch(one)));
    }
  }

  /** Sends more than it may be ahead. */
  async #flood(reader: number): Promise<void> {
    const { plan, clientDeps } = this.#deps;
    const wire = this.#begin();
    this.#floods.add(wire);
    await wire.session.open(plan.version);
    const { context, rv } = await this.#noted("establish", wire.session.establish(2));
    if (rv === 0) this.#floods.pour(wire, { context, reader: clientDeps.readerName(reader) });
  }

  /** Uses handles that it does not have. */
  async #stray({ session }: Wire): Promise<void> {
    const { plan, clientDeps } = this.#deps;
    if (session.version === undefined) return;
    const context = ((this.#context ?? 0) ^ 0x5555) | 1;
    const calls: Promise<unknown>[] = [
      this.#noted("release", session.release(context)),
      this.#noted("cancel", session.cancel(context)),
      this.#noted("status", session.status(context)),
      session
        .readerStates()
        .then((readers) => clientDeps.reached(`wire ${plan.version} readers ${readers.length > 0 ? "told" : "none"}`)),
    ];
    if (this.#context !== undefined && this.#waiting === undefined && this.#beginning === undefined)
      calls.push(this.#noted("establish", session.establish(2)));
    calls.push(session.readerEvents().then(() => clientDeps.reached(`wire ${plan.version} reader events`)));
    await Promise.all(calls);
  }

  /** The library cancels over a connection of its own. */
  async #cancel(context: number): Promise<void> {
    const side = this.#begin();
    const { rv } = await this.#noted("cancel", side.session.cancel(context));
    if (rv === 0 && this.#beginning !== undefined) this.#beginning.cancelled = true;
    side.cut("cancelled");
  }

  /** Tries until the card is free, as the library does. */
  async #again<T extends { readonly rv: number }>(ask: () => Promise<T>): Promise<T> {
    // Not every program is libpcsclite: some do not come back for the turn that is kept for them.
    const isImpatient = this.#deps.dice.chance(40);
    for (let left = isImpatient ? 0 : TRIES; ; left--) {
      const answer = await ask();
      if (answer.rv !== sharingViolation || left === 0) return answer;
      this.#deps.clientDeps.reached("wire try again");
      await new Promise<void>((resolve) => this.#deps.runtime.clock.schedule(TRY_AGAIN_MS, "try again", resolve));
    }
  }

  async #noted<T extends { readonly rv: number }>(operation: string, answer: Promise<T>): Promise<T> {
    const wire = this.#wire;
    this.#asking++;
    const answered = await answer.finally(() => this.#asking--);
    if (answered.rv === 0 && wire === this.#wire) {
      if (operation === "begin") this.#begins++;
      if (operation === "end" && --this.#begins < 0)
        this.#deps.clientDeps.moment().violated(`${wire?.name} ended a transaction that it was not told of`);
    }
    this.#deps.clientDeps.reached(`wire ${operation} ${answered.rv === 0 ? "done" : "refused"}`);
    return answered;
  }

  #begin(): Wire {
    return openWire(this.#deps, this.#life++);
  }

  #failed(error: unknown): void {
    if (!(error instanceof SmartCardError))
      this.#deps.clientDeps.moment().violated(`a wire client broke: ${String(error)}`);
  }
}

function must<T extends { readonly rv: number }>(answer: T, what: string): T {
  if (answer.rv !== 0) throw new Error(`${what} was refused with 0x${(answer.rv >>> 0).toString(16)}`);
  return answer;
}

function mask(protocols: readonly Protocol[]): number {
  return protocols.length === 0 ? 0 : protocolMask(protocols, "pcsclite");
}

/** The number of a term; an invalid one for a term without a number on the wire, or an unknown term. */
function wireNumber<K extends string>(table: Parameters<typeof toNumber<K>>[0], term: K): number {
  return Object.hasOwn(table, term) ? (toNumber(table, term, "pcsclite") ?? 99) : 99;
}
