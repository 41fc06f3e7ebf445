// SPDX-License-Identifier: MIT

import { foldName } from "./names.ts";

/** One rule about programs at the other end of a socket. All that it asks for must be so; one that asks for nothing is about all of them. */
export interface PeerRule {
  readonly effect: "allow" | "deny";
  /** Effective user, by number. */
  readonly uid?: number;
  /** One of the program's groups, by number. */
  readonly gid?: number;
  /** Glob on the path of the executable; without a slash, on its last part. `*` stands for any characters, `?` for one. */
  readonly program?: string;
}

/** One rule about clients of a service. */
export interface AccessRule extends PeerRule {
  /** Glob on the name of the reader. Rules for reaching the service have none. */
  readonly reader?: string;
}

/** Who asks, as far as it is known. Only what rules ask for is read, so that members may be getters that look it up. */
export interface AccessSubject {
  /** Undefined where the system does not tell. */
  readonly credentials:
    | {
        readonly uid: number;
        readonly gid?: number;
        /** All groups; undefined where only the user is known. */
        readonly groups?: readonly number[] | undefined;
        readonly pid?: number | undefined;
      }
    | undefined;
  readonly program: { readonly name: string; readonly path: string | undefined } | undefined;
}

/** What the rules say, and which of them: its place in the list, undefined where none matched. */
export interface AccessDecision {
  readonly allowed: boolean;
  readonly rule: number | undefined;
}

/**
 * Applies a list of rules; what no rule is about is allowed, as pcscd without polkit allows it. What is not known of a
 * client counts against it: a rule that allows does not match then, and one that denies does.
 */
export function decideAccess(rules: readonly AccessRule[], subject: AccessSubject, reader?: string): AccessDecision {
  for (const [index, rule] of rules.entries()) {
    const answers = conditionsOf(rule, subject, reader);
    if (answers.includes("no") || (rule.effect === "allow" && answers.includes("unknown"))) continue;
    return { allowed: rule.effect === "allow", rule: index };
  }
  return { allowed: true, rule: undefined };
}

/** Whether rules need to know who clients are. */
export function asksForCredentials(rule: AccessRule): boolean {
  return rule.uid !== undefined || rule.gid !== undefined || rule.program !== undefined;
}

type Answer = "yes" | "no" | "unknown";

function conditionsOf(rule: AccessRule, subject: AccessSubject, reader: string | undefined): Answer[] {
  const { gid, uid } = rule;
  const answers: Answer[] = [];
  if (uid !== undefined) answers.push(answer(subject.credentials, (known) => known.uid === uid));
  if (gid !== undefined) answers.push(answer(subject.credentials?.groups, (known) => known.includes(gid)));
  if (rule.program !== undefined) answers.push(programMatches(rule.program, subject.program?.path));
  if (rule.reader !== undefined) {
    // Readers are asked for without regard to case, so the rules must not have any either.
    answers.push(answer(reader, (name) => matchesGlob(foldName(rule.reader ?? ""), foldName(name))));
  }
  return answers;
}

function answer<T>(known: T | undefined, matches: (known: T) => boolean): Answer {
  if (known === undefined) return "unknown";
  return matches(known) ? "yes" : "no";
}

function programMatches(glob: string, path: string | undefined): Answer {
  return answer(path, (known) =>
    matchesGlob(glob, glob.includes("/") ? known : known.slice(known.lastIndexOf("/") + 1)),
  );
}

/** Whether text fits a pattern in which `*` stands for any characters and `?` for one. */
export function matchesGlob(glob: string, text: string): boolean {
  let at = 0;
  let globAt = 0;
  let afterStar = -1;
  let starTook = 0;
  while (at < text.length) {
    if (glob[globAt] === "*") {
      afterStar = ++globAt;
      starTook = at;
    } else if (glob[globAt] === text[at] || glob[globAt] === "?") {
      globAt++;
      at++;
    } else if (afterStar < 0) {
      return false;
    } else {
      // The last star takes one character more; earlier ones need never be looked at again.
      globAt = afterStar;
      at = ++starTook;
    }
  }
  while (glob[globAt] === "*") globAt++;
  return globAt === glob.length;
}
