// SPDX-License-Identifier: MIT

// The module that docs/guide/card-modules.md shows, word for word: guide.test.ts compares the two.

import type {
  CardModule,
  KeyContainer,
  ModuleCard,
  ModuleHost,
  PinDescription,
  SignRequest,
} from "../../src/entry/modules.ts";

/** The card of our country: one key on P-256, whose certificate is in the file with the short identifier 1. */
export const nationalIdModule: CardModule = {
  name: "national-id",
  async open(host) {
    if ((await select(host)).sw !== 0x9000) return undefined;
    const serial = await host.send({ cla: 0x00, ins: 0xca, p1: 0x01, p2: 0x01, le: 256 });
    return new NationalIdCard(host, host.data(serial, "tell its serial number"));
  },
};

const application = Uint8Array.of(0xf0, 0x4e, 0x41, 0x54, 0x49, 0x44);
const select = (host: ModuleHost) => host.send({ cla: 0x00, ins: 0xa4, p1: 0x04, p2: 0x0c, data: application });
const pin: PinDescription = { role: "user", name: "PIN 1", kind: "pin", leastBytes: 4, mostBytes: 12, unblockedBy: [] };

class NationalIdCard implements ModuleCard {
  readonly label = "national identity card";
  readonly pins = [pin];
  readonly serialNumber: string;
  readonly #host: ModuleHost;

  constructor(host: ModuleHost, serial: Uint8Array) {
    this.#host = host;
    this.serialNumber = new TextDecoder().decode(serial);
  }

  get identity(): string {
    return this.serialNumber;
  }

  async select(): Promise<void> {
    this.#host.data(await select(this.#host), "select the identity application");
  }

  async containers(): Promise<readonly KeyContainer[]> {
    const certified = this.#host.keyOfCertificate(await this.certificate());
    if (certified === undefined) return [];
    return [{ name: "1", label: "Identity", ...certified, uses: ["sign"], pin: "user", pinPolicy: "once" }];
  }

  async certificate(): Promise<Uint8Array> {
    const parts: number[] = [];
    for (let part = new Uint8Array(256); part.length === 256; parts.push(...part)) {
      // READ BINARY: the first one names the file, the others go on in it.
      const [p1, p2] = parts.length === 0 ? [0x81, 0] : [parts.length >> 8, parts.length & 0xff];
      const answer = await this.#host.send({ cla: 0x00, ins: 0xb0, p1, p2, le: 256 });
      part = Uint8Array.from(this.#host.data(answer, "read the certificate"));
    }
    return Uint8Array.from(parts);
  }

  async triesLeft(): Promise<number | undefined> {
    const { sw } = await this.#host.send({ cla: 0x00, ins: 0x20, p1: 0x00, p2: 0x01 });
    return sw >> 4 === 0x63c ? sw & 0x0f : undefined;
  }

  async verify(_role: string, value: Uint8Array): Promise<void> {
    const { sw } = await this.#host.send({ cla: 0x00, ins: 0x20, p1: 0x00, p2: 0x01, data: value });
    if (sw !== 0x9000) throw this.#host.pinFailure(sw, pin);
  }

  async sign(_container: KeyContainer, request: SignRequest): Promise<Uint8Array> {
    if (request.scheme !== "ecdsa") throw this.#host.failure(0x6a81, "sign so");
    const command = { cla: 0x00, ins: 0x2a, p1: 0x9e, p2: 0x9a, data: request.digest, le: 256 };
    return this.#host.data(await this.#host.send(command), "sign");
  }
}
