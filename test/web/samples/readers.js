// SPDX-License-Identifier: MIT

// Waits for a reader. After the explainer of the Web Smart Card API, "Reacting to reader availability".

/** @param {(line: string) => void} tell */
export async function readersSample(tell) {
  const context = await navigator.smartCard.establishContext();
  const before = await context.listReaders();
  tell(`readers: ${before.join(", ")}`);
  const notification = { readerName: "\\\\?PnP?\\Notification", currentState: {} };
  await context.getStatusChange([notification], { timeout: 10_000 });
  const after = await context.listReaders();
  tell(`new: ${after.filter((reader) => !before.includes(reader)).join(", ")}`);
}
