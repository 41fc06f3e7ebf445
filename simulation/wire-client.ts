// SPDX-License-Identifier: MIT

import {
  dispositions,
  errorNumber,
  initializations,
  type Protocol,
  protocolMask,
  type Runtime,
  SmartCardError,
  shareModes,
  toNumber,
} from "../src/pcsc/index.ts";
import { ClientSession, newestVersion, type PcscliteServer } from "../src/pcsclite/index.ts";
import type { Dice } from "./dice.ts";
import { Pipe, type PipeTerms } from "./pipe.ts";
import type { ClientEvent } from "./plan.ts";
import { makeCommand, type SimulatedClient, type Surroundings } from "./simulated-client.ts";

/** What a wire client needs besides. */
export interface WireSetting {
  readonly runtime: Runtime;
  readonly server: () => PcscliteServer;
  readonly dice: Dice;
  readonly pipe: PipeTerms;
  readonly surroundings: Surroundings;
  readonly seat: string;
  readonly reached: (what: string) => void;
}

/** A connection to the service, seen from the program. */
interface Wire {
  /** As which the service knows the client. */
  readonly name: string;
  readonly session: ClientSession;
  /** What the service sends, which the program may not read. */
  readonly toClient: Pipe;
  /** Ends the connection at this moment, whatever is on its way. */
  cut(reason: string): void;
}

const sharingViolation = errorNumber("sharing-violation", "pcsclite");
/** How often, and how long after, libpcsclite tries again where another client has the card. */
const tries = 100;
const tryAgainMs = 100;

/**
 * A program that speaks to the service over a byte pipe, with our own client's session: what libpcsclite does, the
 * trying again included. Its calls to the manager are made by the service, and judged there.
 */
export class WireClient implements SimulatedClient {
  readonly #setting: WireSetting;
  #life = 1;
  #wire: Wire | undefined;
  #context: number | undefined;
  /** Transactions that it was told have begun, less those that it was told have ended. */
  #begins = 0;
  /** Questions that are not answered. */
  #asking = 0;
  #cards: ({ readonly card: number; readonly protocol: number } | undefined)[] = [];

  constructor(setting: WireSetting) {
    this.#setting = setting;
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

  async leave(): Promise<void> {
    this.#die();
  }

  async finish(): Promise<void> {
    const { session, cut } = this.#begin();
    await session.open();
    const { context } = must(await session.establish(2), "establish");
    for (const reader of this.#setting.surroundings.readerNames()) {
      const terms = { context, reader, shareMode: 2, preferredProtocols: 3 };
      const { activeProtocol, card } = must(await session.connect(terms), "connect");
      must(await session.begin(card), "begin");
      const command = makeCommand("echo", this.#setting.surroundings.nextNumber());
      must(await session.transmit(card, activeProtocol, command), "transmit");
      must(await session.end(card, 0), "end");
      must(await session.disconnect(card, 0), "disconnect");
    }
    must(await session.release(context), "release");
    cut("done");
  }

  #die(): void {
    this.#wire?.cut("the program is gone");
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
        return undefined;
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
          reader: this.#setting.surroundings.readerName(event.reader),
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
        return this.#noted(
          "reconnect",
          this.#again(() => session.reconnect(terms)),
        );
      }
      case "disconnect":
        return this.#noted("disconnect", session.disconnect(card, dispositionNumber(event.disposition)));
      case "begin":
        return this.#noted(
          "begin",
          this.#again(() => session.begin(card)),
        );
      case "end":
        return this.#noted("end", session.end(card, dispositionNumber(event.disposition)));
      case "status":
        return this.#noted(
          "status",
          this.#again(() => session.status(card)),
        );
      case "transmit": {
        const command = makeCommand(event.what, this.#setting.surroundings.nextNumber());
        return this.#noted(
          "transmit",
          this.#again(() => session.transmit(card, event.wrong ? 4 : protocol, command)),
        );
      }
      case "control": {
        const input = makeCommand("echo", this.#setting.surroundings.nextNumber());
        return this.#noted(
          "control",
          this.#again(() => session.control(card, 0x4200_0000 + 3400, input)),
        );
      }
      case "attribute":
        return this.#noted("attribute", session.getAttrib(card, 0x0009_0303));
      default:
        return undefined;
    }
  }

  async #establish(): Promise<void> {
    if (this.#context !== undefined) return;
    const wire = this.#wire ?? this.#begin();
    this.#wire = wire;
    if (wire.session.version === undefined) await wire.session.open(newestVersion);
    const { context, rv } = await this.#noted("establish", wire.session.establish(2));
    if (rv === 0 && this.#wire === wire) this.#context = context;
  }

  async #watch({ session }: Wire): Promise<void> {
    const { over } = await session.waitForChange();
    const { rv } = await over;
    this.#setting.reached(`wire wait ${rv === 0 ? "change" : "ended"}`);
  }

  /** The library cancels over a connection of its own. */
  async #cancel(context: number): Promise<void> {
    const side = this.#begin();
    await this.#noted("cancel", side.session.cancel(context));
    side.cut("cancelled");
  }

  /** Tries until the card is free, as the library does. */
  async #again<T extends { readonly rv: number }>(ask: () => Promise<T>): Promise<T> {
    // Not every program is libpcsclite: some do not come back for the turn that is kept for them.
    const isImpatient = this.#setting.dice.chance(40);
    for (let left = isImpatient ? 0 : tries; ; left--) {
      const answer = await ask();
      if (answer.rv !== sharingViolation || left === 0) return answer;
      this.#setting.reached("wire try again");
      await new Promise<void>((resolve) => this.#setting.runtime.clock.schedule(tryAgainMs, "try again", resolve));
    }
  }

  async #noted<T extends { readonly rv: number }>(operation: string, answer: Promise<T>): Promise<T> {
    const wire = this.#wire;
    this.#asking++;
    const answered = await answer.finally(() => this.#asking--);
    if (answered.rv === 0 && wire === this.#wire) {
      if (operation === "begin") this.#begins++;
      if (operation === "end") this.#begins--;
    }
    this.#setting.reached(`wire ${operation} ${answered.rv === 0 ? "done" : "refused"}`);
    return answered;
  }

  /** Opens a connection to the service that runs now. */
  #begin(): Wire {
    const { dice, pipe, runtime, seat, server, surroundings } = this.#setting;
    const { clock } = runtime;
    const identity = { name: `${seat}${this.#life++}`, pid: surroundings.nextPid() };
    let over = false;
    const end = (): void => {
      over = true;
      toServer.cut();
      toClient.cut();
    };
    const toClient = new Pipe(clock, dice, pipe, (bytes) => session.received(bytes));
    const toServer = new Pipe(clock, dice, pipe, (bytes) => serverSession.received(bytes));
    const session = new ClientSession({
      send: (bytes) => toServer.write(bytes),
      ended: (error) => surroundings.moment().violated(`the service is out of step with ${seat}: ${error.message}`),
    });
    const serverSession = server().accept({
      identity,
      admitted: true,
      mayUse: () => true,
      send: (bytes) => toClient.write(bytes),
      close: (reason) => {
        if (over) return;
        end();
        session.closed(reason);
      },
      pause: () => toServer.stall(true),
      resume: () => toServer.stall(false),
    });
    const cut = (reason: string): void => {
      if (over) return;
      end();
      session.closed(reason);
      serverSession.closed();
    };
    return { name: identity.name, session, toClient, cut };
  }

  #failed(error: unknown): void {
    if (!(error instanceof SmartCardError))
      this.#setting.surroundings.moment().violated(`a wire client broke: ${String(error)}`);
  }
}

function must<T extends { readonly rv: number }>(answer: T, what: string): T {
  if (answer.rv !== 0) throw new Error(`${what} was refused with 0x${(answer.rv >>> 0).toString(16)}`);
  return answer;
}

function mask(protocols: readonly Protocol[]): number {
  return protocols.length === 0 ? 0 : protocolMask(protocols, "pcsclite");
}

/** The number of a term; one that means nothing for a term that the wire has no number for. */
function wireNumber<K extends string>(table: Parameters<typeof toNumber<K>>[0], term: K): number {
  return toNumber(table, term, "pcsclite") ?? 99;
}

/** What means nothing is sent as a number that means nothing. */
function dispositionNumber(disposition: keyof typeof dispositions): number {
  return Object.hasOwn(dispositions, disposition) ? wireNumber(dispositions, disposition) : 99;
}
