// SPDX-License-Identifier: MIT

import type { OptionalShape, Shape, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { byTag, byType, list, object, withMember } from "../../base/json/index.ts";
import { ONLY_USERS } from "../../entry/vpcd-listener.ts";
import { defaultServerLimits, MAX_FIXED_READERS } from "../../faces/pcsclite-server/index.ts";
import { defaultLimits, type Profile, profiles } from "../../managers/embedded/index.ts";
import { READER_CONF_FOLDER } from "../../platform/node/ifd/index.ts";
import { DEFAULT_AWAKE_US } from "../../platform/node/runtime/index.ts";
import { findGroup, findUser } from "../../platform/node/unix/index.ts";
import { LONGEST_READER_NAME, MAX_TIMER_MS, readerNameProblem } from "../../port/index.ts";
import { DEFAULT_VPCD_PORT, MAX_SLOTS } from "../../readers/vpcd/index.ts";
import { socketPathProblem } from "../../wire/pcsclite/index.ts";
import { checkReaders } from "./check-readers.ts";
import { logLevels } from "./log.ts";
import { policyShape } from "./observe-shape.ts";

const MAX_READERS = 1024;
const MAX_RULES = 1024;
const MAX_TEXT = 4096;
const MAX_NUMBER = 2 ** 31 - 1;
/** The largest 32-bit number means no account. */
const MAX_ACCOUNT = 2 ** 32 - 2;

const absolutePath = is
  .text(MAX_TEXT)
  .check((path, place) => {
    if (!path.startsWith("/")) place.problem("should be an absolute path, one that begins with /");
  })
  .keywords({ pattern: "^/" });

const socketPath = absolutePath.check((path, place) => {
  const problem = socketPathProblem(path, process.platform);
  if (problem !== undefined) place.problem(problem);
});

/** A user or a group: its number, or its name. */
function account(what: "user" | "group", find: (name: string) => number | undefined): Shape<number, number | string> {
  const number = is.whole(0, MAX_ACCOUNT);
  const message = `is no ${what} in this machine's own list: write the number, or make the ${what} first`;
  return byType(number.expected, {
    number,
    string: is.text(256).as((name, place) => find(name) ?? place.problem(message)),
  });
}

const user = account("user", findUser).about("Effective user of the program, by name or number.").optional();
const groupAccount = account("group", findGroup);

/** Permissions and group of a socket. */
const socketRights = {
  mode: is
    .textLike(/^0?[0-7]{3}$/, 'permissions in octal digits, as text: "0666" or "0660"')
    .as((digits) => Number.parseInt(digits, 8))
    .about("Permissions of the socket, in octal digits.")
    .optional(),
  group: groupAccount.about("The group that the socket belongs to, by name or number.").optional(),
};

const effect = is.words("allow", "deny");

const peerRule = {
  effect,
  uid: user,
  gid: groupAccount.about("One of the program's groups, by name or number.").optional(),
  program: is.text(MAX_TEXT, "Glob on its executable: the path, or the last part.").optional(),
};

const BY_TCP = `cannot be met by TCP: ${ONLY_USERS}`;
const rulesByTcp = list(object({ effect, uid: user }, { misplaced: { gid: BY_TCP, program: BY_TCP } }), MAX_RULES);
const rules = list(object(peerRule), MAX_RULES);
const CARD_ACCESS = "Who may be the card. The first rule that matches counts.";

const readerName = is
  .textLike(/^[\s\S]{1,4096}$/, is.text(LONGEST_READER_NAME).expected)
  .check((name, place) => {
    const problem = readerNameProblem(name);
    if (problem !== undefined) place.problem(problem);
  })
  .keywords({ maxLength: LONGEST_READER_NAME });

const virtualReader = object({
  type: is.words("virtual").about("A reader for software cards."),
  name: readerName.about("Its name.").optional(),
  card: is
    .text(
      MAX_TEXT,
      "Its card: demo, piv, openpgp, gids, yubikey or filesystem for a new one, or the path of its description.",
    )
    .optional(),
});

const ofVpcdReader = {
  type: is.words("vpcd").about("A reader that cards of the vsmartcard project connect to."),
  name: readerName.about("The name of its first slot.").optional(),
  slots: is.whole(1, MAX_SLOTS, "How many cards can connect.").optional(1),
};

const HAS_PATH = 'stands beside "path": give the path of a Unix socket, or host and port';
const unixReader = object(
  {
    ...ofVpcdReader,
    path: absolutePath.about("The Unix socket that it listens on, in the place of host and port."),
    ...socketRights,
    access: rules.about(CARD_ACCESS).optional(),
  },
  { misplaced: { host: HAS_PATH, port: HAS_PATH } },
).check(({ path, slots = 1 }, place) => {
  const suffix = slots === 1 ? "" : `.${slots - 1}`;
  const problem = path === undefined ? undefined : socketPathProblem(path + suffix, process.platform);
  if (problem !== undefined) place.at("path").problem(problem);
});

const NEEDS_PATH = 'is that of a Unix socket: give its "path", or leave it out';
const tcpReader = object(
  {
    ...ofVpcdReader,
    host: is.text(255, "The address that it listens on.").optional("127.0.0.1"),
    port: is.whole(1, 65_535, "Its TCP port; each further slot has the next one.").optional(DEFAULT_VPCD_PORT),
    access: rulesByTcp.about(CARD_ACCESS).optional(),
  },
  { misplaced: { mode: NEEDS_PATH, group: NEEDS_PATH } },
).check(({ port = 1, slots = 1 }, place) => {
  if (port + slots > 65_536) place.at("port").problem(`should be a whole number from 1 to ${65_536 - slots}`);
});

const usbReader = object({
  type: is.words("usb").about("USB readers; without further members all of them."),
  device: is
    .textLike(/^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}$/, 'vendor and product, four hexadecimal digits each: "072f:2200"')
    .about("Only those of a vendor and product.")
    .optional(),
  serial: is.text(255, "Only the one with this serial number.").optional(),
  port: is
    .textLike(/^[0-9]+-[0-9]+(\.[0-9]+)*$/, 'bus and ports as in sysfs: "1-2.4"')
    .about("Only the one that is plugged in here.")
    .optional(),
  interface: is.whole(0, 255, "Only the interface with this number, of devices with several.").optional(),
  allowEscape: is.truth
    .about("Whether programs may send commands to the reader's firmware, as with libccid's ifdDriverOptions 1.")
    .optional(),
  allowBogusFirmware: is.truth.about("Whether a reader is used whose firmware is known not to work.").optional(),
  name: readerName.about("Its name, in the place of the one that pcscd would give it.").optional(),
  driver: is
    .words("own", "pcsc-lite")
    .about("Who drives them: scard itself, or the driver that is installed for pcscd. Default: own.")
    .optional(),
});

const ifdReader = object({
  type: is.words("ifd").about("A reader whose driver was written for pcsc-lite."),
  driver: absolutePath.about("The driver: a library, or a bundle."),
  device: is
    .text(1024, "What the driver is to open: a serial port, or what else it knows. DEVICENAME of reader.conf.")
    .optional(),
  channel: is.whole(0, 0xffff_ffff, "The same as a number, for drivers that know no names. CHANNELID.").optional(),
  name: readerName.about("Its name, before the numbers that pcscd adds. FRIENDLYNAME.").optional(),
});

const readerConf = object({
  type: is.words("reader.conf").about("The readers that pcscd has from its reader.conf.d."),
  path: absolutePath.about("The folder, or one file.").optional(READER_CONF_FOLDER),
});

const reader = byTag("type", {
  ifd: ifdReader,
  "reader.conf": readerConf,
  usb: usbReader,
  virtual: virtualReader,
  vpcd: withMember("path", unixReader, tcpReader),
});

/** A reader as the file describes it. */
export type ReaderEntry = ValueOf<typeof reader>;
export type IfdEntry = ValueOf<typeof ifdReader>;
export type ReaderConfEntry = ValueOf<typeof readerConf>;
export type UsbEntry = ValueOf<typeof usbReader>;
export type VirtualEntry = ValueOf<typeof virtualReader>;
/** With the members of both kinds of sockets. */
export type VpcdEntry = ValueOf<typeof unixReader> & ValueOf<typeof tcpReader>;

const limitDefaults = {
  ...defaultLimits,
  ...defaultServerLimits,
  /** Bytes of answers that a client may leave unread; one that leaves more is disconnected. */
  unsentBytes: undefined,
  /**
   * How long the daemon polls for the next request before it sleeps, in microseconds; 0: not at all. It costs processor time
   * and saves clients the wake-up time of the processor.
   */
  awakeUs: DEFAULT_AWAKE_US,
};

type LimitName = keyof typeof limitDefaults;

/** Each limit belongs to one part of the daemon. */
const limits = Object.fromEntries(
  Object.entries(limitDefaults).map(([name, value]) => {
    const limit = is.whole(name === "awakeUs" ? 0 : 1, MAX_NUMBER);
    return [name, limit.keywords(value === undefined ? {} : { default: value }).optional()];
  }),
) as Readonly<Record<LimitName, OptionalShape<number | undefined, number>>>;

/** A point of the profile can be set by itself, to the values that the profiles have between them. */
function pointShape(point: ProfilePoint): Shape<boolean | number | string | null> {
  const values = [profiles.pcsclite[point], profiles.windows[point]];
  if (values.some((value) => typeof value === "boolean")) return is.truth;
  const known = values.filter((value) => typeof value === "string");
  if (known.length > 0) return is.words(...new Set(known));
  return is.whole(1, MAX_TIMER_MS).orNull().about("Milliseconds, or null for never.");
}

type ProfilePoint = Exclude<keyof Profile, "name">;
const { name: _, ...points } = profiles.pcsclite;
const semantics = (Object.keys(points) as ProfilePoint[]).map(
  (point) => [point, pointShape(point).optional()] as const,
);

const tableSize = is.whole(1, MAX_FIXED_READERS);

/** The configuration file of the daemon. */
export const daemonConfig = object({
  ...is.schemaMember,
  readers: list(reader, MAX_READERS).check(checkReaders).about("The readers of the daemon.").optional([]),
  profile: is.words("pcsclite", "windows").about("The manager's behaviour. Default: pcsclite.").optional(),
  semantics: object(Object.fromEntries(semantics))
    .about("Single points of the profile: docs/interop/profiles.md.")
    .optional({}),
  limits: object(limits).about("What clients can make grow or last: docs/guide/daemon.md.").optional({}),
  maxReadersContexts: byType(tableSize.expected, {
    number: tableSize,
    object: object({ "4:4": tableSize.optional(), "4:5": tableSize.optional() }),
  })
    .about("Entries of the reader table that clients of protocol 4:4 and 4:5 were compiled for. Default: 16.")
    .optional(),
  socket: object({ path: socketPath.about("Where clients connect.").optional(), ...socketRights }).optional({}),
  control: object({ path: socketPath.about("Where scard who connects.").optional() }).optional({}),
  access: object({
    daemon: rules.about("Who may reach the daemon. The first rule that matches counts.").optional([]),
    readers: list(
      object({ ...peerRule, reader: is.text(MAX_TEXT, "Glob on the name of the reader.").optional() }),
      MAX_RULES,
    )
      .about("Who may use which reader. The first rule that matches counts.")
      .optional([]),
  }).optional({ daemon: [], readers: [] }),
  metrics: object({
    port: is.whole(0, 65_535, "Where scrapers ask, on 127.0.0.1; 0: any free port.").optional(),
    socket: socketPath.about("The Unix socket on which scrapers ask, in the place of a port.").optional(),
  })
    .check(({ port, socket }, place) => {
      if (port !== undefined && socket !== undefined)
        place.at("socket").problem('stands beside "port": give one of them');
    })
    .about("Counts what programs do with cards: docs/guide/policy.md. Default: nothing is counted.")
    .optional(),
  audit: object({
    path: absolutePath.about("The file of the audit log."),
    maxBytes: is.whole(65_536, 2 ** 40, "A larger file is rotated away.").optional(),
    maxAgeDays: is.whole(1, 3650, "So is one whose first entry is older.").optional(),
    keep: is.whole(1, 100, "So many older files are kept.").optional(),
  })
    .about("Writes who used which card: docs/guide/policy.md. Default: nothing is written.")
    .optional(),
  policy: policyShape(user).about("Which commands reach the cards: docs/guide/policy.md. Default: all.").optional(),
  log: object({
    level: is
      .words(...logLevels)
      .about("How much is logged. Default: info.")
      .optional(),
  }).optional({}),
}).about("The configuration of scard daemon: docs/guide/daemon.md of scard.");
