// SPDX-License-Identifier: MIT

// The dictionaries and enumerations that operations take, as Web IDL converts them. Members of ours are in dictionaries of ours.

import type {
  ExtendedSmartCardConnectOptions,
  ExtendedSmartCardTransactionOptions,
  ExtendedSmartCardTransmitOptions,
  SmartCardReconnectOptions,
  SmartCardSendOptions,
  SmartCardWaitOptions,
} from "./extensions.ts";
import type {
  SmartCardAccessMode,
  SmartCardDisposition,
  SmartCardGetStatusChangeOptions,
  SmartCardProtocol,
  SmartCardReaderStateFlagsIn,
  SmartCardReaderStateIn,
} from "./idl.ts";
import { abortSignal } from "./waits.ts";
import { boolean, dictionary, domString, double, enumeration, sequence, unsignedLong } from "./web-idl.ts";

export const accessMode = enumeration<SmartCardAccessMode>(["shared", "exclusive", "direct"]);
export const disposition = enumeration<SmartCardDisposition>(["leave", "reset", "unpower", "eject"]);
const protocol = enumeration<SmartCardProtocol>(["raw", "t0", "t1"]);

const flag = { convert: boolean, fallback: false };
const stateFlagsIn = dictionary<SmartCardReaderStateFlagsIn>({
  unaware: flag,
  ignore: flag,
  unavailable: flag,
  empty: flag,
  present: flag,
  exclusive: flag,
  inuse: flag,
  mute: flag,
  unpowered: flag,
});
export const readerStatesIn = sequence(
  dictionary<SmartCardReaderStateIn>({
    readerName: { convert: domString, isRequired: true },
    currentState: { convert: stateFlagsIn, isRequired: true },
    currentCount: { convert: unsignedLong },
  }),
);

const wait = { timeout: { convert: double }, signal: { convert: abortSignal } };
const preferredProtocols = { convert: sequence(protocol) };

export const getStatusChangeOptions = dictionary<SmartCardGetStatusChangeOptions>(wait);
export const waitOptions = dictionary<SmartCardWaitOptions>(wait);
export const connectOptions = dictionary<ExtendedSmartCardConnectOptions>({ preferredProtocols, ...wait });
export const transmitOptions = dictionary<ExtendedSmartCardTransmitOptions>({
  protocol: { convert: protocol },
  ...wait,
});
export const transactionOptions = dictionary<ExtendedSmartCardTransactionOptions>(wait);
export const watchOptions = dictionary<{ signal?: AbortSignal }>({ signal: wait.signal });
export const sendOptions = dictionary<SmartCardSendOptions>({
  longData: { convert: enumeration<"extended" | "envelope" | "chaining">(["extended", "envelope", "chaining"]) },
  ...wait,
});
export const reconnectOptions = dictionary<SmartCardReconnectOptions>({
  accessMode: { convert: accessMode },
  initialization: { convert: enumeration<"leave" | "reset" | "unpower">(["leave", "reset", "unpower"]) },
  preferredProtocols,
  ...wait,
});
