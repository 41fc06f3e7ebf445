// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Ports that are given to other programs. The system gives no connection on its way out a port below 32768, so another test's
 * connection cannot take one between the look and the use. Each process begins at a place of its own.
 */
const FIRST_PORT = 10_000;
const PORTS = 22_000;
const PORTS_OF_A_PROCESS = 64;

let next = (process.pid * PORTS_OF_A_PROCESS) % PORTS;

/** A port of this machine that nothing listens on. None is given twice. */
export async function freePort(): Promise<number> {
  const [port] = await portsInRow(1);
  return port;
}

/** Two ports in a row that nothing listens on. The driver of vpcd takes them so. */
export async function twoFreePorts(): Promise<[number, number]> {
  const [first] = await portsInRow(2);
  return [first, first + 1];
}

async function portsInRow(count: number): Promise<[number]> {
  for (let tries = 0; tries < PORTS; tries += count) {
    const first = FIRST_PORT + next;
    next = (next + count) % (PORTS - count);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return [first];
  }
  throw new Error(`there are no ${count} free ports in a row`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
