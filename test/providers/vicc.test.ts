// SPDX-License-Identifier: MIT

import { afterEach, beforeEach, expect, it, type TestContext } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import {
  FILETYPE,
  type IByteBuffer,
  type ISCardFileAccess,
  type ISCardManage,
  makeIso7816Provider,
  REFTYPE,
  SEEKTYPE,
  type TLV,
} from "../../src/faces/providers/index.ts";
import { type SCARD_READERSTATE, type SCARDHANDLE, WinSCard } from "../../src/faces/winscard/index.ts";
import { PATIENCE_MS } from "../patience.ts";
import { describePeer } from "../peers/peers.ts";
import { openViccReader, type ViccReader, type ViccType, viccProgram } from "../peers/vicc.ts";
import { rejectionOf } from "./world.ts";

const SCARD_STATE_PRESENT = 0x20;
const SCARD_STATE_EMPTY = 0x10;
const { SC_TYPE_BY_ID: ID } = REFTYPE;

/** The machine readable zone that vicc's prompt shows: the specimen's of ICAO Doc 9303 part 3. */
const MRZ = "P<UTOERIKSSON<<ANNA<MARIX<<<<<<<<<<<<<<<<<<<L898902C<3UTO6908061F9406236ZE184226B<<<<<14";

/** A template of EF.DIR with an application identifier and a label. ISO/IEC 7816-4:2013, 12.2.2.1. */
const EF_DIR = "61134F07A000000247100150084750617373706F72";

describePeer(viccProgram, (path) => {
  let place: ViccReader;
  let reader: string;
  let winscard: WinSCard;

  beforeEach(async () => {
    place = await openViccReader(path);
    reader = place.reader;
    winscard = new WinSCard({ defaultManager: () => place.manager });
  });

  afterEach(() => place.close());

  /** Puts a card in, and attaches to it; skips the test where vicc dies of what it is known to die of. */
  async function attach(test: TestContext, type: ViccType, answers: readonly string[] = []): Promise<ISCardManage> {
    const vicc = place.insert(type, answers);
    const { context } = await winscard.SCardEstablishContext(0);
    const present = (async () => {
      let state: SCARD_READERSTATE = { reader, currentState: SCARD_STATE_EMPTY };
      for (let flags = 0; (flags & SCARD_STATE_PRESENT) === 0; ) {
        const { readerStates } = await winscard.SCardGetStatusChange(context, PATIENCE_MS, [state]);
        flags = readerStates[0]?.eventState ?? 0;
        state = { reader, currentState: flags };
      }
    })();
    present.catch(() => {});
    await Promise.race([present, vicc.ended]);
    const fault = vicc.ownFault;
    if (fault !== undefined) {
      await winscard.SCardReleaseContext(context);
      return test.skip(`this vicc has no working ${type}: ${fault}`);
    }
    await present;
    await winscard.SCardReleaseContext(context);
    const manage = makeIso7816Provider({ asksAboutFiles: false })(winscard);
    await manage.AttachByIFD(reader);
    return manage;
  }

  /** The whole content of a file of bytes. */
  async function content(access: ISCardFileAccess, file: string): Promise<string> {
    const handle = await access.Open(ID, file);
    const { buffer } = await access.Read(handle, 0);
    await access.Close(handle);
    return hex(buffer);
  }

  it("an ISO 7816 card: EF.DIR is created, and read", async (test) => {
    const manage = await attach(test, "iso7816");
    const access = manage.CreateFileAccess();
    expect(await rejectionOf(access.Open(ID, "2F00"))).toBe("SCARD_E_FILE_NOT_FOUND");
    await access.Create(ID, "2F00", [tlv(0x82, "01"), tlv(0x80, "0020")]);
    await fill(winscard, reader, `00A4000C022F00 00D60000${(EF_DIR.length / 2).toString(16)}${EF_DIR}00`);
    expect(await content(access, "2F00")).toBe(EF_DIR.padEnd(64, "0"));
    const file = await access.Open(ID, "2F00");
    await access.Seek(file, SEEKTYPE.SC_SEEK_FROM_BEGINNING, 4);
    expect(hex((await access.Read(file, 7)).buffer)).toBe("A0000002471001");
    expect(await rejectionOf(access.Directory(FILETYPE.SC_TYPE_ALL_FILES))).toBe("E_NOTIMPL");
    expect((await manage.CreateCardAuth().GetChallenge(0, 8)).Stat().cbSize).toBe(8);
    await manage.Detach();
  });

  it("an nPA: EF.CardAccess and EF.DIR", async (test) => {
    const access = (await attach(test, "nPA")).CreateFileAccess();
    expect(await content(access, "011C")).toMatch(/^3181B3/);
    expect(await content(access, "2F00")).toMatch(/^61/);
  });

  it("an ePass: the passport application and its data groups", async (test) => {
    const access = (await attach(test, "ePass", [MRZ, "/dev/null"])).CreateFileAccess();
    await access.ChangeDir(REFTYPE.SC_TYPE_BY_NAME, "A0000002471001");
    expect(await content(access, "011E")).toMatch(/^6016/);
  });
});

function hex(buffer: IByteBuffer): string {
  return encodeHex(buffer.Read(buffer.Stat().cbSize));
}

function tlv(Tag: number, value: string): TLV {
  const Value = hexBytes(value);
  return { Tag, Length: Value.length, Value, Valid: true };
}

/** Writes with commands of our own: vicc dies of an UPDATE BINARY without Le, which the standard does not ask for. */
async function fill(winscard: WinSCard, reader: string, commands: string): Promise<void> {
  const { context } = await winscard.SCardEstablishContext(0);
  const { card }: { card: SCARDHANDLE } = await winscard.SCardConnect(context, reader, 2, 3);
  for (const command of commands.split(" ")) {
    const { response } = await winscard.SCardTransmit(card, null, hexBytes(command));
    // It warns that it had less than Le to send.
    expect(encodeHex(response)).toMatch(/(9000|6282)$/);
  }
  await winscard.SCardDisconnect(card, 0);
  await winscard.SCardReleaseContext(context);
}
