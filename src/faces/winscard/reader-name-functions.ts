// SPDX-License-Identifier: MIT

import { textOf } from "./arguments.ts";
import type { InDatabase } from "./database-choice.ts";
import type { SCARDCONTEXT } from "./handles.ts";

/**
 * The functions that give readers names and put them into groups. Names are compared without regard to case. All
 * functions take a name that was introduced, where they take a reader; the scope of the context counts.
 *
 * Besides what is listed, each of them fails with what keeps the database from being read or changed, as the functions
 * on card types do.
 */
export function readerNameFunctions(inDatabase: InDatabase) {
  return {
    /**
     * Gives a reader a further name, and puts that into SCARD_DEFAULT_READERS. A reader has its system name until
     * it is given one; that stays until SCardForgetReader, so renaming takes both calls.
     *
     * @param deviceName the name that SCardListReaders has for the reader, or its SCARD_ATTR_DEVICE_SYSTEM_NAME. A reader
     * that is not attached now is named by the former.
     * @throws duplicate-reader (there is a reader of that name), invalid-parameter (a bad name), invalid-context
     * @see SCardIntroduceReader function (winscard.h), Microsoft
     */
    SCardIntroduceReader: async (context: SCARDCONTEXT, readerName: string, deviceName: string): Promise<void> => {
      const operation = "introduce reader";
      const name = textOf(readerName, "reader name", operation);
      const device = textOf(deviceName, "device name", operation);
      await inDatabase(context, (database) => database.introduceReader(name, device));
    },

    /**
     * Removes a name of a reader, also from all groups; a group without readers disappears. A reader without an introduced
     * name gets its system name back.
     *
     * @param readerName a name of the reader. Its SCARD_ATTR_DEVICE_SYSTEM_NAME is its system
     * name.
     * @throws unknown-reader, no-access (the name is the system's, and the context the user's), invalid-context
     * @see SCardForgetReader function (winscard.h), Microsoft
     */
    SCardForgetReader: async (context: SCARDCONTEXT, readerName: string): Promise<void> => {
      const name = textOf(readerName, "reader name", "forget reader");
      await inDatabase(context, (database) => database.forgetReader(name));
    },

    /**
     * Checks the name of a group. A group exists while a reader is in it, so nothing is stored.
     *
     * @param context may be null.
     * @throws invalid-parameter (a bad name, or one with which the system's begin: `SCard$`), invalid-context
     * @see SCardIntroduceReaderGroup function (winscard.h), Microsoft
     */
    SCardIntroduceReaderGroup: async (context: SCARDCONTEXT | null, groupName: string): Promise<void> => {
      const name = textOf(groupName, "group name", "introduce reader group");
      await inDatabase(context, (database) => database.introduceReaderGroup(name));
    },

    /**
     * Removes all readers from a group, and so the group. The readers stay; an unknown group is not an error.
     *
     * @throws invalid-parameter (a bad name, or a group of the system's), invalid-context
     * @see SCardForgetReaderGroup function (winscard.h), Microsoft
     */
    SCardForgetReaderGroup: async (context: SCARDCONTEXT, groupName: string): Promise<void> => {
      const name = textOf(groupName, "group name", "forget reader group");
      await inDatabase(context, (database) => database.forgetReaderGroup(name));
    },

    /**
     * Adds a reader to a group, and creates the group if necessary.
     *
     * @throws unknown-reader, invalid-parameter (a bad name, or a group of the system's other than SCARD_DEFAULT_READERS),
     * invalid-context
     * @see SCardAddReaderToGroup function (winscard.h), Microsoft
     */
    SCardAddReaderToGroup: async (context: SCARDCONTEXT, readerName: string, groupName: string): Promise<void> => {
      const operation = "add reader to group";
      const [reader, group] = [
        textOf(readerName, "reader name", operation),
        textOf(groupName, "group name", operation),
      ];
      await inDatabase(context, (database) => database.addReaderToGroup(reader, group));
    },

    /**
     * Removes a reader from a group, also from SCARD_DEFAULT_READERS; the group disappears with its last reader.
     *
     * @throws unknown-reader, invalid-parameter (as SCardAddReaderToGroup), invalid-context
     * @see SCardRemoveReaderFromGroup function (winscard.h), Microsoft
     */
    SCardRemoveReaderFromGroup: async (context: SCARDCONTEXT, readerName: string, groupName: string): Promise<void> => {
      const operation = "remove reader from group";
      const [reader, group] = [
        textOf(readerName, "reader name", operation),
        textOf(groupName, "group name", operation),
      ];
      await inDatabase(context, (database) => database.removeReaderFromGroup(reader, group));
    },
  };
}

export type ReaderNameFunctions = Readonly<ReturnType<typeof readerNameFunctions>>;
