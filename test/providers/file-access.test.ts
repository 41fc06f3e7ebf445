// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { decodeHex, encodeHex } from "../../src/base/binary/index.ts";
import type { CardImageSource } from "../../src/entry/cards.ts";
import {
  CSCardManage,
  FILETYPE,
  type IByteBuffer,
  type ISCardFileAccess,
  REFTYPE,
  SCARD_FLAGS,
  SEEKTYPE,
  type TLV,
} from "../../src/faces/providers/index.ts";
import { codes } from "./codes.ts";
import { clubCard, type IsoWorld, isoWorld, text, textOf } from "./iso-card.ts";
import { type PlainCard, plainWorld } from "./plain-card.ts";
import { rejectionOf } from "./world.ts";

const { SC_TYPE_BY_ANY: ANY, SC_TYPE_BY_ID: ID, SC_TYPE_BY_NAME: NAME, SC_TYPE_BY_SHORT: SHORT } = REFTYPE;
const { SC_SEEK_FROM_BEGINNING: BEGINNING, SC_SEEK_FROM_END: END, SC_SEEK_RELATIVE: RELATIVE } = SEEKTYPE;
const { SC_FL_IHV_GLOBAL, SC_FL_PREALLOCATED, SC_FL_SECURE_MESSAGING } = SCARD_FLAGS;

async function files(source?: CardImageSource): Promise<IsoWorld & { readonly access: ISCardFileAccess }> {
  const around = await isoWorld(source);
  return { ...around, access: around.manage.CreateFileAccess() };
}

/** As {@link files}, with the code of the whole card verified. */
async function verified(source?: CardImageSource): Promise<IsoWorld & { readonly access: ISCardFileAccess }> {
  const around = await files(source);
  await around.manage.CreateCHVerification().Verify(text(codes.global), SC_FL_IHV_GLOBAL, 1);
  return around;
}

function hex({ buffer }: { readonly buffer: IByteBuffer }): string {
  return encodeHex(buffer.Read(1000));
}

function tlv(Tag: number, value: string): TLV {
  const Value = decodeHex(value);
  if (!Value.ok) throw new Error(value);
  return { Tag, Length: Value.value.length, Value: Value.value, Valid: true };
}

const transparent = [tlv(0x82, "01"), tlv(0x80, "0010")];

describe("directories", () => {
  test.each([
    [ID, "5100", "3F00/5100"],
    [ID, "/5100/5200", "3F00/5100/5200"],
    [ID, "3f00/5100", "3F00/5100"],
    [ID, "3F00", "3F00"],
    [ID, "/", "3F00"],
    [ID, "5100/../5100", "3F00/5100"],
    [NAME, "A000000001C1", "A000000001C1"],
    [NAME, "A0", "A000000001C1"],
    [ID, "A000000001C1/5200", "A000000001C1/5200"],
    [ANY, "A000000001C1/5200/..", "A000000001C1"],
    [ANY, "5100", "3F00/5100"],
    [ANY, "A00000", "A000000001C1"],
  ])("refType %i, %j is %s", async (refType, name, path) => {
    const { access } = await files();
    expect(await access.GetCurrentDir()).toBe("3F00");
    await access.ChangeDir(refType, name);
    expect(await access.GetCurrentDir()).toBe(path);
    await access.ChangeDir(ID, await access.GetCurrentDir());
    expect(await access.GetCurrentDir()).toBe(path);
  });

  test("are gone up from, but not beyond the top", async () => {
    const { access } = await files();
    await access.ChangeDir(ID, "5100/5200");
    await access.ChangeDir(ID, "..");
    expect(await access.GetCurrentDir()).toBe("3F00/5100");
    await access.ChangeDir(ID, "..");
    expect(await rejectionOf(access.ChangeDir(ID, ".."))).toBe("SCARD_E_DIR_NOT_FOUND");
    await access.ChangeDir(NAME, "A000000001C1");
    expect(await rejectionOf(access.ChangeDir(ID, ".."))).toBe("SCARD_E_DIR_NOT_FOUND");
    expect(await access.GetCurrentDir()).toBe("A000000001C1");
  });

  test.each([
    ["that is not there", ID, "6000", "SCARD_E_DIR_NOT_FOUND"],
    ["that is a file", ID, "2F02", "SCARD_E_NO_DIR"],
    ["by a name that nothing has", NAME, "B0", "SCARD_E_DIR_NOT_FOUND"],
    ["in a way that there is not", 4 as never, "5100", "E_INVALIDARG"],
    ["by a short identifier", SHORT, "1", "E_INVALIDARG"],
    ["without a name", ANY, "", "E_INVALIDARG"],
    ["by half an identifier", ID, "51", "E_INVALIDARG"],
    ["by a path with a hole", ID, "5100//5200", "E_INVALIDARG"],
    ["by a path with the master file inside", ID, "5100/3F00", "E_INVALIDARG"],
    ["by too long a name", NAME, "A0".repeat(17), "E_INVALIDARG"],
    ["by a value that is not a string", ANY, 7 as never, "E_INVALIDARG"],
  ])("a directory %s is refused", async (_, refType, name, code) => {
    const { access } = await files();
    expect(await rejectionOf(access.ChangeDir(refType, name))).toBe(code);
    expect(await access.GetCurrentDir()).toBe("3F00");
  });

  test.each([
    [FILETYPE.SC_TYPE_DIRECTORIES, ["5200"]],
    [FILETYPE.SC_TYPE_DIRECTORY_FILE, ["5200"]],
    [FILETYPE.SC_TYPE_FILES, ["0001", "0002", "0003", "0004", "0005", "0006", "0007"]],
    [FILETYPE.SC_TYPE_ALL_FILES, ["0001", "0002", "0003", "0004", "0005", "0006", "0007", "5200"]],
    [FILETYPE.SC_TYPE_TRANSPARENT_EF, ["0001", "0005", "0006", "0007"]],
    [FILETYPE.SC_TYPE_FIXED_EF, ["0002"]],
    [FILETYPE.SC_TYPE_CYCLIC_EF, ["0003"]],
    [FILETYPE.SC_TYPE_VARIABLE_EF, ["0004"]],
  ])("list what is in them, type %i", async (fileType, expected) => {
    const { access } = await files();
    await access.ChangeDir(ID, "5100");
    expect(await access.Directory(fileType)).toEqual(expected);
    expect(await access.Directory(fileType)).toEqual(expected);
    await access.ChangeDir(ID, "5200");
    expect(await access.Directory(FILETYPE.SC_TYPE_DIRECTORIES)).toEqual([]);
    expect(await rejectionOf(access.Directory(8 as never))).toBe("E_INVALIDARG");
  });
});

describe("files of bytes", () => {
  test("are opened, read on from the position, and closed", async () => {
    const { access } = await files();
    const file = await access.Open(ID, "5100/0001");
    expect(textOf((await access.Read(file, 6)).buffer)).toBe("Member");
    const { buffer, bytesRead } = await access.Read(file, 11);
    expect([textOf(buffer), bytesRead]).toEqual([" since 2019", 11]);
    expect((await access.Read(file, 0)).bytesRead).toBe(683);
    expect(await rejectionOf(access.Read(file, 1))).toBe("SCARD_W_EOF");
    await access.Close(file);
    expect(await rejectionOf(access.Read(file, 1))).toBe("E_INVALIDARG");
    expect(await rejectionOf(access.Close(file))).toBe("E_INVALIDARG");
  });

  test("several are open at once, in any directory", async () => {
    const { access } = await files();
    await access.ChangeDir(ID, "5100");
    const member = await access.Open(ID, "0001");
    const number = await access.Open(ANY, "/2F02");
    const nested = await access.Open(ID, "A000000001C1/5200/0001");
    await access.ChangeDir(ID, "5200");
    const here = await access.Open(ANY, "0001");
    const reads = await Promise.all([member, number, nested, here].map((file) => access.Read(file, 2)));
    expect(reads.map(hex)).toEqual(["4D65", "5A08", "AA", "AA"]);
    expect(textOf((await access.Read(member, 4)).buffer)).toBe("mber");
    for (let open = 4; open < 64; open++) await access.Open(ID, "0001");
    expect(await rejectionOf(access.Open(ID, "0001"))).toBe("SCARD_E_NO_MEMORY");
  });

  test("are written, all or nothing", async () => {
    const { access } = await verified();
    const file = await access.Open(ID, "5100/0001");
    const long = Uint8Array.from({ length: 700 }, (_, index) => index & 0xff);
    await access.Write(file, long);
    await access.Seek(file, BEGINNING, 0);
    expect((await access.Read(file, 0)).buffer.Read(1000)).toEqual(long);
    await access.Seek(file, END, -1);
    expect(await rejectionOf(access.Write(file, text("ab")))).toBe("SCARD_E_WRITE_TOO_MANY");
    await access.Write(file, text("a"));
    await access.Write(file, new Uint8Array(0));
    await access.Seek(file, RELATIVE, -2);
    expect(hex(await access.Read(file, 9))).toBe("BA61");
  });

  test("with more than 32 KiB are read and written beyond what two bytes can tell", async () => {
    const { access } = await files();
    const file = await access.Open(ID, "5100/0007");
    await access.Seek(file, BEGINNING, 32_500);
    const long = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) & 0xff);
    await access.Write(file, long);
    await access.Seek(file, RELATIVE, -1000);
    expect((await access.Read(file, 1000)).buffer.Read(1000)).toEqual(long);
    await access.Seek(file, BEGINNING, 0);
    expect((await access.Read(file, 0)).bytesRead).toBe(40_000);
  });

  test("are opened by their short identifier, which tells less", async () => {
    const { access } = await verified();
    await access.ChangeDir(ID, "5100");
    const file = await access.Open(SHORT, "1");
    expect(textOf((await access.Read(file, 6)).buffer)).toBe("Member");
    await access.Seek(file, RELATIVE, 1);
    expect(textOf((await access.Read(file, 5)).buffer)).toBe("since");
    await access.Seek(file, BEGINNING, 600);
    expect(await rejectionOf(access.Write(file, new Uint8Array(101)))).toBe("SCARD_E_WRITE_TOO_MANY");
    await access.Write(file, text("!"));
    expect((await access.Read(file, 0)).bytesRead).toBe(99);
    expect(await rejectionOf(access.Read(file, 0))).toBe("SCARD_W_EOF");
    expect(await rejectionOf(access.Seek(file, END, 0))).toBe("SCARD_E_UNSUPPORTED_FEATURE");
    expect(await rejectionOf(access.GetFileCapabilities([]))).toBe("SCARD_E_UNSUPPORTED_FEATURE");
    expect(await rejectionOf(access.Open(SHORT, "9"))).toBe("SCARD_E_FILE_NOT_FOUND");
    expect(await rejectionOf(access.Open(SHORT, "31"))).toBe("E_INVALIDARG");
  });

  test.each([
    ["that is not there", "5100/0009", "SCARD_E_FILE_NOT_FOUND"],
    ["below a file that is not a directory", "2F02/0001", "SCARD_E_FILE_NOT_FOUND"],
    ["that is a directory", "5100", "SCARD_E_NO_FILE"],
    ["that is the master file", "3F00", "SCARD_E_NO_FILE"],
  ])("a file %s is refused", async (_, path, code) => {
    expect(await rejectionOf((await files()).access.Open(ID, path))).toBe(code);
  });

  test("are guarded by the card", async () => {
    const { access } = await files();
    const secret = await access.Open(ID, "5100/0005");
    expect(await rejectionOf(access.Read(secret, 1))).toBe("SCARD_W_SECURITY_VIOLATION");
    const member = await access.Open(ID, "5100/0001");
    expect(await rejectionOf(access.Write(member, text("x")))).toBe("SCARD_W_SECURITY_VIOLATION");
  });

  test.each([
    ["Read, a negative number", (access: ISCardFileAccess, file: number) => access.Read(file, -1)],
    ["Read, half a byte", (access: ISCardFileAccess, file: number) => access.Read(file, 0.5)],
    ["Read, other flags", (access: ISCardFileAccess, file: number) => access.Read(file, 1, SC_FL_PREALLOCATED)],
    ["Seek, from nowhere", (access: ISCardFileAccess, file: number) => access.Seek(file, 3 as never, 0)],
    ["Seek, half a byte", (access: ISCardFileAccess, file: number) => access.Seek(file, BEGINNING, 0.5)],
    ["Seek, a file that is not open", (access: ISCardFileAccess) => access.Seek(0, BEGINNING, 0)],
    ["Write, a file that is not open", (access: ISCardFileAccess) => access.Write(0, text("x"))],
  ])("refused with E_INVALIDARG: %s", async (_, call) => {
    const { access } = await files();
    expect(await rejectionOf(call(access, await access.Open(ID, "2F02")))).toBe("E_INVALIDARG");
  });

  test.each([-1, 11])("a position of %i in a file of 10 bytes is refused, and the old one stays", async (offset) => {
    const { access } = await files();
    const file = await access.Open(ID, "2F02");
    await access.Read(file, 1);
    expect(await rejectionOf(access.Seek(file, BEGINNING, offset))).toBe("SCARD_E_BAD_SEEK");
    expect(hex(await access.Read(file, 1))).toBe("08");
    await access.Seek(file, END, 0);
    expect(await rejectionOf(access.Read(file, 1))).toBe("SCARD_W_EOF");
  });
});

describe("files of records", () => {
  test("are read record by record", async () => {
    const { access } = await files();
    const directory = await access.Open(ID, "2F00");
    expect(hex(await access.Read(directory, 0))).toBe("61074F05A000000001");
    expect(hex(await access.Read(directory, 3))).toBe("61084F");
    expect(await rejectionOf(access.Read(directory, 0))).toBe("SCARD_W_EOF");
    await access.Seek(directory, END, -1);
    expect(hex(await access.Read(directory, 0))).toBe("61084F06A00000000102");
    expect(await rejectionOf(access.Seek(directory, BEGINNING, 3))).toBe("SCARD_E_BAD_SEEK");
  });

  test("are written record by record, and grow at the end", async () => {
    const { access } = await verified();
    const fixed = await access.Open(ID, "5100/0002");
    for (const record of ["aaa", "bbb", "ccc", "ddd"]) await access.Write(fixed, text(record));
    expect(await rejectionOf(access.Write(fixed, text("eee")))).toBe("SCARD_E_WRITE_TOO_MANY");
    await access.Seek(fixed, BEGINNING, 1);
    expect(textOf((await access.Read(fixed, 0)).buffer)).toBe("bbb");
    expect(textOf((await access.Read(fixed, 0)).buffer)).toBe("ccc");
  });

  test("in a cyclic one the newest record is the first", async () => {
    const { access } = await files();
    const cyclic = await access.Open(ID, "5100/0003");
    for (const record of ["01", "02", "03"]) await access.Write(cyclic, text(record));
    await access.Seek(cyclic, BEGINNING, 0);
    expect(textOf((await access.Read(cyclic, 0)).buffer)).toBe("03");
    expect(textOf((await access.Read(cyclic, 0)).buffer)).toBe("02");
    expect(await rejectionOf(access.Read(cyclic, 0))).toBe("SCARD_W_EOF");
  });

  test("refuse a record that does not fit", async () => {
    const { access } = await verified();
    const fixed = await access.Open(ID, "5100/0002");
    expect(await rejectionOf(access.Write(fixed, text("four")))).toBe("E_INVALIDARG");
    expect(await rejectionOf(access.Write(fixed, new Uint8Array(0)))).toBe("E_INVALIDARG");
    const variable = await access.Open(ID, "5100/0004");
    expect(await rejectionOf(access.Write(variable, text("nine bytes")))).toBe("SCARD_E_WRITE_TOO_MANY");
    await access.Write(variable, text("eight!!!"));
  });

  test("are opened by their short identifier", async () => {
    const { access } = await files();
    await access.ChangeDir(ID, "5100");
    const variable = await access.Open(SHORT, "5");
    expect(await rejectionOf(access.Read(variable, 0))).toBe("SCARD_W_EOF");
    await access.ChangeDir(ID, "/");
    const directory = await access.Open(SHORT, "30");
    expect(hex(await access.Read(directory, 0))).toBe("61074F05A000000001");
    await access.Seek(directory, RELATIVE, 5);
    expect(await rejectionOf(access.Read(directory, 0))).toBe("SCARD_W_EOF");
  });
});

describe("new files", () => {
  test("of bytes, with what is in them at first", async () => {
    const { access } = await verified();
    await access.Create(ID, "1001", transparent, SC_FL_PREALLOCATED, text("hello"));
    const file = await access.Open(ID, "1001");
    const { buffer, bytesRead } = await access.Read(file, 0);
    expect([textOf(buffer), bytesRead]).toEqual(["hello", 16]);
    expect(await access.GetCurrentDir()).toBe("3F00");
  });

  test("of records, and directories with files in them", async () => {
    const { access } = await verified();
    await access.Create(NAME, "A000000009", [tlv(0x82, "38"), tlv(0x83, "6000")]);
    await access.Create(ID, "/6000/0001", [tlv(0x82, "0221000203")], SC_FL_PREALLOCATED, text("aabbcc"));
    await access.ChangeDir(NAME, "A000000009");
    const file = await access.Open(ID, "0001");
    await access.Seek(file, BEGINNING, 2);
    expect(textOf((await access.Read(file, 0)).buffer)).toBe("cc");
    await access.Create(SHORT, "7", [...transparent, tlv(0x83, "0002"), tlv(0x8c, "03FF00")]);
    expect(hex(await access.Read(await access.Open(SHORT, "7"), 1))).toBe("00");
    expect(await access.Directory(FILETYPE.SC_TYPE_FILES)).toEqual(["0001", "0002"]);
  });

  test.each<[string, string, string, readonly TLV[], number, Uint8Array?]>([
    ["without a descriptor", "E_INVALIDARG", "1001", [tlv(0x80, "0010")], 0],
    ["with another identifier", "E_INVALIDARG", "1001", [...transparent, tlv(0x83, "1002")], 0],
    ["with no identifier", "E_INVALIDARG", "..", transparent, 0],
    ["with a wrong length", "E_INVALIDARG", "1001", [{ ...tlv(0x82, "01"), Length: 2 }], 0],
    ["with an invalid tag", "E_INVALIDARG", "1001", [...transparent, tlv(0x8401, "")], 0],
    ["with an invalid template", "E_INVALIDARG", "1001", [...transparent, tlv(0xa5, "01")], 0],
    ["with no table", "E_POINTER", "1001", undefined as never, 0],
    ["with no value", "E_POINTER", "1001", [{ ...tlv(0x82, "01"), Value: undefined as never }], 0],
    ["with data that is not announced", "E_INVALIDARG", "1001", transparent, 0, text("x")],
    ["with data that is announced and missing", "E_POINTER", "1001", transparent, SC_FL_PREALLOCATED],
    ["with other flags", "E_INVALIDARG", "1001", transparent, 0x10],
    ["as a directory with data", "E_INVALIDARG", "1001", [tlv(0x82, "38")], SC_FL_PREALLOCATED, text("x")],
    ["that is there already", "SCARD_E_INVALID_VALUE", "2F02", transparent, 0],
    ["of no size", "SCARD_E_INVALID_PARAMETER", "1001", [tlv(0x82, "01"), tlv(0x80, "00")], 0],
    ["that is larger than any", "SCARD_E_WRITE_TOO_MANY", "1001", [tlv(0x82, "01"), tlv(0x80, "7FFFFF")], 0],
    ["in a directory that is not there", "SCARD_E_DIR_NOT_FOUND", "6001/1001", transparent, 0],
  ])("%s are refused", async (_, code, path, table, flags, data) => {
    const { access } = await verified();
    expect(await rejectionOf(access.Create(ID, path, table, flags, data))).toBe(code);
    expect(await access.Directory(FILETYPE.SC_TYPE_ALL_FILES)).toEqual(["2F00", "2F02", "5100"]);
  });

  test("are for those who may", async () => {
    const { access } = await files();
    expect(await rejectionOf(access.Create(ID, "1001", transparent))).toBe("SCARD_W_SECURITY_VIOLATION");
  });
});

describe("files go", () => {
  test("and directories with all that is in them; the current one is the one above then", async () => {
    const { access } = await verified();
    await access.Delete(ID, "5100/0002");
    expect(await rejectionOf(access.Open(ID, "5100/0002"))).toBe("SCARD_E_FILE_NOT_FOUND");
    await access.ChangeDir(ID, "5100/5200");
    await access.Delete(ID, "/5100");
    expect(await access.GetCurrentDir()).toBe("3F00");
    expect(await access.Directory(FILETYPE.SC_TYPE_DIRECTORIES)).toEqual([]);
  });

  test("not for others, not twice, and not by every card", async () => {
    const { access } = await files();
    expect(await rejectionOf(access.Delete(ID, "2F02"))).toBe("SCARD_W_SECURITY_VIOLATION");
    expect(await rejectionOf(access.Delete(ID, "1001"))).toBe("SCARD_E_FILE_NOT_FOUND");
    expect(await rejectionOf(access.Delete(ID, "2F02", 0x10))).toBe("E_INVALIDARG");
  });
});

describe("properties", () => {
  test("of a file: those asked for, or all", async () => {
    const { access } = await files();
    const asked = [tlv(0x80, ""), tlv(0x99, ""), tlv(0x83, "")];
    const told = await access.GetProperties(ID, "2F02", 0, asked);
    expect(told.map(({ Tag, Valid, Value }) => [Tag, encodeHex(Value), Valid])).toEqual([
      [0x80, "000A", true],
      [0x99, "", false],
      [0x83, "2F02", true],
    ]);
    const all = await access.GetProperties(ANY, "2F02", 0, []);
    expect(all.map(({ Tag }) => Tag)).toEqual([0x80, 0x82, 0x83, 0x88, 0x8a, 0x8c]);
  });

  test("of the file that was used last, or of the directory", async () => {
    const { access } = await files();
    const id = async (): Promise<string> =>
      encodeHex((await access.GetFileCapabilities([tlv(0x83, "")]))[0]?.Value ?? text(""));
    expect(await id()).toBe("3F00");
    const file = await access.Open(ID, "2F02");
    const other = await access.Open(ID, "5100/0001");
    expect(await id()).toBe("0001");
    await access.Read(file, 1);
    expect(await id()).toBe("2F02");
    await access.Close(file);
    await access.Close(other);
    expect(await id()).toBe("3F00");
    await access.ChangeDir(ID, "5100");
    expect(await id()).toBe("5100");
  });

  test("of a directory: its data objects are among them", async () => {
    const { access } = await verified();
    const [address] = await access.GetProperties(ID, "/", 0, [tlv(0x5f50, "")]);
    expect(new TextDecoder().decode(address?.Value)).toBe("https://example.org");
    await access.SetProperties(ID, "/", 0, [tlv(0x5f50, "41"), tlv(0x5f2d, "656E")]);
    const told = await access.GetProperties(ID, "/", 0, [tlv(0x5f50, ""), tlv(0x5f2d, ""), tlv(0x5f2e, "")]);
    expect(told.map(({ Value, Valid }) => [encodeHex(Value), Valid])).toEqual([
      ["41", true],
      ["656E", true],
      ["", false],
    ]);
  });

  test("that can be set: the life cycle, and no other of a file", async () => {
    const { access } = await verified();
    await access.SetProperties(ID, "5100/0001", 0, [tlv(0x8a, "04")]);
    expect(await rejectionOf(access.Open(ID, "5100/0001"))).toBe("SCARD_E_NO_ACCESS");
    await access.SetProperties(ID, "5100/0001", 0, [tlv(0x8a, "05")]);
    await access.Open(ID, "5100/0001");
    for (const one of [tlv(0x8a, "01"), tlv(0x80, "0020"), tlv(0x5f50, "41")]) {
      const code = await rejectionOf(access.SetProperties(ID, "5100/0001", 0, [one]));
      expect(code).toBe("SCARD_E_UNSUPPORTED_FEATURE");
    }
    expect(await rejectionOf(access.SetProperties(ID, "2F02", 0, []))).toBe("E_INVALIDARG");
    expect(await rejectionOf(access.SetProperties(ID, "2F02", 0, undefined as never))).toBe("E_POINTER");
    expect(await rejectionOf(access.GetProperties(ID, "2F02", 0, undefined as never))).toBe("E_POINTER");
    expect(await rejectionOf(access.GetProperties(ID, "2F02", 0, [tlv(0, "")]))).toBe("E_INVALIDARG");
  });
});

describe("invalidated files", () => {
  test("can do nothing until they are rehabilitated", async () => {
    const { access } = await verified();
    const file = await access.Open(ID, "5100/0001");
    await access.Invalidate("5100/0001");
    expect(await rejectionOf(access.Read(file, 1))).toBe("SCARD_E_NO_ACCESS");
    expect(await rejectionOf(access.Open(ID, "5100/0001"))).toBe("SCARD_E_NO_ACCESS");
    const [lifeCycle] = await access.GetProperties(ID, "5100/0001", 0, [tlv(0x8a, "")]);
    expect(lifeCycle?.Value).toEqual(Uint8Array.of(0x04));
    await access.Rehabilitate("5100/0001");
    expect(textOf((await access.Read(file, 6)).buffer)).toBe("Member");
  });

  test("are so for those who may make them so", async () => {
    const { access } = await files();
    expect(await rejectionOf(access.Invalidate("5100/0001"))).toBe("SCARD_W_SECURITY_VIOLATION");
    expect(await rejectionOf(access.Rehabilitate("5100/0001"))).toBe("SCARD_W_SECURITY_VIOLATION");
    expect(await rejectionOf(access.Invalidate("1"))).toBe("E_INVALIDARG");
    expect(await rejectionOf(access.Rehabilitate("0009", 0x10))).toBe("E_INVALIDARG");
    expect(await rejectionOf(access.Rehabilitate("0009"))).toBe("SCARD_E_FILE_NOT_FOUND");
  });
});

const everyMethod: readonly [string, (access: ISCardFileAccess, file: number, flags: number) => Promise<unknown>][] = [
  ["Create", (access, _, flags) => access.Create(ID, "1001", transparent, flags)],
  ["Delete", (access, _, flags) => access.Delete(ID, "2F02", flags)],
  ["GetFileCapabilities", (access, _, flags) => access.GetFileCapabilities([], flags)],
  ["GetProperties", (access, _, flags) => access.GetProperties(ID, "2F02", flags, [])],
  ["Invalidate", (access, _, flags) => access.Invalidate("2F02", flags)],
  ["Read", (access, file, flags) => access.Read(file, 1, flags)],
  ["Rehabilitate", (access, _, flags) => access.Rehabilitate("2F02", flags)],
  ["SetProperties", (access, _, flags) => access.SetProperties(ID, "2F02", flags, [tlv(0x8a, "05")])],
  ["Write", (access, file, flags) => access.Write(file, text("x"), flags)],
  ["ChangeDir", (access) => access.ChangeDir(ID, "5100")],
  ["Close", (access, file) => access.Close(file)],
  ["Directory", (access) => access.Directory(0)],
  ["GetCurrentDir", (access) => access.GetCurrentDir()],
  ["Open", (access) => access.Open(ID, "2F02")],
  ["Seek", (access, file) => access.Seek(file, BEGINNING, 0)],
];

test.each(everyMethod.slice(0, 9))("%s has no secure messaging here", async (_, call) => {
  const { access } = await files();
  const file = await access.Open(ID, "2F02");
  expect(await rejectionOf(call(access, file, SC_FL_SECURE_MESSAGING))).toBe("SCARD_E_UNSUPPORTED_FEATURE");
});

test.each(everyMethod)("%s ends with the attachment", async (_, call) => {
  const { access, manage } = await files();
  const file = await access.Open(ID, "2F02");
  await manage.Detach();
  expect(await rejectionOf(call(access, file, 0))).toBe("SCARD_E_INVALID_HANDLE");
});

describe("the card", () => {
  test("over T=0 is the same", async () => {
    const { access } = await verified({ ...clubCard, atr: { protocols: ["t0"] } });
    await access.ChangeDir(ID, "5100");
    expect(await access.Directory(FILETYPE.SC_TYPE_ALL_FILES)).toHaveLength(8);
    const file = await access.Open(ID, "0001");
    await access.Write(file, new Uint8Array(600).fill(7));
    await access.Seek(file, BEGINNING, 0);
    expect((await access.Read(file, 0)).bytesRead).toBe(700);
    const large = await access.Open(ID, "0007");
    await access.Seek(large, BEGINNING, 32_700);
    await access.Write(large, text("across the border".repeat(20)));
    await access.Seek(large, RELATIVE, -17);
    expect(textOf((await access.Read(large, 17)).buffer)).toBe("across the border");
    await access.Create(ID, "1001", transparent);
    await access.Delete(ID, "1001");
  });

  test("is another program's between two operations, and the file is found again", async () => {
    const { access, name, program } = await files();
    const file = await access.Open(ID, "5100/0001");
    await access.Read(file, 7);
    const { winscard } = program("third");
    const { context } = await winscard.SCardEstablishContext(0);
    const { card } = await winscard.SCardConnect(context, name, 2, 2);
    const other = new CSCardManage(program("other").winscard, {});
    await other.AttachByIFD(name);
    await other.SCardLock();
    const waiting = access.Read(file, 5);
    await other.SCardUnlock();
    expect(textOf((await waiting).buffer)).toBe("since");
    await winscard.SCardTransmit(card, null, Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00));
    expect(textOf((await access.Read(file, 5)).buffer)).toBe(" 2019");
  });
});

test("under a lock of the caller's own a file is selected once, and an application not a second time", async () => {
  const { manage, card } = await plainWorld({
    "00A4040005A00000000100": "6F0A8201388405A0000000019000",
    "00A4000402000100": "620B82010180020004830200019000",
    "00B0000002": "41429000",
    "00B0000202": "43449000",
  });
  const sent = (): string[] => card.commands.splice(0).map((command) => encodeHex(command));
  const access = manage.CreateFileAccess();
  await manage.SCardLock();
  await access.ChangeDir(NAME, "A000000001");
  const file = await access.Open(ID, "0001");
  expect(hex(await access.Read(file, 2))).toBe("4142");
  expect(hex(await access.Read(file, 2))).toBe("4344");
  expect(sent()).toEqual(["00A4040005A00000000100", "00A4000402000100", "00B0000002", "00B0000202"]);
  await manage.SCardUnlock();
  await access.Seek(file, BEGINNING, 0);
  await access.Read(file, 2);
  const anew = ["00A4040005A00000000100", "00A4000402000100"];
  expect(sent()).toEqual([...anew, ...anew, "00B0000002"]);
  await manage.SCardLock();
  await access.Read(file, 2);
  await manage.Reconnect();
  await access.Seek(file, BEGINNING, 0);
  expect(sent()).toEqual([...anew, "00B0000202", ...anew]);
});

async function plain(
  answers: Readonly<Record<string, string>>,
): Promise<{ readonly access: ISCardFileAccess; readonly card: PlainCard }> {
  const { manage, card } = await plainWorld(answers);
  return { access: manage.CreateFileAccess(), card };
}

describe("cards that know less", () => {
  const old = {
    "00A40804025100": "6A86",
    "00A4080C025100": "6A86",
    "00A4000C023F00": "9000",
    "00A4000C025100": "9000",
    "00A4000C022F02": "9000",
    "00A4000C022F00": "9000",
  };

  test("no paths, and nothing told of a file: each directory is selected, and the file asked what it is", async () => {
    const { access, card } = await plain({
      ...old,
      "00B0000001": "419000",
      "00B0000000": "41429000",
      "00B0000200": "6B00",
      "00B00000FF": "6700",
    });
    await access.ChangeDir(ID, "5100");
    expect(await access.GetCurrentDir()).toBe("3F00/5100");
    const file = await access.Open(ANY, "/2F02");
    expect(hex(await access.Read(file, 0))).toBe("4142");
    expect(await rejectionOf(access.Read(file, 0))).toBe("SCARD_W_EOF");
    expect(await rejectionOf(access.Seek(file, END, 0))).toBe("SCARD_E_UNSUPPORTED_FEATURE");
    expect(card.commands.map((command) => encodeHex(command))).toContain("00A4000C025100");
    expect(await rejectionOf(access.Delete(ID, "/2F02"))).toBe("E_NOTIMPL");
    expect(await rejectionOf(access.Directory(FILETYPE.SC_TYPE_FILES))).toBe("E_NOTIMPL");
    expect(await rejectionOf(access.Invalidate("/2F02"))).toBe("SCARD_E_UNSUPPORTED_FEATURE");
  });

  test("a file of records, of which nothing is told", async () => {
    const { access } = await plain({
      ...old,
      "00B0000001": "6981",
      "00B2010400": "01029000",
      "00B2020400": "6A83",
      "00DC020402AABB": "6A83",
      "00E2000002AABB": "9000",
    });
    const file = await access.Open(ANY, "2F00");
    expect(hex(await access.Read(file, 0))).toBe("0102");
    expect(await rejectionOf(access.Read(file, 0))).toBe("SCARD_W_EOF");
    await access.Write(file, Uint8Array.of(0xaa, 0xbb));
  });

  test.each([
    ["61xx and 6Cxx over T=1", { "00A40804022F0200": "6102", "00C0000002": "62009000" }],
    ["wrong Le", { "00A40804022F0200": "6C02", "00A40804022F0202": "62009000" }],
  ])("%s are followed up", async (_, answers) => {
    const { access } = await plain({ ...answers, "00B0000001": "419000" });
    await access.Open(ID, "2F02");
  });

  test.each([
    ["6F00", "SCARD_E_UNEXPECTED"],
    ["6581", "SCARD_E_UNEXPECTED"],
    ["6A85", "SCARD_E_INVALID_PARAMETER"],
    ["6982", "SCARD_W_SECURITY_VIOLATION"],
    ["6999", "SCARD_E_UNEXPECTED"],
  ])("an answer of %s is %s", async (answer, code) => {
    const { access } = await plain({ "00A40804022F0200": answer });
    expect(await rejectionOf(access.Open(ID, "2F02"))).toBe(code);
  });
});
