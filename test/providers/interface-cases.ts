// SPDX-License-Identifier: MIT

import {
  CByteBuffer,
  CSCard,
  CSCardCmd,
  CSCardDatabase,
  CSCardISO7816,
  CSCardLocate,
  CSCardManage,
  CSCardTypeConv,
  type IByteBuffer,
  type ISCardAuth,
  type ISCardCmd,
  type ISCardFileAccess,
  type ISCardManage,
  type ISCardVerify,
  ISO_ALGORITHM,
  ISO_APDU_TYPE,
  iso7816Provider,
  MAX_BUFFER_BYTES,
  MemoryStream,
  REFTYPE,
  SC_DLG,
  SCARD_DISPOSITIONS,
  SCARD_FLAGS,
  SCARD_PROTOCOLS,
  SCARD_SHARE_MODES,
  SEEKTYPE,
} from "../../src/faces/providers/index.ts";
import { codes } from "./codes.ts";
import { encipher } from "./encipher.ts";
import { type IsoWorld, isoWorld, keys, text } from "./iso-card.ts";
import { plainWorld } from "./plain-card.ts";
import type { Program } from "./world.ts";

/** What a case is run in: one object of each interface. Those of a card are attached to it. */
export interface Objects {
  readonly world: IsoWorld;
  readonly program: Program;
  readonly buffer: IByteBuffer;
  readonly card: CSCard;
  readonly cmd: ISCardCmd;
  readonly iso: CSCardISO7816;
  readonly database: CSCardDatabase;
  readonly locate: CSCardLocate;
  readonly conv: CSCardTypeConv;
  readonly manage: ISCardManage;
  readonly auth: ISCardAuth;
  readonly verify: ISCardVerify;
  readonly files: ISCardFileAccess;
  /** A file that is open. */
  readonly file: number;
}

/** Makes a world for one case. The codes of the card are verified that files need. */
export async function objects(): Promise<Objects> {
  const world = await isoWorld();
  const program = world.program("another program");
  const { context } = await program.winscard.SCardEstablishContext(0);
  await program.winscard.SCardIntroduceCardType(context, "Club", GUID, [GUID], Uint8Array.of(0x3b, 0x00));
  await program.winscard.SCardReleaseContext(context);
  const { manage } = world;
  const card = new CSCard(program.winscard);
  await card.AttachByReader(world.name, SHARED, T0 | T1);
  const files = manage.CreateFileAccess();
  const verify = manage.CreateCHVerification();
  await verify.Verify(text(codes.global), GLOBAL, 1);
  return {
    ...{ world, program, card, manage, files, verify },
    buffer: CByteBuffer.of(bytes),
    cmd: new CSCardCmd(),
    iso: new CSCardISO7816(),
    database: new CSCardDatabase(program.winscard),
    locate: new CSCardLocate(program.winscard),
    conv: new CSCardTypeConv(),
    auth: manage.CreateCardAuth(),
    file: await files.Open(ID, "5100/0001"),
  };
}

type Case = (objects: Objects) => unknown;
type Cases = Readonly<Record<string, Case>>;

const { SHARED } = SCARD_SHARE_MODES;
const { T0, T1 } = SCARD_PROTOCOLS;
const { RESET } = SCARD_DISPOSITIONS;
const { SC_FL_IHV_GLOBAL: GLOBAL } = SCARD_FLAGS;
const { SC_TYPE_BY_ANY: ANY, SC_TYPE_BY_ID: ID } = REFTYPE;
const GUID = "{6A2F9D51-7C3E-4B0A-9E14-5D8C2B7F0A21}";
const bytes = Uint8Array.of(1, 2, 3, 4);
const block = new Uint8Array(16);
const none = undefined as never;
const key = (reference: number): Uint8Array => Uint8Array.of(reference);
const transparent = [
  { Tag: 0x82, Length: 1, Value: Uint8Array.of(0x01), Valid: true },
  { Tag: 0x80, Length: 1, Value: Uint8Array.of(0x10), Valid: true },
];
const selectMasterFile = Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00);

const byteBuffer: Readonly<Record<string, Cases>> = {
  "IByteBuffer::Clone": { S_OK: ({ buffer }) => buffer.Clone() },
  "IByteBuffer::Commit": { S_OK: ({ buffer }) => buffer.Commit() },
  "IByteBuffer::CopyTo": { S_OK: ({ buffer }) => buffer.CopyTo(buffer.Clone(), 2) },
  "IByteBuffer::Initialize": { S_OK: ({ buffer }) => buffer.Initialize(4, bytes) },
  "IByteBuffer::LockRegion": { S_OK: ({ buffer }) => buffer.LockRegion(0, 2, 1) },
  "IByteBuffer::Read": { S_OK: ({ buffer }) => buffer.Read(2) },
  "IByteBuffer::Revert": { S_OK: ({ buffer }) => buffer.Revert() },
  "IByteBuffer::Seek": { S_OK: ({ buffer }) => buffer.Seek(1) },
  "IByteBuffer::SetSize": { S_OK: ({ buffer }) => buffer.SetSize(2) },
  "IByteBuffer::Stat": { S_OK: ({ buffer }) => buffer.Stat() },
  "IByteBuffer::get_Stream": { S_OK: ({ buffer }) => buffer.Stream },
  "IByteBuffer::put_Stream": { S_OK: ({ buffer }) => Object.assign(buffer, { Stream: new MemoryStream(bytes) }) },
  "IByteBuffer::UnlockRegion": {
    S_OK: ({ buffer }) => {
      buffer.LockRegion(0, 2, 1);
      buffer.UnlockRegion(0, 2, 1);
    },
  },
  "IByteBuffer::Write": { S_OK: ({ buffer }) => buffer.Write(bytes) },
};

const detached: Case = async ({ card }) => {
  await card.Detach();
};

const card: Readonly<Record<string, Cases>> = {
  "ISCard::get_Atr": { S_OK: ({ card }) => card.Atr },
  "ISCard::AttachByHandle": {
    S_OK: async (all) => {
      const { winscard } = all.program;
      const { context } = await winscard.SCardEstablishContext(0);
      const { card: handle } = await winscard.SCardConnect(context, all.world.name, SHARED, 3);
      await detached(all);
      await all.card.AttachByHandle(handle);
    },
  },
  "ISCard::AttachByReader": {
    S_OK: async (all) => {
      await detached(all);
      await all.card.AttachByReader(all.world.name, SHARED, T1);
    },
    E_INVALIDARG: async (all) => {
      await detached(all);
      await all.card.AttachByReader(all.world.name, 3 as never, T1);
    },
  },
  "ISCard::get_CardHandle": { S_OK: ({ card }) => card.CardHandle },
  "ISCard::get_Context": { S_OK: ({ card }) => card.Context },
  "ISCard::Detach": { S_OK: detached, E_INVALIDARG: ({ card }) => card.Detach(4 as never) },
  "ISCard::LockSCard": { S_OK: ({ card }) => card.LockSCard() },
  "ISCard::get_Protocol": { S_OK: ({ card }) => card.Protocol },
  "ISCard::ReAttach": {
    S_OK: ({ card }) => card.ReAttach(SHARED, RESET),
    E_INVALIDARG: ({ card }) => card.ReAttach(SHARED, 4 as never),
  },
  "ISCard::get_Status": { S_OK: ({ card }) => card.Status },
  "ISCard::Transaction": {
    S_OK: ({ card, iso }) => card.Transaction(iso.GetChallenge(8)),
    E_INVALIDARG: ({ card, cmd }) => card.Transaction(cmd),
    E_POINTER: ({ card }) => card.Transaction(none),
  },
  "ISCard::UnlockSCard": {
    S_OK: async ({ card }) => {
      await card.LockSCard();
      await card.UnlockSCard();
    },
    E_INVALIDARG: ({ card }) => card.UnlockSCard(4 as never),
  },
};

const auth: Readonly<Record<string, Cases>> = {
  "ISCardAuth::APP_Auth": {
    S_OK: async ({ auth, manage }) => {
      await manage.SCardLock();
      const challenge = (await auth.GetChallenge(0, 16)).Read(16);
      await auth.APP_Auth(0, key(1), encipher(keys.external, challenge));
    },
    E_INVALIDARG: ({ auth }) => auth.APP_Auth(-1, key(1), block),
    E_POINTER: ({ auth }) => auth.APP_Auth(0, none, block),
  },
  "ISCardAuth::GetChallenge": {
    S_OK: ({ auth }) => auth.GetChallenge(0, 8, key(1)),
    E_INVALIDARG: ({ auth }) => auth.GetChallenge(0, 0),
    E_POINTER: ({ auth }) => auth.GetChallenge(0, 8, "1" as never),
  },
  "ISCardAuth::ICC_Auth": {
    S_OK: ({ auth }) => auth.ICC_Auth(0, key(2), block),
    E_INVALIDARG: ({ auth }) => auth.ICC_Auth(0, block, block),
    E_POINTER: ({ auth }) => auth.ICC_Auth(0, key(2), none),
  },
  "ISCardAuth::User_Auth": {
    S_OK: ({ auth }) => auth.User_Auth(ISO_ALGORITHM.CODE, key(1), text(codes.global)),
    E_INVALIDARG: ({ auth }) => auth.User_Auth(0x300, key(1), block),
    E_POINTER: ({ auth }) => auth.User_Auth(0, key(1), none),
  },
};

/** A property that is read: of a command that was built and answered. */
function read(name: keyof CSCardCmd): Cases {
  return {
    S_OK: ({ iso }) => {
      const cmd = Object.assign(iso.ReadBinary(0, 0, 1), { ApduReply: bytes, ReplyStatus: 0x9000, ReplyNad: 0 });
      return (cmd as unknown as CSCardCmd)[name];
    },
  };
}

/** A property that is put, and refuses a value. */
function put(name: keyof CSCardCmd, value: unknown, bad?: unknown): Cases {
  const refused: Cases = { E_INVALIDARG: ({ cmd }) => Object.assign(cmd, { [name]: bad }) };
  return { S_OK: ({ cmd }) => Object.assign(cmd, { [name]: value }), ...(bad === undefined ? {} : refused) };
}

/** A property that bytes are put into. */
function putBytes(name: keyof CSCardCmd, value: Uint8Array, bad: Uint8Array): Cases {
  return { ...put(name, value, bad), E_POINTER: ({ cmd }) => Object.assign(cmd, { [name]: "3B00" }) };
}

const command: Readonly<Record<string, Cases>> = {
  "ISCardCmd::get_AlternateClassId": {
    S_OK: ({ cmd }) => Object.assign(cmd, { AlternateClassId: 1 }).AlternateClassId,
    E_ACCESSDENIED: ({ cmd }) => cmd.AlternateClassId,
  },
  "ISCardCmd::put_AlternateClassId": put("AlternateClassId", 0xa0, 256),
  "ISCardCmd::get_Apdu": read("Apdu"),
  "ISCardCmd::put_Apdu": putBytes("Apdu", selectMasterFile, bytes.subarray(1)),
  "ISCardCmd::get_ApduLength": read("ApduLength"),
  "ISCardCmd::get_ApduReply": read("ApduReply"),
  "ISCardCmd::put_ApduReply": putBytes("ApduReply", bytes, new Uint8Array(65_537)),
  "ISCardCmd::get_ApduReplyLength": read("ApduReplyLength"),
  "ISCardCmd::put_ApduReplyLength": put("ApduReplyLength", 2),
  "ISCardCmd::BuildCmd": {
    S_OK: ({ cmd }) => cmd.BuildCmd(0, 0xa4, 0, 0, bytes, 256),
    E_INVALIDARG: ({ cmd }) => cmd.BuildCmd(256, 0xa4),
    E_POINTER: ({ cmd }) => cmd.BuildCmd(0, 0xa4, 0, 0, "3F00" as never),
  },
  "ISCardCmd::get_ClassId": read("ClassId"),
  "ISCardCmd::put_ClassId": put("ClassId", 0x80, -1),
  "ISCardCmd::Clear": { S_OK: ({ cmd }) => cmd.Clear() },
  "ISCardCmd::get_Data": read("Data"),
  "ISCardCmd::put_Data": putBytes("Data", bytes, new Uint8Array(65_536)),
  "ISCardCmd::Encapsulate": {
    S_OK: ({ cmd }) => cmd.Encapsulate(selectMasterFile, ISO_APDU_TYPE.ISO_CASE_3),
    E_INVALIDARG: ({ cmd }) => cmd.Encapsulate(selectMasterFile, ISO_APDU_TYPE.ISO_CASE_1),
    E_POINTER: ({ cmd }) => cmd.Encapsulate(none, ISO_APDU_TYPE.ISO_CASE_1),
  },
  "ISCardCmd::get_InstructionId": read("InstructionId"),
  "ISCardCmd::put_InstructionId": put("InstructionId", 0xa4, 1.5),
  "ISCardCmd::get_LeField": read("LeField"),
  "ISCardCmd::get_Nad": read("Nad"),
  "ISCardCmd::put_Nad": put("Nad", 0x12, 256),
  "ISCardCmd::get_P1": read("P1"),
  "ISCardCmd::put_P1": put("P1", 1, 256),
  "ISCardCmd::get_P2": read("P2"),
  "ISCardCmd::put_P2": put("P2", 1, 256),
  "ISCardCmd::get_P3": read("P3"),
  "ISCardCmd::get_ReplyNad": { ...read("ReplyNad"), E_ACCESSDENIED: ({ cmd }) => cmd.ReplyNad },
  "ISCardCmd::put_ReplyNad": put("ReplyNad", 0x21),
  "ISCardCmd::get_ReplyStatus": read("ReplyStatus"),
  "ISCardCmd::put_ReplyStatus": put("ReplyStatus", 0x9000, 0x10000),
  "ISCardCmd::get_ReplyStatusSW1": read("ReplyStatusSW1"),
  "ISCardCmd::get_ReplyStatusSW2": read("ReplyStatusSW2"),
  "ISCardCmd::get_Type": read("Type"),
};

const database: Readonly<Record<string, Cases>> = {
  "ISCardDatabase::GetProviderCardId": {
    S_OK: ({ database }) => database.GetProviderCardId("Club"),
    E_INVALIDARG: ({ database }) => database.GetProviderCardId(""),
  },
  "ISCardDatabase::ListCardInterfaces": {
    S_OK: ({ database }) => database.ListCardInterfaces("Club"),
    E_INVALIDARG: ({ database }) => database.ListCardInterfaces(none),
  },
  "ISCardDatabase::ListCards": {
    S_OK: ({ database }) => database.ListCards(Uint8Array.of(0x3b, 0x00), [GUID], 0x409),
    E_INVALIDARG: ({ database }) => database.ListCards(null, ["{}"]),
    E_POINTER: ({ database }) => database.ListCards("3B00" as never),
  },
  "ISCardDatabase::ListReaderGroups": {
    S_OK: ({ database }) => database.ListReaderGroups(0x409),
    E_INVALIDARG: ({ database }) => database.ListReaderGroups(-1),
  },
  "ISCardDatabase::ListReaders": {
    S_OK: ({ database }) => database.ListReaders(0x409),
    E_INVALIDARG: ({ database }) => database.ListReaders("en" as never),
  },
};

const files: Readonly<Record<string, Cases>> = {
  "ISCardFileAccess::ChangeDir": {
    S_OK: ({ files }) => files.ChangeDir(ID, "5100"),
    E_INVALIDARG: ({ files }) => files.ChangeDir(ID, "51"),
  },
  "ISCardFileAccess::Close": {
    S_OK: ({ files, file }) => files.Close(file),
    E_INVALIDARG: ({ files }) => files.Close(0),
  },
  "ISCardFileAccess::Create": {
    S_OK: ({ files }) => files.Create(ID, "1001", transparent),
    E_INVALIDARG: ({ files }) => files.Create(ID, "1001", []),
    E_POINTER: ({ files }) => files.Create(ID, "1001", none),
  },
  "ISCardFileAccess::Delete": {
    S_OK: ({ files }) => files.Delete(ID, "2F02"),
    E_INVALIDARG: ({ files }) => files.Delete(ID, ""),
    E_NOTIMPL: async () => {
      const { manage } = await plainWorld({ "00A40804022F0200": "9000" });
      await manage.CreateFileAccess().Delete(ID, "2F02");
    },
  },
  "ISCardFileAccess::Directory": {
    S_OK: ({ files }) => files.Directory(0),
    E_INVALIDARG: ({ files }) => files.Directory(8 as never),
    E_NOTIMPL: async () => {
      const { manage } = await plainWorld({ "00A40004023F0000": "9000" });
      await manage.CreateFileAccess().Directory(0);
    },
  },
  "ISCardFileAccess::GetCurrentDir": { S_OK: ({ files }) => files.GetCurrentDir() },
  "ISCardFileAccess::GetFileCapabilities": {
    S_OK: ({ files }) => files.GetFileCapabilities([]),
    E_INVALIDARG: ({ files }) => files.GetFileCapabilities([], 0x10),
    E_POINTER: ({ files }) => files.GetFileCapabilities(none),
  },
  "ISCardFileAccess::GetProperties": {
    S_OK: ({ files }) => files.GetProperties(ANY, "2F02", 0, []),
    E_INVALIDARG: ({ files }) => files.GetProperties(4 as never, "2F02", 0, []),
    E_POINTER: ({ files }) => files.GetProperties(ANY, "2F02", 0, none),
  },
  "ISCardFileAccess::Invalidate": {
    S_OK: ({ files }) => files.Invalidate("5100/0001"),
    E_INVALIDARG: ({ files }) => files.Invalidate("?"),
  },
  "ISCardFileAccess::Open": {
    S_OK: ({ files }) => files.Open(ANY, "2F02"),
    E_INVALIDARG: ({ files }) => files.Open(ANY, "2F0"),
  },
  "ISCardFileAccess::Read": {
    S_OK: ({ files, file }) => files.Read(file, 1),
    E_INVALIDARG: ({ files, file }) => files.Read(file, -1),
  },
  "ISCardFileAccess::Rehabilitate": {
    S_OK: ({ files }) => files.Rehabilitate("5100/0001"),
    E_INVALIDARG: ({ files }) => files.Rehabilitate("5100/0001", 0x10),
  },
  "ISCardFileAccess::Seek": {
    S_OK: ({ files, file }) => files.Seek(file, SEEKTYPE.SC_SEEK_FROM_END, -1),
    E_INVALIDARG: ({ files, file }) => files.Seek(file, 3 as never, 0),
  },
  "ISCardFileAccess::SetProperties": {
    S_OK: ({ files }) =>
      files.SetProperties(ID, "5100/0001", 0, [{ Tag: 0x8a, Length: 1, Value: Uint8Array.of(5), Valid: true }]),
    E_INVALIDARG: ({ files }) => files.SetProperties(ID, "5100/0001", 0, []),
    E_POINTER: ({ files }) => files.SetProperties(ID, "5100/0001", 0, none),
  },
  "ISCardFileAccess::Write": {
    S_OK: ({ files, file }) => files.Write(file, bytes),
    E_INVALIDARG: ({ files }) => files.Write(0, bytes),
    E_POINTER: ({ files, file }) => files.Write(file, none),
  },
};

/** A builder of a command without data. */
function builds(good: (iso: CSCardISO7816) => unknown, bad: (iso: CSCardISO7816) => unknown): Cases {
  return { S_OK: ({ iso }) => good(iso), E_INVALIDARG: ({ iso }) => bad(iso) };
}

/** A builder of a command with data at any place, which `build` puts in. */
function buildsWith(build: (iso: CSCardISO7816, byte: number, data: Uint8Array) => unknown): Cases {
  return {
    ...builds(
      (iso) => build(iso, 1, bytes),
      (iso) => build(iso, 256, bytes),
    ),
    E_POINTER: ({ iso }) => build(iso, 1, "3F00" as never),
  };
}

const iso: Readonly<Record<string, Cases>> = {
  "ISCardISO7816::AppendRecord": buildsWith((iso, byte, data) => iso.AppendRecord(byte, data)),
  "ISCardISO7816::EraseBinary": buildsWith((iso, byte, data) => iso.EraseBinary(0, byte, data)),
  "ISCardISO7816::ExternalAuthenticate": buildsWith((iso, byte, data) => iso.ExternalAuthenticate(0, byte, data)),
  "ISCardISO7816::GetChallenge": builds(
    (iso) => iso.GetChallenge(8),
    (iso) => iso.GetChallenge(-1),
  ),
  "ISCardISO7816::GetData": builds(
    (iso) => iso.GetData(0, 0x4f, 0),
    (iso) => iso.GetData(256, 0, 0),
  ),
  "ISCardISO7816::GetResponse": builds(
    (iso) => iso.GetResponse(0, 0, 1),
    (iso) => iso.GetResponse(0, 0, 65_537),
  ),
  "ISCardISO7816::InternalAuthenticate": buildsWith((iso, byte, data) => iso.InternalAuthenticate(0, byte, data, 0)),
  "ISCardISO7816::ManageChannel": builds(
    (iso) => iso.ManageChannel(0, 0),
    (iso) => iso.ManageChannel(0, 256),
  ),
  "ISCardISO7816::PutData": buildsWith((iso, byte, data) => iso.PutData(0, byte, data)),
  "ISCardISO7816::ReadBinary": builds(
    (iso) => iso.ReadBinary(0, 0, 0),
    (iso) => iso.ReadBinary(0, -1, 0),
  ),
  "ISCardISO7816::ReadRecord": builds(
    (iso) => iso.ReadRecord(1, 4, 0),
    (iso) => iso.ReadRecord(256, 4, 0),
  ),
  "ISCardISO7816::SelectFile": buildsWith((iso, byte, data) => iso.SelectFile(0, byte, data)),
  "ISCardISO7816::SetDefaultClassId": { S_OK: ({ iso }) => iso.SetDefaultClassId(0x80) },
  "ISCardISO7816::UpdateBinary": buildsWith((iso, byte, data) => iso.UpdateBinary(0, byte, data)),
  "ISCardISO7816::UpdateRecord": buildsWith((iso, byte, data) => iso.UpdateRecord(byte, 4, data)),
  "ISCardISO7816::Verify": buildsWith((iso, byte, data) => iso.Verify(byte, data)),
  "ISCardISO7816::WriteBinary": buildsWith((iso, byte, data) => iso.WriteBinary(0, byte, data)),
  "ISCardISO7816::WriteRecord": buildsWith((iso, byte, data) => iso.WriteRecord(byte, 4, data)),
};

const locate: Readonly<Record<string, Cases>> = {
  "ISCardLocate::ConfigureCardGuidSearch": { S_OK: ({ locate }) => locate.ConfigureCardGuidSearch([GUID]) },
  "ISCardLocate::ConfigureCardNameSearch": {
    S_OK: ({ locate }) => locate.ConfigureCardNameSearch(["Club"], null, "Which card?", SC_DLG.NO_UI),
    E_INVALIDARG: ({ locate }) => locate.ConfigureCardNameSearch(["Club"], null, "", 3 as never),
    E_POINTER: ({ locate }) => locate.ConfigureCardNameSearch(none),
  },
  "ISCardLocate::FindCard": {
    S_OK: async ({ locate, program, world }) => {
      const { winscard } = program;
      const { context } = await winscard.SCardEstablishContext(0);
      await winscard.SCardIntroduceCardType(context, "This one", null, null, world.card.reset());
      locate.ConfigureCardNameSearch(["This one"], null, "", SC_DLG.NO_UI);
      await locate.FindCard(SHARED, T0 | T1);
    },
    E_INVALIDARG: async ({ locate }) => {
      locate.ConfigureCardNameSearch(["Club"]);
      await locate.FindCard(3 as never, T0);
    },
  },
};

const manage: Readonly<Record<string, Cases>> = {
  "ISCardManage::AttachByHandle": {
    S_OK: async ({ program, world }) => {
      const { winscard } = program;
      const { context } = await winscard.SCardEstablishContext(0);
      const { card: handle } = await winscard.SCardConnect(context, world.name, SHARED, 3);
      await iso7816Provider(winscard).AttachByHandle(handle);
    },
  },
  "ISCardManage::AttachByIFD": {
    S_OK: async ({ manage, world }) => {
      await manage.Detach();
      await manage.AttachByIFD(world.name);
    },
    E_INVALIDARG: ({ manage }) => manage.AttachByIFD(""),
  },
  "ISCardManage::CreateCardAuth": { S_OK: ({ manage }) => manage.CreateCardAuth() },
  "ISCardManage::CreateCHVerification": { S_OK: ({ manage }) => manage.CreateCHVerification() },
  "ISCardManage::CreateFileAccess": { S_OK: ({ manage }) => manage.CreateFileAccess() },
  "ISCardManage::CreateInterface": {
    S_OK: async ({ program, world }) => {
      const own = new CSCardManage(program.winscard, { others: [{ guid: GUID, create: () => ({}) }] });
      await own.AttachByIFD(world.name);
      own.CreateInterface(GUID);
    },
    E_INVALIDARG: ({ manage }) => manage.CreateInterface(null),
  },
  "ISCardManage::Detach": { S_OK: ({ manage }) => manage.Detach() },
  "ISCardManage::Reconnect": { S_OK: ({ manage }) => manage.Reconnect() },
  "ISCardManage::SCardLock": { S_OK: ({ manage }) => manage.SCardLock() },
  "ISCardManage::SCardUnlock": {
    S_OK: async ({ manage }) => {
      await manage.SCardLock();
      await manage.SCardUnlock(RESET);
    },
    E_INVALIDARG: ({ manage }) => manage.SCardUnlock(4 as never),
  },
  "ISCardManage::Status": { S_OK: ({ manage }) => manage.Status() },
};

const conversions: Readonly<Record<string, Cases>> = {
  "ISCardTypeConv::ConvertByteArrayToByteBuffer": {
    S_OK: ({ conv }) => conv.ConvertByteArrayToByteBuffer(bytes),
    E_INVALIDARG: ({ conv }) => conv.ConvertByteArrayToByteBuffer(bytes, 5),
    E_POINTER: ({ conv }) => conv.ConvertByteArrayToByteBuffer(none),
  },
  "ISCardTypeConv::ConvertByteBufferToByteArray": {
    S_OK: ({ buffer, conv }) => conv.ConvertByteBufferToByteArray(buffer),
    E_POINTER: ({ conv }) => conv.ConvertByteBufferToByteArray(none),
  },
  "ISCardTypeConv::ConvertByteBufferToSafeArray": {
    S_OK: ({ buffer, conv }) => conv.ConvertByteBufferToSafeArray(buffer),
    E_POINTER: ({ conv }) => conv.ConvertByteBufferToSafeArray(none),
  },
  "ISCardTypeConv::ConvertSafeArrayToByteBuffer": {
    S_OK: ({ conv }) => conv.ConvertSafeArrayToByteBuffer(bytes),
    E_POINTER: ({ conv }) => conv.ConvertSafeArrayToByteBuffer(none),
  },
  "ISCardTypeConv::CreateByteArray": allocates((conv, size) => conv.CreateByteArray(size)),
  "ISCardTypeConv::CreateByteBuffer": allocates((conv, size) => conv.CreateByteBuffer(size)),
  "ISCardTypeConv::CreateSafeArray": allocates((conv, size) => conv.CreateSafeArray(size)),
  "ISCardTypeConv::FreeIStreamMemoryPtr": {
    S_OK: ({ buffer, conv }) => conv.FreeIStreamMemoryPtr(buffer.Stream, conv.GetAtIStreamMemory(buffer.Stream)),
    E_INVALIDARG: ({ buffer, conv }) => conv.FreeIStreamMemoryPtr(buffer.Stream, bytes),
    E_POINTER: ({ conv }) => conv.FreeIStreamMemoryPtr(none, bytes),
  },
  "ISCardTypeConv::GetAtIStreamMemory": {
    S_OK: ({ buffer, conv }) => conv.GetAtIStreamMemory(buffer.Stream),
    E_POINTER: ({ conv }) => conv.GetAtIStreamMemory(none),
  },
  "ISCardTypeConv::SizeOfIStream": {
    S_OK: ({ buffer, conv }) => conv.SizeOfIStream(buffer.Stream),
    E_POINTER: ({ conv }) => conv.SizeOfIStream(none),
  },
};

function allocates(allocate: (conv: CSCardTypeConv, size: number) => unknown): Cases {
  return {
    S_OK: ({ conv }) => allocate(conv, 8),
    E_INVALIDARG: ({ conv }) => allocate(conv, -1),
    E_OUTOFMEMORY: ({ conv }) => allocate(conv, MAX_BUFFER_BYTES + 1),
  };
}

const verify: Readonly<Record<string, Cases>> = {
  "ISCardVerify::ChangeCode": {
    S_OK: ({ verify }) => verify.ChangeCode(text(codes.global), text(codes.global), GLOBAL, 1),
    E_INVALIDARG: ({ verify }) => verify.ChangeCode(text(codes.global), text(""), GLOBAL, 1),
    E_POINTER: ({ verify }) => verify.ChangeCode(none, text(codes.global), GLOBAL, 1),
  },
  "ISCardVerify::ResetSecurityState": { S_OK: ({ verify }) => verify.ResetSecurityState() },
  "ISCardVerify::Unblock": {
    S_OK: ({ verify }) => verify.Unblock(text(codes.resetting), GLOBAL, 1),
    E_INVALIDARG: ({ verify }) => verify.Unblock(text(codes.resetting), 0, 1),
    E_POINTER: ({ verify }) => verify.Unblock(none, GLOBAL, 1),
  },
  "ISCardVerify::Verify": {
    S_OK: ({ verify }) => verify.Verify(text(codes.global), GLOBAL, 1),
    E_INVALIDARG: ({ verify }) => verify.Verify(text(codes.global), GLOBAL, 32),
    E_POINTER: ({ verify }) => verify.Verify(none, GLOBAL, 1),
  },
};

/** For each member as it is documented, `Interface::Member`, a call that returns each code. */
export const cases: Readonly<Record<string, Cases>> = {
  ...{ ...byteBuffer, ...card, ...auth, ...command, ...database, ...files },
  ...{ ...iso, ...locate, ...manage, ...conversions, ...verify },
};
