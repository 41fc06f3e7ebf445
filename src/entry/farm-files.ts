// SPDX-License-Identifier: MIT

import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { decodeHex, encodeHex, zeroBytes } from "../base/binary/index.ts";
import * as is from "../base/json/index.ts";
import { nodeNoiseCrypto } from "../platform/node/crypto/index.ts";
import type { NatsOptions } from "../platform/node/nats/index.ts";
import { nodeRuntime, readTextFile } from "../platform/node/runtime/index.ts";
import { thisUser } from "../platform/node/unix/index.ts";
import { SmartCardError } from "../port/index.ts";
import { NOISE_KEY_BYTES, type NoiseKeys } from "../wire/noise/index.ts";

const MAX_FILE_BYTES = 4_194_304;
const MAX_KEY_FILE_BYTES = 4_096;
/** Read and write permission of the group and of others. */
const OTHERS_MASK = 0o077;
const OWNER_ONLY = 0o600;

const farmName = is.textLike(
  /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
  "1 to 32 small letters, digits and hyphens, none of them at an end",
);
const publicKey = is.textLike(/^[0-9A-Fa-f]{64}$/, "64 hexadecimal digits: scard farm key prints them");
const path = is.text(4096);

const nats = is.object({
  servers: is.list(is.text(1024), 64),
  credentials: path.optional(),
  nkey: path.optional(),
  tls: is.object({ ca: path.optional(), cert: path.optional(), key: path.optional() }).optional(),
});
const clientFile = is.object({
  farm: farmName,
  client: farmName,
  key: path,
  nats,
  hosts: is.list(is.object({ name: farmName, publicKey }), 4096),
});
const hostFile = is.object({
  farm: farmName,
  host: farmName,
  key: path,
  nats,
  clients: is.list(is.object({ name: farmName, publicKey, readers: is.list(is.text(256), 1024) }), 4096),
});

/** What is in the file of a client of a farm. */
export type FarmClientFile = is.ValueOf<typeof clientFile>;
/** What is in the file of a host of a farm. */
export type FarmHostFile = is.ValueOf<typeof hostFile>;

/** Reads the file of a client. @throws invalid-value (the message has the place and the remedy), and what reading it fails with */
export async function readFarmClientFile(file: string): Promise<FarmClientFile> {
  return parsed(file, clientFile, await readJson(file));
}

/** Reads the file of a host. @throws as {@link readFarmClientFile} */
export async function readFarmHostFile(file: string): Promise<FarmHostFile> {
  return parsed(file, hostFile, await readJson(file));
}

async function readJson(file: string): Promise<unknown> {
  const text = await readTextFile(file, { mostBytes: MAX_FILE_BYTES });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrong(`${file} is not JSON: ${(error as Error).message}`, error);
  }
}

function wrong(message: string, cause?: unknown): SmartCardError {
  return new SmartCardError("invalid-value", message, {}, cause === undefined ? {} : { cause });
}

function parsed<T>(file: string, shape: is.Shape<T>, json: unknown): T {
  const read = is.parseShape(shape, json);
  if (read.ok) return read.value;
  const problems = read.error.map(({ message, path: place }) => `${place}: ${message}`);
  throw new SmartCardError("invalid-value", `${file}: ${problems.join("; ")}`);
}

/** How a file says that NATS is reached; its paths are beside the file. */
export async function natsOptions(file: string, name: string, given: FarmClientFile["nats"]): Promise<NatsOptions> {
  const near = (other: string): string => resolve(dirname(file), other);
  const { credentials, nkey, servers, tls } = given;
  if (servers.length === 0) throw wrong(`${file}: nats.servers is empty; name a server`);
  // An address is repeated in messages.
  if (servers.some((server) => server.includes("@")))
    throw wrong(
      `${file}: nats.servers has a password in an address; give nats.credentials or nats.nkey, a file, in its place`,
    );
  const secret = async (other: string): Promise<Uint8Array> => {
    checkPrivate(near(other));
    return new TextEncoder().encode((await readTextFile(near(other), { mostBytes: MAX_KEY_FILE_BYTES })).trim());
  };
  return {
    servers,
    name,
    ...(credentials !== undefined && { credentials: await secret(credentials) }),
    ...(nkey !== undefined && { nkeySeed: await secret(nkey) }),
    ...(tls !== undefined && {
      tls: {
        ...(tls.ca !== undefined && { caFile: near(tls.ca) }),
        ...(tls.cert !== undefined && { certFile: near(tls.cert) }),
        ...(tls.key !== undefined && { keyFile: near(tls.key) }),
      },
    }),
  };
}

/** The keys in a file that only its owner may read. @throws invalid-value, no-access (others may read it) */
export async function readFarmKey(file: string): Promise<NoiseKeys> {
  checkPrivate(file);
  const decoded = decodeHex((await readTextFile(file, { mostBytes: MAX_KEY_FILE_BYTES })).trim());
  if (!decoded.ok || decoded.value.length !== NOISE_KEY_BYTES)
    throw new SmartCardError("invalid-value", `${file} has no key in it: make one with scard farm key`);
  return { privateKey: decoded.value, publicKey: nodeNoiseCrypto.publicKey(decoded.value) };
}

/** Makes a key in a new file that only its owner may read. @throws invalid-value (there is such a file) */
export async function makeFarmKey(file: string): Promise<NoiseKeys> {
  const privateKey = nodeRuntime().random.bytes(NOISE_KEY_BYTES);
  const digits = new TextEncoder().encode(`${encodeHex(privateKey)}\n`);
  try {
    const handle = await open(file, "wx", OWNER_ONLY);
    try {
      await handle.writeFile(digits);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw wrong(`there is a file ${file} already`, error);
  } finally {
    zeroBytes(digits);
  }
  return { privateKey, publicKey: nodeNoiseCrypto.publicKey(privateKey) };
}

/** @throws no-access where others may read the file, or it is another user's */
function checkPrivate(file: string): void {
  const user = thisUser();
  // Windows keeps the rights of a file elsewhere: those of the user's own folder.
  if (user === undefined) return;
  const { mode, uid } = statSync(file);
  if (uid !== user.uid && uid !== 0) throw new SmartCardError("no-access", `${file} belongs to user ${uid}`);
  if ((mode & OTHERS_MASK) !== 0) throw new SmartCardError("no-access", `others may read ${file}: chmod 600 ${file}`);
}
