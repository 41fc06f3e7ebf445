// SPDX-License-Identifier: MIT

import { connect, type Socket } from "node:net";
import { encodeRequest, type Request } from "../../src/wire/pcsclite/index.ts";

/** Bytes of the answers to requests: what follows the header. */
export const answerBytes = {
  version: 12,
  "establish-context": 12,
  "release-context": 8,
  connect: 152,
  disconnect: 12,
  "begin-transaction": 8,
} as const;

/** A client that writes requests and counts bytes: it keeps no rule of the protocol that it does not want to keep. */
export class RawClient {
  readonly socket: Socket;
  #received: Uint8Array[] = [];
  #length = 0;
  #wanted:
    | { readonly length: number; readonly resolve: (bytes: Buffer) => void; readonly reject: (e: Error) => void }
    | undefined;
  isOver = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      this.#received.push(bytes);
      this.#length += bytes.length;
      this.#look();
    });
    socket.on("close", () => {
      this.isOver = true;
      this.#wanted?.reject(new Error("the service closed the connection"));
    });
  }

  /** Connects; a full queue of the service is tried again. */
  static async open(path: string): Promise<RawClient> {
    for (;;) {
      const socket = connect(path);
      const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
        socket.once("connect", () => resolve(undefined));
        socket.once("error", resolve);
      });
      if (failure === undefined) return new RawClient(socket);
      if (failure.code !== "EAGAIN") throw failure;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  send(...requests: readonly Request[]): void {
    for (const request of requests) this.socket.write(encodeRequest(request));
  }

  /** The next bytes, so many. @throws when the service closes the connection */
  read(length: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#wanted = { length, resolve, reject };
      if (this.isOver) reject(new Error("the service has closed the connection"));
      else this.#look();
    });
  }

  /** Asks, and gives the answer. */
  async ask(request: Request & { readonly kind: keyof typeof answerBytes }): Promise<Buffer> {
    this.send(request);
    return this.read(answerBytes[request.kind]);
  }

  /** The number of a new context, after the exchange of versions; 0 where there is none to be had. */
  async establish(): Promise<number> {
    await this.ask({ kind: "version", major: 4, minor: 4 });
    return (await this.ask({ kind: "establish-context", scope: 2 })).readUInt32LE(4);
  }

  /** The number of a new connection; 0 where there is none to be had. */
  async connect(context: number, reader: string): Promise<number> {
    const answer = await this.ask({ kind: "connect", context, reader, shareMode: 2, preferredProtocols: 3 });
    return answer.readUInt32LE(answer.length - 12);
  }

  close(): void {
    this.socket.destroy();
  }

  #look(): void {
    const wanted = this.#wanted;
    if (wanted === undefined || this.#length < wanted.length) return;
    const all = Buffer.concat(this.#received);
    this.#wanted = undefined;
    this.#received = [all.subarray(wanted.length)];
    this.#length = all.length - wanted.length;
    wanted.resolve(all.subarray(0, wanted.length));
  }
}
