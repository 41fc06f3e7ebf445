// SPDX-License-Identifier: MIT

/** A fault in how the package calls winscard.dll: what is replaced in a built file, and by what. */
export interface WindowsMutant {
  readonly name: string;
  /** In dist/platform/node/system/. */
  readonly file: string;
  readonly changes: readonly (readonly [search: string, replace: string])[];
}

export const mutants: readonly WindowsMutant[] = [
  {
    name: "a DWORD has 8 bytes",
    file: "abi.js",
    changes: [
      ["dwordBytes: 4,\n        handleBytes: pointerBytes", "dwordBytes: 8,\n        handleBytes: pointerBytes"],
    ],
  },
  { name: "SCardConnectA for SCardConnectW", file: "abi.js", changes: [['"SCardConnectW"', '"SCardConnectA"']] },
  {
    name: "SCardListReadersA for SCardListReadersW",
    file: "abi.js",
    changes: [['"SCardListReadersW"', '"SCardListReadersA"']],
  },
  {
    name: "SCardGetStatusChangeA for SCardGetStatusChangeW",
    file: "abi.js",
    changes: [['"SCardGetStatusChangeW"', '"SCardGetStatusChangeA"']],
  },
  { name: "SCARD_READERSTATE has 48 bytes", file: "abi.js", changes: [["atrBytes: 36", "atrBytes: 20"]] },
  {
    name: "no second NUL at the end of a multi-string",
    file: "abi.js",
    changes: [['\\0`).join(""))', '`).join("\\0"))']],
  },
  {
    name: "text with its most significant byte first",
    file: "abi.js",
    changes: [["charCodeAt(index), true)", "charCodeAt(index), false)"]],
  },
  {
    name: "a blocking call on the main thread",
    file: "library.js",
    changes: [
      [
        "call: (name, args) => onThread(functions[name], args)",
        "call: async (name, args) => unsigned(functions[name](...args))",
      ],
    ],
  },
  {
    name: "a wrong cbPciLength",
    file: "winscard-calls.js",
    changes: [["cbPciLength: io.size", "cbPciLength: io.size * 2"]],
  },
  {
    name: "a reserved pointer is missing",
    file: "winscard-calls.js",
    changes: [["[scope, null, null, handle.bytes]", "[scope, null, handle.bytes, null]"]],
  },
  {
    name: "a reserved pointer is not NULL",
    file: "winscard-calls.js",
    changes: [["[scope, null, null, handle.bytes]", "[scope, null, handle.bytes, handle.bytes]"]],
  },
  {
    name: "allocated memory is never freed",
    file: "database-calls.js",
    changes: [['await this.#run("SCardFreeMemory", [context, address]);', ""]],
  },
  {
    name: "the place is freed and not the memory",
    file: "database-calls.js",
    changes: [
      ['this.#run("SCardFreeMemory", [context, address])', 'this.#run("SCardFreeMemory", [context, address + 2n])'],
    ],
  },
  {
    name: "memory is freed for no context",
    file: "database-calls.js",
    changes: [['"SCardFreeMemory", [context,', '"SCardFreeMemory", [0n,']],
  },
  {
    name: "memory is read after it was freed",
    file: "database-calls.js",
    changes: [
      [
        "return { rv, value: this.#library.read(address, count) };",
        'await this.#run("SCardFreeMemory", [context, address]); return { rv, value: this.#library.read(address, count) };',
      ],
    ],
  },
  {
    name: "bytes of allocated memory for characters",
    file: "database-calls.js",
    changes: [["read(viewOf(length), 0) * unit", "read(viewOf(length), 0)"]],
  },
  { name: "a handle of 32 bits", file: "abi.js", changes: [["handleBytes: pointerBytes", "handleBytes: 4"]] },
  {
    name: "SCardCancel on another context",
    file: "status-watch.js",
    changes: [["this.#calls.cancel(context.handle)", "this.#calls.cancel(context.handle ^ 1n)"]],
  },
  {
    name: "eleven readers are not the most in a call",
    file: "abi.js",
    changes: [["statesPerCall: 11", "statesPerCall: 20"]],
  },
  {
    name: "a context is never released",
    file: "native-context.js",
    changes: [["calls.releaseContext(kind, context)", "calls.cancel(context)"]],
  },
  {
    name: "a wait is never cancelled",
    file: "status-watch.js",
    changes: [["this.#calls.cancel(context.handle)", "Promise.resolve()"]],
  },
  {
    name: "the length of a command is one too many",
    file: "winscard-calls.js",
    changes: [["command, command.length]", "command, command.length + 1]"]],
  },
  {
    name: "the room for an answer is told too large",
    file: "winscard-calls.js",
    changes: [["this.#dwordCell(room.length)", "this.#dwordCell(room.length + 1)"]],
  },
  {
    name: "the bytes of a GUID in the order of its text",
    file: "database-abi.js",
    changes: [["[3, 2, 1, 0, 5, 4, 7, 6, 8", "[0, 1, 2, 3, 4, 5, 6, 7, 8"]],
  },
  {
    name: "an ATR without zeros behind it",
    file: "system-database.js",
    changes: [["padded.set(atr);", "return atr;"]],
  },
];
