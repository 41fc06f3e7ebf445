// SPDX-License-Identifier: MIT

import { type ReaderDevice, type ReaderType, SmartCardError } from "../../port/index.ts";
import { textOf } from "./arguments.ts";
import {
  SCARD_READER_TYPE_EMBEDDEDSE,
  SCARD_READER_TYPE_NFC,
  SCARD_READER_TYPE_SERIAL,
  SCARD_READER_TYPE_USB,
  SCARD_READER_TYPE_VENDOR,
} from "./constants.ts";
import type { Foundation } from "./foundation.ts";
import type { SCARDCONTEXT } from "./handles.ts";
import { readerIcon } from "./reader-icons.ts";
import { describeAll, ReaderNaming } from "./reader-naming.ts";

const typeIds: Readonly<Record<ReaderType, number>> = {
  serial: SCARD_READER_TYPE_SERIAL,
  usb: SCARD_READER_TYPE_USB,
  nfc: SCARD_READER_TYPE_NFC,
  "embedded-se": SCARD_READER_TYPE_EMBEDDEDSE,
  vendor: SCARD_READER_TYPE_VENDOR,
};

/** The functions on a reader as a device. They do not disturb its users. */
export function deviceFunctions(foundation: Foundation) {
  const naming = new ReaderNaming(foundation);

  async function describe(context: SCARDCONTEXT, readerName: string, operation: string): Promise<ReaderDevice> {
    const name = textOf(readerName, "reader name", operation);
    const opened = foundation.handles.context(context);
    return await opened.describeReader(await naming.resolve(opened, name));
  }

  return {
    /**
     * How a reader is attached: SCARD_READER_TYPE_*.
     *
     * @throws not-supported (the manager cannot tell), unknown-reader, reader-unavailable, invalid-context
     * @see SCardGetDeviceTypeId function (winscard.h), Microsoft
     */
    SCardGetDeviceTypeId: async (
      context: SCARDCONTEXT,
      readerName: string,
    ): Promise<{ readonly deviceTypeId: number }> => {
      const { channelId, reader, type } = await describe(context, readerName, "get device type");
      if (type !== undefined) return { deviceTypeId: typeIds[type] };
      // The kind of channel, in the high word, has the numbers of the reader types, but for vendors', 0xF0 to 0xFF.
      const kind = (channelId ?? 0) >>> 16;
      if (kind === 0) {
        const message = `how "${reader}" is attached is not known`;
        throw new SmartCardError("not-supported", message, { reader, operation: "get device type" });
      }
      return { deviceTypeId: (kind & 0xf0) === SCARD_READER_TYPE_VENDOR ? SCARD_READER_TYPE_VENDOR : kind };
    },

    /**
     * Identifies a reader, also after it was unplugged and the machine restarted.
     *
     * @throws unknown-reader, reader-unavailable, invalid-context
     * @see SCardGetReaderDeviceInstanceId function (winscard.h), Microsoft
     *
     * **Portability**: on Windows it is the device instance identifier of Plug and Play; here the manager's own.
     */
    SCardGetReaderDeviceInstanceId: async (
      context: SCARDCONTEXT,
      readerName: string,
    ): Promise<{ readonly deviceInstanceId: string }> => {
      const { instanceId } = await describe(context, readerName, "get device instance id");
      return { deviceInstanceId: instanceId };
    },

    /**
     * Names of the readers that have a device instance identifier: as many as the device has readers, or names.
     *
     * @throws no-readers-available (none has it), invalid-context
     * @see SCardListReadersWithDeviceInstanceId function (winscard.h), Microsoft
     */
    SCardListReadersWithDeviceInstanceId: async (
      context: SCARDCONTEXT,
      deviceInstanceId: string,
    ): Promise<{ readonly readers: string[] }> => {
      const operation = "list readers";
      const id = textOf(deviceInstanceId, "device instance id", operation);
      const opened = foundation.handles.context(context);
      const devices = await describeAll(opened, await opened.listReaders());
      const readers: string[] = [];
      for (const { instanceId, reader } of devices) {
        if (instanceId === id) readers.push(...(await naming.namesOf(opened, reader)));
      }
      if (readers.length > 0) return { readers };
      throw new SmartCardError("no-readers-available", `no reader has the device instance id ${id}`, { operation });
    },

    /**
     * A picture of a reader: a PNG file of 256 × 256 pixels without an alpha channel, one for each kind of reader.
     *
     * It is ours: readers do not provide one. It is a PNG because every program that shows pictures supports that format.
     *
     * @throws unknown-reader, reader-unavailable, invalid-context
     * @see SCardGetReaderIcon function (winscard.h), Microsoft
     *
     * **Portability**: Windows returns the icon file of the reader's driver; its format is not documented.
     */
    SCardGetReaderIcon: async (context: SCARDCONTEXT, readerName: string): Promise<{ readonly icon: Uint8Array }> => {
      const { type } = await describe(context, readerName, "get reader icon");
      return { icon: readerIcon(type) };
    },
  };
}

export type DeviceFunctions = Readonly<ReturnType<typeof deviceFunctions>>;
