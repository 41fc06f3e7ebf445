// SPDX-License-Identifier: MIT

import type { FuzzTarget } from "./target.ts";
import { applicationCardTargets } from "./targets/application-card.ts";
import { bridgeTargets } from "./targets/bridge.ts";
import { databaseTargets } from "./targets/database.ts";
import { documentTargets } from "./targets/documents.ts";
import { driverTargets } from "./targets/drivers.ts";
import { farmTargets } from "./targets/farm.ts";
import { gidsTargets } from "./targets/gids.ts";
import { hostileCard } from "./targets/hostile-card.ts";
import { hostileReader, vpcdPeer } from "./targets/hostile-reader.ts";
import { iso7816Targets } from "./targets/iso7816.ts";
import { keyTargets } from "./targets/keys.ts";
import { observeTargets } from "./targets/observe.ts";
import { pcscTargets } from "./targets/pcsc.ts";
import { pcscdServer } from "./targets/pcscd-server.ts";
import { recordingTargets } from "./targets/recordings.ts";
import { softwareCardTargets } from "./targets/software-card.ts";
import { agentTargets } from "./targets/ssh-agent.ts";
import { streamTargets } from "./targets/streams.ts";
import { tlvTargets } from "./targets/tlv.ts";
import { transmissionTargets } from "./targets/transmission.ts";
import { usbReaderTargets } from "./targets/usb-readers.ts";

/** Everything that is fuzzed in this process. The daemon's sockets are in `sockets.ts`. */
export const targets: readonly FuzzTarget[] = [
  ...iso7816Targets,
  ...tlvTargets,
  ...pcscTargets,
  ...streamTargets,
  ...agentTargets,
  ...bridgeTargets,
  ...farmTargets,
  ...documentTargets,
  ...databaseTargets,
  ...recordingTargets,
  ...observeTargets,
  ...softwareCardTargets,
  ...gidsTargets,
  ...applicationCardTargets,
  ...keyTargets,
  ...usbReaderTargets,
  ...transmissionTargets,
  ...driverTargets,
  pcscdServer,
  vpcdPeer,
  hostileCard,
  hostileReader,
];
