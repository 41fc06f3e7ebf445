// SPDX-License-Identifier: MIT

import { apdu } from "./apdu.ts";
import { atr } from "./atr.ts";
import { audit } from "./audit.ts";
import { card } from "./card.ts";
import type { Command } from "./command.ts";
import { completionCommand } from "./completion.ts";
import { conformance } from "./conformance.ts";
import { daemon } from "./daemon.ts";
import { eject, insert, remove } from "./daemon-readers.ts";
import { demo } from "./demo.ts";
import { doctor } from "./doctor.ts";
import { groups } from "./groups.ts";
import { locate } from "./locate.ts";
import { openpgp } from "./openpgp.ts";
import { piv } from "./piv.ts";
import { readers } from "./readers.ts";
import { select } from "./select.ts";
import { sshAgent } from "./ssh-agent.ts";
import { types } from "./types.ts";
import { claim, release } from "./usb-claims.ts";
import { watch } from "./watch.ts";
import { who } from "./who.ts";

/** The commands of the program, in the order of the help. */
export const commands: readonly Command[] = [
  demo,
  readers,
  watch,
  apdu,
  atr,
  select,
  locate,
  types,
  groups,
  audit,
  card,
  piv,
  openpgp,
  sshAgent,
  daemon,
  who,
  insert,
  eject,
  remove,
  release,
  claim,
  doctor,
  conformance,
  completionCommand(() => commands),
];
