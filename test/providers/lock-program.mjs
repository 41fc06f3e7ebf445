// SPDX-License-Identifier: MIT

// A program that locks cards by the service providers, as it is told line by line: "NAME METHOD [ARGUMENT]", where NAME is
// one of its ISCardManage. It answers with lines of JSON, in the order in which calls end.
//
//   node lock-program.mjs READER
//
// Which resource manager it uses, SCARD_MANAGER says: the same program runs on a daemon and on an embedded one.

import { createInterface } from "node:readline";
import { CLSID_Iso7816Provider, defaultFactory } from "scard/providers";

const [reader] = process.argv.slice(2);
const factory = defaultFactory();
const managers = new Map();
/** The call of each that was begun last: the next one begins when it has ended. */
const last = new Map();

const methods = {
  attach: (manage) => manage.AttachByIFD(reader),
  lock: (manage) => manage.SCardLock(),
  unlock: (manage, disposition) => manage.SCardUnlock(Number(disposition)),
  status: (manage) => manage.Status(),
  reconnect: (manage) => manage.Reconnect(),
  detach: (manage) => manage.Detach(),
};

async function call(name, method, argument) {
  managers.set(name, managers.get(name) ?? (await factory.createInstance(CLSID_Iso7816Provider)));
  const result = await methods[method](managers.get(name), argument).then(
    () => "S_OK",
    (error) => error.hresultName ?? String(error),
  );
  console.log(JSON.stringify({ name, method, result }));
}

console.log(JSON.stringify({ ready: process.pid }));
for await (const line of createInterface({ input: process.stdin })) {
  const [name, method, argument] = line.split(" ");
  last.set(
    name,
    Promise.resolve(last.get(name)).then(() => call(name, method, argument)),
  );
}
process.exit(0);
