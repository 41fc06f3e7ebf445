// SPDX-License-Identifier: MIT

import type { ContextDatabase } from "../../port/index.ts";
import { textOf } from "./arguments.ts";
import type { InDatabase } from "./database-choice.ts";
import type { Foundation } from "./foundation.ts";
import type { SCARDCONTEXT } from "./handles.ts";

/** The functions on a reader as a device. They do not disturb its users. */
export function deviceFunctions({ handles }: Foundation, inDatabase: InDatabase) {
  function ask<T>(
    context: SCARDCONTEXT,
    readerName: string,
    operation: string,
    call: (database: ContextDatabase, reader: string) => Promise<T>,
  ): Promise<T> {
    const name = textOf(readerName, "reader name", operation);
    handles.context(context);
    return inDatabase(context, (database) => call(database, name));
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
      const call = (database: ContextDatabase, reader: string) => database.deviceType(reader);
      return { deviceTypeId: await ask(context, readerName, "get device type", call) };
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
      const call = (database: ContextDatabase, reader: string) => database.deviceInstance(reader);
      return { deviceInstanceId: await ask(context, readerName, "get device instance id", call) };
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
      const id = textOf(deviceInstanceId, "device instance id", "list readers");
      handles.context(context);
      return { readers: await inDatabase(context, (database) => database.readersOfInstance(id)) };
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
      const call = (database: ContextDatabase, reader: string) => database.readerIcon(reader);
      return { icon: await ask(context, readerName, "get reader icon", call) };
    },
  };
}

export type DeviceFunctions = Readonly<ReturnType<typeof deviceFunctions>>;
