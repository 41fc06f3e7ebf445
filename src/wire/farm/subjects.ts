// SPDX-License-Identifier: MIT

import { MAX_FARM_NAME } from "./limits.ts";

// The subjects of a farm. Each has the name of the host and that of the client in it, so that the broker can be told who may
// use which:
//   scard.FARM.hello.HOST.CLIENT             a client asks a host for a session, and is answered
//   scard.FARM.in.HOST.CLIENT.SESSION        what the client says in it
//   scard.FARM.out.HOST.CLIENT.SESSION       what the host says in it

const name = new RegExp(`^[a-z0-9]([a-z0-9-]{0,${MAX_FARM_NAME - 2}}[a-z0-9])?$`);

/** Whether a text can be the name of a farm, a host or a client: 1 to 32 small letters of ASCII, digits and hyphens, none of them at an end. */
export function isFarmName(text: string): boolean {
  return name.test(text);
}

/** The subject on which a host is asked for sessions; `*` for any client. */
export function helloSubject(farm: string, host: string, client: string): string {
  return `scard.${farm}.hello.${host}.${client}`;
}

/** The subject of what a client says in a session; `*` for any. */
export function inSubject(farm: string, host: string, client: string, session: string): string {
  return `scard.${farm}.in.${host}.${client}.${session}`;
}

/** The subject of what a host says in a session; `*` for any. */
export function outSubject(farm: string, host: string, client: string, session: string): string {
  return `scard.${farm}.out.${host}.${client}.${session}`;
}
