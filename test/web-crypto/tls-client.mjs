// SPDX-License-Identifier: MIT

// Connects to a server of its own with the certificate of a card, and prints what both sides saw.
// Arguments: the engine, the identifier of the key, the newest version of TLS, the server's key and certificate.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:tls";
import { openCard } from "scard/modules";

const [privateKeyEngine = "", privateKeyIdentifier = "", version = "TLSv1.3", key = "", certificate = ""] =
  process.argv.slice(2);
const maxVersion = version === "TLSv1.2" ? "TLSv1.2" : "TLSv1.3";
const card = await openCard();
const body = Buffer.from(await card.certificate("9A")).toString("base64");
await card.close();
const cert = `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;

const own = { key: readFileSync(key), cert: readFileSync(certificate) };
const server = createServer({ ...own, requestCert: true, rejectUnauthorized: true, ca: cert, maxVersion }, (socket) => {
  socket.end(`${socket.authorized} ${socket.getProtocol()} ${socket.getPeerCertificate().fingerprint256}`);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
const port = typeof address === "object" && address !== null ? address.port : 0;
const shown = { ca: own.cert, servername: "localhost", cert, privateKeyEngine, privateKeyIdentifier };
const socket = connect({ host: "127.0.0.1", port, ...shown });
for await (const chunk of socket) process.stdout.write(chunk);
server.close();
