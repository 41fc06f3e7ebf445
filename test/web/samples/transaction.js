// SPDX-License-Identifier: MIT

// Several commands in one transaction, which resets the card at its end; and one whose callback fails. After the explainer of the Web
// Smart Card API, "Transmissions in a transaction".

/** @param {(line: string) => void} tell */
export async function transactionSample(tell) {
  const context = await navigator.smartCard.establishContext();
  const [reader] = await context.listReaders();
  const connect = async () => {
    const { connection } = await context.connect(reader, "shared", { preferredProtocols: ["t0", "t1"] });
    return connection;
  };
  const connection = await connect();
  await connection.startTransaction(async () => {
    for (const id of [
      [0x3f, 0x00],
      [0x7f, 0x77],
    ]) {
      const answer = await connection.transmit(new Uint8Array([0x00, 0xa4, 0x00, 0x0c, 0x02, ...id]));
      tell(`answer: ${new Uint8Array(answer).join(" ")}`);
    }
    return "reset";
  });
  tell("the transaction has ended");
  await connection.disconnect();
  const other = await connect();
  try {
    await other.startTransaction(async () => {
      throw new RangeError("the callback has failed");
    });
  } catch (error) {
    tell(`${error.name}: ${error.message}`);
  }
  await other.disconnect();
}
