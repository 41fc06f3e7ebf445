// SPDX-License-Identifier: MIT

/**
 * `scard/providers`: the service providers, ISCard* and IByteBuffer, over the WinSCard API of this machine.
 *
 *     const factory = defaultFactory();
 *     await using manage = await factory.manageCardIn("Front Desk");
 *
 * For another resource manager construct a {@link ClassFactory} over a `WinSCard` of your own.
 */

import {
  CLSID_Iso7816Provider,
  ClassFactory,
  type ClassFactoryOptions,
  iso7816Provider,
} from "../faces/providers/index.ts";
import { withDefaults } from "../port/index.ts";
import * as winscard from "./winscard.ts";

export type { BaseClasses, BaseClassId, InstanceOf, RegionLock } from "../faces/providers/index.ts";
export {
  type ByteSource,
  type CardInterfaces,
  CardLink,
  CByteBuffer,
  CLSID_Iso7816Provider,
  ClassFactory,
  type ClassFactoryOptions,
  ComError,
  CSCard,
  CSCardCmd,
  CSCardDatabase,
  CSCardISO7816,
  CSCardLocate,
  CSCardManage,
  CSCardTypeConv,
  clsids,
  FILETYPE,
  type Guid,
  type HresultName,
  type HSCARD_FILE,
  hresults,
  type IByteBuffer,
  type ISCard,
  type ISCardAuth,
  type ISCardCmd,
  type ISCardDatabase,
  type ISCardFileAccess,
  type ISCardISO7816,
  type ISCardLocate,
  type ISCardManage,
  type ISCardTypeConv,
  type ISCardVerify,
  ISO_ALGORITHM,
  ISO_APDU_TYPE,
  type Iso7816Interfaces,
  type Iso7816ProviderOptions,
  iids,
  iso7816Interfaces,
  iso7816Provider,
  type LinkStatus,
  LOCKTYPE,
  MAX_BUFFER_BYTES,
  MemoryStream,
  makeIso7816Provider,
  type OtherInterface,
  REFTYPE,
  SC_DLG,
  SCARD_DISPOSITIONS,
  SCARD_FLAGS,
  SCARD_PROTOCOLS,
  SCARD_SHARE_MODES,
  SCARD_STATES,
  type SCARDINFO,
  SEEKTYPE,
  type ServiceProvider,
  STATFLAG,
  STGC,
  STREAM_SEEK,
  type StatStruct,
  type TLV,
  type TLV_TABLE,
  type WinSCardFunctions,
} from "../faces/providers/index.ts";

/**
 * Makes a class factory over the functions of `scard/winscard`, so that handles are the same in both, with the provider of
 * cards of ISO/IEC 7816-4 registered. Which card types it is for the smart card database says.
 */
export function defaultFactory(options: Pick<ClassFactoryOptions, "picker"> = {}): ClassFactory {
  const all = withDefaults<ClassFactoryOptions>(
    options,
    { winscard },
    { operation: "defaultFactory", path: "options" },
  );
  const factory = new ClassFactory(all);
  factory.register(CLSID_Iso7816Provider, iso7816Provider);
  return factory;
}
