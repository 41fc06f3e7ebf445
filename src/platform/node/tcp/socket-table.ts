// SPDX-License-Identifier: MIT

import { hexWord } from "../../../base/binary/index.ts";
/** The two ends of a connection, as one of them sees it. */
export interface Ends {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** The kernel's tables of TCP sockets, by family. */
export type SocketTable = "tcp" | "tcp6";

/** How a socket is written in a table: its own end, a blank, the other end. */
export type SocketKey = string;

/** The state of a socket that is connected (include/net/tcp_states.h). All others belong to none, or not for long. */
const ESTABLISHED = "01";

/** The last number of 32 bits stands for no user. */
const MAX_UID = 2 ** 32 - 2;

/** Longer lines are not the kernel's: it pads them to 150. */
const MAX_LINE = 512;

/**
 * One line of /proc/net/tcp or tcp6: number, own end, other end, state, queues, timer, retransmissions, uid, timeouts, inode
 * (proc_pid_net(5)).
 */
const line =
  /^ *\d+: ([0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4}) ([0-9A-F]{2}) [0-9A-F]{8}:[0-9A-F]{8} [0-9A-F]{2}:[0-9A-F]{8,16} [0-9A-F]{8} +(\d{1,10}) +-?\d{1,11} (\d{1,20}) /;

/**
 * The keys under which the socket at the other end of a connection stands in the tables: an IPv4 connection may have been
 * made by a socket of either family.
 *
 * @param ends the connection as this end sees it
 * @param littleEndian the byte order of the machine: the kernel prints addresses as numbers of 32 bits in that order
 * @returns undefined for an invalid address
 */
export function keysOfPeer(ends: Ends, littleEndian: boolean): readonly (readonly [SocketTable, SocketKey])[] {
  const own = bytesOf(ends.remoteAddress);
  const other = bytesOf(ends.localAddress);
  if (own === undefined || other === undefined || own.length !== other.length) return [];
  const key = (one: readonly number[], two: readonly number[]): SocketKey =>
    `${inHex(one, littleEndian)}:${portInHex(ends.remotePort)} ${inHex(two, littleEndian)}:${portInHex(ends.localPort)}`;
  if (own.length === 16) return [["tcp6", key(own, other)]];
  return [
    ["tcp", key(own, other)],
    ["tcp6", key([...mapped, ...own], [...mapped, ...other])],
  ];
}

/** ::ffff:0:0/96, before the four bytes of an IPv4 address (RFC 4291, 2.5.5.2). */
const mapped: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Whether an address leads to this machine alone: 127.0.0.0/8, in IPv6 too, and ::1. */
export function isLoopback(address: string): boolean {
  const bytes = bytesOf(address);
  if (bytes === undefined) return false;
  return bytes.length === 4 ? bytes[0] === 127 : bytes.every((byte, at) => byte === (at === 15 ? 1 : 0));
}

/** The bytes of an address; those of IPv4 where it is one that is written as IPv6. */
function bytesOf(address: string): readonly number[] | undefined {
  const [plain = ""] = address.split("%");
  if (!plain.includes(":")) return bytesOf4(plain);
  // What is written with dots at the end is two groups.
  const [, head = plain, dotted] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain) ?? [];
  const tail = dotted === undefined ? [] : bytesOf4(dotted);
  if (tail === undefined) return undefined;
  const bytes = bytesOf6(head, tail);
  if (bytes === undefined) return undefined;
  return mapped.every((byte, at) => bytes[at] === byte) ? bytes.slice(12) : bytes;
}

function bytesOf4(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.map(Number);
}

/** @param tail the last four bytes, where they were written with dots; `head` ends with a colon then */
function bytesOf6(head: string, tail: readonly number[]): readonly number[] | undefined {
  const halves = (tail.length > 0 && !head.endsWith("::") ? head.slice(0, -1) : head).split("::");
  if (halves.length > 2) return undefined;
  const [before, after = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const groups = [...(before ?? []), ...after];
  const missing = 16 - tail.length - 2 * groups.length;
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  const bytes = (list: readonly string[]): number[] =>
    list.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
  return [...bytes(before ?? []), ...new Array<number>(missing).fill(0), ...bytes(after), ...tail];
}

/** Each four bytes as the number that they are to the machine. */
function inHex(bytes: readonly number[], littleEndian: boolean): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4);
    for (const byte of littleEndian ? word.reverse() : word) text += byte.toString(16).padStart(2, "0");
  }
  return text.toUpperCase();
}

function portInHex(port: number): string {
  return hexWord(port);
}

/**
 * Looks for sockets in the text of a table, which comes in pieces. Only a socket that is connected and belongs to a process
 * counts: the kernel writes user 0 for one that waits for its end (TIME_WAIT), and inode 0 for one that no process has.
 */
export class SocketTableScan {
  readonly #found = new Map<SocketKey, number | "several">();
  readonly #wanted: ReadonlySet<SocketKey>;
  #rest = "";
  /** Whether what is left of a line that is too long is being passed over. */
  #skipping = false;

  constructor(wanted: ReadonlySet<SocketKey>) {
    this.#wanted = wanted;
  }

  /** Reads on. A line that is cut goes on in the next piece; one that never ends does not count. */
  read(piece: string): void {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const text of lines) {
      if (this.#skipping) this.#skipping = false;
      else this.#look(text);
    }
    if (this.#rest.length > MAX_LINE) {
      this.#rest = "";
      this.#skipping = true;
    }
  }

  /** The effective user who made a socket; undefined where it was not seen, or the table contradicts itself. */
  userOf(key: SocketKey): number | undefined {
    const found = this.#found.get(key);
    return found === "several" ? undefined : found;
  }

  #look(text: string): void {
    const start = text.indexOf(": ") + 2;
    // The other end comes second: the key ends at the second blank.
    const end = text.indexOf(" ", text.indexOf(" ", start) + 1);
    if (start < 2 || text.length > MAX_LINE || !this.#wanted.has(text.slice(start, end))) return;
    const [, key = "", state, user, inode = ""] = line.exec(text) ?? [];
    const uid = Number(user);
    if (state !== ESTABLISHED || /^0*$/.test(inode) || uid > MAX_UID) return;
    const before = this.#found.get(key);
    this.#found.set(key, before === undefined || before === uid ? uid : "several");
  }
}
