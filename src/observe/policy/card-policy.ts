// SPDX-License-Identifier: MIT

import { checkWhole, encodeHex, hexBytes } from "../../base/binary/index.ts";
import { applicationProviders, instructionName, instructions } from "../../base/iso7816/index.ts";
import {
  type AccessRule,
  type ClientIdentity,
  type Clock,
  callback,
  decideAccess,
  having,
  optional,
  optionsOf,
  readerKey,
  SmartCardError,
} from "../../port/index.ts";
import type { CallPolicy, CommandAsked, ControlAsked, ObservedOutcome } from "../calls/index.ts";
import { CardView, startsWith } from "./card-view.ts";
import {
  type CommandView,
  comparesReferenceData,
  plainInstruction,
  viewOfCommand,
  viewOfControl,
} from "./command-view.ts";
import { type CommandRule, checkPolicyOptions, type PolicyOptions, peerRuleOf } from "./policy-options.ts";
import { readsOnly } from "./reading.ts";
import { VerificationRate } from "./verification-rate.ts";

/** A command that was refused: names and numbers, never its data. */
export interface Refusal {
  readonly client: ClientIdentity;
  readonly reader: string;
  /** Which rule: `lastTry`, `verifications`, `readOnly[0]`, `rules[2]`. */
  readonly rule: string;
  /** What was asked for: `VERIFY (20) of A000000308…`. */
  readonly command: string;
  readonly reason: string;
}

/** What a policy needs. */
export interface PolicyDeps {
  readonly clock: Pick<Clock, "now">;
  /** Is told of each refusal. */
  readonly refused?: (refusal: Refusal) => void;
  /** The path of a client's executable, for rules about programs; its name where this is left out. */
  readonly programOf?: (client: ClientIdentity) => string | undefined;
}

const policyDeps = optionsOf<PolicyDeps>({
  clock: having<Pick<Clock, "now">>(["now"], "a clock"),
  refused: optional(callback<NonNullable<PolicyDeps["refused"]>>("a function that is told what was refused")),
  programOf: optional(callback<NonNullable<PolicyDeps["programOf"]>>("a function that names a client's executable")),
});

/** So many readers are remembered. */
const MOST_READERS = 10_000;
/** The longest confirmation of a last try, in milliseconds: an hour. */
const LONGEST_CONFIRMATION_MS = 3_600_000;
/** CM_IOCTL_GET_FEATURE_REQUEST, on Windows and with pcsc-lite: asks the reader what it has. PC/SC part 10. */
const featureRequests: ReadonlySet<number> = new Set([0x0031_3520, 0x4200_0d48]);

/** A rule, made ready. */
interface ReadyRule extends CommandRule {
  readonly peer: AccessRule;
  readonly aid: Uint8Array | undefined;
  readonly plain: ReadonlySet<number> | undefined;
}

type Answer = "yes" | "no" | "unknown";

/**
 * Refuses commands before they reach the card: a PIN with one try left, PINs that come too fast, what rules deny, and all that
 * does not read where a card is only to be read. The client gets `security-violation`; the reason names the rule. What cannot be
 * read, such as secure messaging, a malformed command or one inside of another, counts against the client.
 *
 * @example
 * const policy = new CardPolicy({ lastTry: "confirm" }, { clock: runtime.clock });
 * const observer = new Observer({ runtime, policy });
 * observer.listenToOutcomes((event) => policy.observed(event));
 */
export class CardPolicy implements CallPolicy {
  readonly #deps: PolicyDeps;
  readonly #rate: VerificationRate;
  #options: PolicyOptions = {};
  #rules: readonly ReadyRule[] = [];
  readonly #cards = new Map<string, CardView>();
  /** By reader: until when one last try is allowed. */
  readonly #confirmed = new Map<string, number>();
  /** The connections to each reader. */
  readonly #connections = new Map<string, Map<number, number>>();

  /** @throws TypeError, RangeError (an option that is not as described) */
  constructor(options: PolicyOptions, deps: PolicyDeps) {
    this.#deps = policyDeps(deps, { operation: "CardPolicy", path: "deps" });
    this.#rate = new VerificationRate(deps.clock);
    this.configure(options);
  }

  /** Takes other options; what is known of cards and clients stays. @throws as the constructor */
  configure(options: PolicyOptions): void {
    checkPolicyOptions(options);
    this.#options = options;
    this.#rules = (options.rules ?? []).map((rule) => ({
      ...rule,
      peer: peerRuleOf(rule),
      aid: rule.application === undefined ? undefined : hexBytes(rule.application),
      plain: rule.instructions && new Set(rule.instructions.map(plainInstruction)),
    }));
  }

  /**
   * Allows one command in a reader to use the last try of a PIN.
   *
   * @param reader its name, without regard to case
   * @param forMs how long that is allowed, 1 to 3,600,000 milliseconds
   * @throws TypeError, RangeError
   */
  allowLastTry(reader: string, forMs: number): void {
    checkWhole(forMs, 1, LONGEST_CONFIRMATION_MS, "allowLastTry: forMs");
    if (this.#confirmed.size >= MOST_READERS) this.#confirmed.clear();
    this.#confirmed.set(readerKey(reader), this.#deps.clock.now() + forMs);
  }

  /** How many tries are left of the PIN that has the fewest, as far as the card has told. Undefined where it has not. */
  fewestTries(reader: string): number | undefined {
    return this.#cards.get(readerKey(reader))?.fewest();
  }

  before({ client, command, reader }: CommandAsked): SmartCardError | undefined {
    return this.#judge(client, reader, viewOfCommand(command));
  }

  after({ command, reader, response }: CommandAsked & { readonly response: Uint8Array | undefined }): void {
    this.#card(reader).after(viewOfCommand(command), response);
  }

  beforeControl({ client, code, input, reader }: ControlAsked): SmartCardError | undefined {
    if (featureRequests.has(code >>> 0) && input.length === 0) return undefined;
    return this.#judge(client, reader, viewOfControl(input));
  }

  afterControl({ input, output, reader }: ControlAsked & { readonly output: Uint8Array | undefined }): void {
    this.#card(reader).afterControl(viewOfControl(input), output);
  }

  /** Takes what an observer tells: resets end what was selected, and another card has counters of its own. */
  observed(event: ObservedOutcome): void {
    if (event.kind === "card") {
      const key = readerKey(event.reader);
      if (event.change === "reset" || event.change === "unpowered") this.#cards.get(key)?.unselect();
      else if (event.change !== "reader-added") this.#forget(key);
      return;
    }
    const { connection, context, disposition, operation, outcome, reader } = event;
    if (operation === "release-context") {
      for (const [key, connections] of this.#connections) {
        for (const [number, owner] of connections) if (owner === context) connections.delete(number);
        if (connections.size === 0) this.#connections.delete(key);
      }
    }
    if (reader === undefined) return;
    const key = readerKey(reader);
    if (disposition !== undefined && disposition !== "leave") this.#cards.get(key)?.unselect();
    if (connection === undefined) return;
    const connections = this.#connections.get(key) ?? new Map<number, number>();
    if (operation === "connect" && outcome === "success") {
      // The card may have been without power while no program had it.
      if (connections.size === 0) this.#cards.get(key)?.unselect();
      connections.set(connection, context);
      this.#connections.set(key, connections);
    } else if (operation === "disconnect" && connections.delete(connection) && connections.size === 0) {
      this.#connections.delete(key);
    }
  }

  #forget(key: string): void {
    this.#cards.delete(key);
    this.#confirmed.delete(key);
  }

  #card(reader: string): CardView {
    const key = readerKey(reader);
    const known = this.#cards.get(key);
    if (known !== undefined) return known;
    // A hostile number of names: what is forgotten is not known, which allows less.
    if (this.#cards.size >= MOST_READERS) this.#cards.clear();
    const card = new CardView();
    this.#cards.set(key, card);
    return card;
  }

  #judge(client: ClientIdentity, reader: string, view: CommandView): SmartCardError | undefined {
    const card = this.#card(reader);
    const asked = { client, reader, view, card };
    return this.#readOnly(asked) ?? this.#byRules(asked) ?? this.#lastTry(asked) ?? this.#tooFast(asked);
  }

  #readOnly(asked: Asked): SmartCardError | undefined {
    const { readOnly = [] } = this.#options;
    const found = readOnly.findIndex((glob) => isReader(glob, asked.reader));
    if (found < 0) return undefined;
    const yubico = asked.card
      .applicationsOf(asked.view)
      .some((one) => startsWith(one, hexBytes(applicationProviders.yubico)));
    if (readsOnly(asked.view, yubico)) return undefined;
    return this.#refuse(asked, `readOnly[${found}]`, "the reader is only to be read");
  }

  #byRules(asked: Asked): SmartCardError | undefined {
    const { client, reader } = asked;
    const { programOf } = this.#deps;
    const subject = {
      credentials: client.uid === undefined ? undefined : { uid: client.uid },
      get program() {
        const path = programOf === undefined ? client.name : programOf(client);
        return { name: client.name, path };
      },
    };
    for (const [at, rule] of this.#rules.entries()) {
      if (decideAccess([rule.peer], subject, reader).rule !== 0) continue;
      const answers = [applicationAnswer(rule, asked), instructionAnswer(rule, asked.view)];
      if (answers.includes("no") || (rule.effect === "allow" && answers.includes("unknown"))) continue;
      if (rule.effect === "allow") return undefined;
      const why = answers.includes("unknown") ? `, as ${asked.view.unreadable ?? "the application is not known"}` : "";
      return this.#refuse(asked, `rules[${at}]`, `a rule denies it${why}`);
    }
    return undefined;
  }

  #lastTry(asked: Asked): SmartCardError | undefined {
    if (this.#options.lastTry !== "confirm") return undefined;
    const { card, reader, view } = asked;
    const isHidden = view.unreadable !== undefined && !view.unreadable.includes("secure messaging");
    const left = isHidden ? card.fewest() : couldCompare(view) ? card.triesLeft(view) : undefined;
    if (left !== 1) return undefined;
    const key = readerKey(reader);
    const until = this.#confirmed.get(key);
    if (until !== undefined && this.#deps.clock.now() < until) {
      if (!view.chained) this.#confirmed.delete(key);
      return undefined;
    }
    const remedy = `if it is right, run: scard allow-last-try ${JSON.stringify(reader)}`;
    return this.#refuse(asked, "lastTry", `it could use the last try before the card is blocked; ${remedy}`, 1);
  }

  #tooFast(asked: Asked): SmartCardError | undefined {
    const { verifications } = this.#options;
    if (verifications === undefined || !mayCompare(asked.view)) return undefined;
    if (this.#rate.take(asked.client, verifications)) return undefined;
    const { count, windowMs } = verifications;
    return this.#refuse(
      asked,
      "verifications",
      `a program may have PINs compared ${count} times in ${windowMs / 1000} s`,
    );
  }

  #refuse(asked: Asked, rule: string, reason: string, triesLeft?: number): SmartCardError {
    const { client, reader, view } = asked;
    const command = commandText(asked);
    this.#deps.refused?.({ client, reader, rule, command, reason });
    const details = { reader, operation: view.command === undefined ? "control" : "transmit" };
    return new SmartCardError("security-violation", `policy.${rule} refuses ${command}: ${reason}`, {
      ...details,
      ...(triesLeft !== undefined && { triesLeft }),
    });
  }
}

interface Asked {
  readonly client: ClientIdentity;
  readonly reader: string;
  readonly view: CommandView;
  readonly card: CardView;
}

function isReader(glob: string, reader: string): boolean {
  return !decideAccess([{ effect: "deny", reader: glob }], { credentials: undefined, program: undefined }, reader)
    .allowed;
}

/** Whether a command compares a PIN and is not only a question for the tries. */
function couldCompare({ carriesReferenceData, instruction, unreadable }: CommandView): boolean {
  return carriesReferenceData || (unreadable !== undefined && comparesReferenceData(instruction));
}

/** The same for the rate: also where a command is inside of another. */
function mayCompare(view: CommandView): boolean {
  if (couldCompare(view)) return true;
  const { command, instruction } = view;
  if (command === undefined || view.unreadable === undefined) return false;
  return instruction === instructions.ENVELOPE || command.cla === 0xff
    ? command.data.some((byte) => comparesReferenceData(plainInstruction(byte)))
    : false;
}

function applicationAnswer({ aid }: ReadyRule, { card, view }: Asked): Answer {
  if (aid === undefined) return "yes";
  const { command, instruction, unreadable } = view;
  if (command === undefined || unreadable !== undefined) return "unknown";
  const current = together(card.applicationsOf(view).map((application) => within(application, aid)));
  if (instruction !== instructions.SELECT) return current;
  // What is selected decides, whatever was selected before; a part of a name may be the beginning of another one.
  if (command.p1 === 0x04) return within(command.data, aid);
  return command.data.length >= 5 ? together([current, within(command.data, aid)]) : current;
}

/** Whether an application is one whose identifier begins as the rule says. */
function within(application: Uint8Array | undefined, aid: Uint8Array): Answer {
  if (application === undefined) return "unknown";
  if (startsWith(application, aid)) return "yes";
  return startsWith(aid, application) ? "unknown" : "no";
}

function together(answers: readonly Answer[]): Answer {
  const [first = "unknown"] = answers;
  return answers.every((answer) => answer === first) ? first : "unknown";
}

function instructionAnswer({ plain }: ReadyRule, { instruction, unreadable }: CommandView): Answer {
  if (plain === undefined) return "yes";
  if (instruction === undefined) return "unknown";
  if (plain.has(instruction)) return "yes";
  return unreadable === undefined ? "no" : "unknown";
}

/** Names a command: its instruction, and the application that it is for. */
function commandText({ card, view }: Asked): string {
  const { command, instruction } = view;
  if (command === undefined) return instruction === undefined ? "a control call" : "a malformed command";
  const byte = encodeHex(Uint8Array.of(command.ins));
  const name = instructionName(command.cla, command.ins) ?? instructionName(0, command.ins) ?? "the instruction";
  const [application] = card.applicationsOf(view);
  return application === undefined ? `${name} (${byte})` : `${name} (${byte}) of ${encodeHex(application)}`;
}
