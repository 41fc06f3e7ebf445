// SPDX-License-Identifier: MIT

// Sends one command to the card in the first reader. After the explainer of the Web Smart Card API, "Transmitting a command".

/** @param {(line: string) => void} tell */
export async function transmitSample(tell) {
  const context = await navigator.smartCard.establishContext();
  const [reader] = await context.listReaders();
  tell(`reader: ${reader}`);
  const { activeProtocol, connection } = await context.connect(reader, "shared", {
    preferredProtocols: ["t0", "t1"],
  });
  tell(`protocol: ${activeProtocol}`);
  const command = new Uint8Array([0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00]);
  const answer = await connection.transmit(command);
  const bytes = Array.from(new Uint8Array(answer), (byte) => byte.toString(16).padStart(2, "0"));
  tell(`answer: ${bytes.join(" ")}`);
  await connection.disconnect();
}
