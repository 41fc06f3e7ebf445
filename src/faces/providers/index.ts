// SPDX-License-Identifier: MIT

export { type ByteSource, CByteBuffer, type IByteBuffer, type StatStruct } from "./byte-buffer.ts";
export { CSCard, type ISCard } from "./card.ts";
export type { ISCardAuth } from "./card-auth.ts";
export { CardLink, type LinkStatus } from "./card-link.ts";
export { type CardInterfaces, CSCardManage, type ISCardManage, type OtherInterface } from "./card-manage.ts";
export type { ISCardVerify } from "./card-verify.ts";
export type { BaseClasses, BaseClassId, InstanceOf } from "./class-factory.ts";
export { ClassFactory, type ClassFactoryOptions, type ServiceProvider } from "./class-factory.ts";
export { ComError, type HresultName, hresults } from "./com-error.ts";
export { CSCardCmd, type ISCardCmd } from "./command.ts";
export { CSCardDatabase, type ISCardDatabase } from "./database.ts";
export {
  FILETYPE,
  ISO_ALGORITHM,
  ISO_APDU_TYPE,
  LOCKTYPE,
  REFTYPE,
  SC_DLG,
  SCARD_DISPOSITIONS,
  SCARD_FLAGS,
  SCARD_PROTOCOLS,
  SCARD_SHARE_MODES,
  SCARD_STATES,
  SEEKTYPE,
  STATFLAG,
  STGC,
  STREAM_SEEK,
} from "./enumerations.ts";
export type { HSCARD_FILE, ISCardFileAccess, TLV, TLV_TABLE } from "./file-access.ts";
export { clsids, type Guid, iids } from "./guids.ts";
export { CSCardISO7816, type ISCardISO7816 } from "./iso7816-commands.ts";
export {
  CLSID_Iso7816Provider,
  type Iso7816Interfaces,
  type Iso7816ProviderOptions,
  iso7816Interfaces,
  iso7816Provider,
  makeIso7816Provider,
} from "./iso7816-provider.ts";
export { CSCardLocate, type ISCardLocate, type SCARDINFO } from "./locate.ts";
export type { RegionLock } from "./memory-stream.ts";
export { MAX_BUFFER_BYTES, MemoryStream } from "./memory-stream.ts";
export { CSCardTypeConv, type ISCardTypeConv } from "./type-conv.ts";
export type { WinSCardFunctions } from "./winscard-functions.ts";
