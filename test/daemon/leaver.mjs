// SPDX-License-Identifier: MIT

// A program that verifies a PIN and ends without disconnecting, in the way that its second argument says. Its first one is
// the socket of the daemon.
import { connect } from "node:net";
import { pcscdManager } from "scard/pcscd";

const [socket, how] = process.argv.slice(2);

// All that the program sends passes through here, so that the connection can be cut while the program lives on.
const cut = [];
const { createServer } = await import("node:net");
const relay = createServer((from) => {
  const to = connect(socket);
  cut.push(to);
  from.pipe(to).pipe(from);
  for (const one of [from, to]) one.on("error", () => {});
});
await new Promise((resolve) => relay.listen(`${socket}.relay-${process.pid}`, resolve));

const context = await pcscdManager({ socket: `${socket}.relay-${process.pid}` }).establishContext();
const [reader] = await context.listReaders();
const card = await context.connect(reader, { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
const verified = await card.transmit(Uint8Array.of(0x00, 0x20, 0x00, 0x01, 4, 0x31, 0x32, 0x33, 0x34));
relay.close();
process.stdout.write(`verified ${Buffer.from(verified).toString("hex")}\n`);
switch (how) {
  case "exit":
    process.exit(0);
    break;
  case "crash":
    process.abort();
    break;
  case "release":
    await context.release();
    process.stdout.write("released\n");
    break;
  case "cut":
    for (const one of cut) one.destroy();
    process.stdout.write("cut\n");
    break;
  default:
}
setInterval(() => {}, 1000);
