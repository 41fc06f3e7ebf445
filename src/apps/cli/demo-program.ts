// SPDX-License-Identifier: MIT

import { concatBytes, hexWord } from "../../base/binary/index.ts";
import {
  type CommandInit,
  decodeCommand,
  decodeResponse,
  describeStatusWord,
  ExchangeRedactor,
  encodeCommand,
  type ResponseApdu,
  withheldText,
} from "../../base/iso7816/index.ts";
import {
  SCARD_PCI_T1,
  SCARD_PROTOCOL_T0,
  SCARD_PROTOCOL_T1,
  SCARD_SCOPE_USER,
  SCARD_SHARE_SHARED,
  type SCARDCONTEXT,
  type SCARDHANDLE,
  WinSCard,
} from "../../faces/winscard/index.ts";
import type { EmbeddedManager, ManagerClient } from "../../managers/embedded/index.ts";
import { assert, fromNumber, protocols } from "../../port/index.ts";
import { dataInBrief } from "./answer.ts";
import { type PendingCall, pendingCall, type Transcript } from "./demo-transcript.ts";

/** F0 and `scard.demo`: the application on the demo card. */
const applicationId = concatBytes(Uint8Array.of(0xf0), new TextEncoder().encode("scard.demo"));
/** PIN 1 of the demo card, which is in its documentation. */
const pin = new TextEncoder().encode("1234");

/** The commands of the demo, by what they do. */
type CardCommandName = "selectApplication" | "readGreeting" | "readSecret" | "verifyPin";

/** The commands of the demo. The files are addressed by short identifiers: 1 is open to all, 3 requires the PIN. */
export const cardCommands: Readonly<Record<CardCommandName, CommandInit>> = {
  selectApplication: { cla: 0, ins: 0xa4, p1: 0x04, p2: 0, data: applicationId, le: 256 },
  readGreeting: { cla: 0, ins: 0xb0, p1: 0x81, p2: 0, le: 256 },
  readSecret: { cla: 0, ins: 0xb0, p1: 0x83, p2: 0, le: 256 },
  verifyPin: { cla: 0, ins: 0x20, p1: 0, p2: 0x01, data: pin },
};

/** One application of the demo: a program of its own to the manager, written on the WinSCard functions as in C. */
export class DemoProgram {
  readonly name: string;
  readonly client: ManagerClient;
  readonly api: WinSCard;
  readonly #transcript: Transcript;
  readonly #redactor = new ExchangeRedactor();
  #context: SCARDCONTEXT | undefined;
  #card: SCARDHANDLE | undefined;

  constructor(name: string, manager: EmbeddedManager, transcript: Transcript) {
    const client = manager.client({ name, pid: process.pid });
    this.name = name;
    this.client = client;
    this.api = new WinSCard({ defaultManager: () => client });
    this.#transcript = transcript;
  }

  get context(): SCARDCONTEXT {
    assert(this.#context !== undefined, "the program has a context");
    return this.#context;
  }

  get card(): SCARDHANDLE {
    assert(this.#card !== undefined, "the program has a card");
    return this.#card;
  }

  /** SCardEstablishContext. */
  async start(): Promise<void> {
    const pending = pendingCall("SCardEstablishContext(USER)", this.api.SCardEstablishContext(SCARD_SCOPE_USER));
    const { context } = await this.#transcript.succeeds(this.name, pending, (value) => `context ${value.context}`);
    this.#context = context;
  }

  /** SCardConnect, shared. */
  async connect(reader: string): Promise<void> {
    const protocols = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1;
    const promise = this.api.SCardConnect(this.context, reader, SCARD_SHARE_SHARED, protocols);
    const pending = pendingCall("SCardConnect(SHARED, T0|T1)", promise);
    const { card } = await this.#transcript.succeeds(
      this.name,
      pending,
      (value) => `card ${value.card}, protocol ${protocolName(value.activeProtocol)}`,
      { holds: (value) => value.activeProtocol === SCARD_PROTOCOL_T1, what: "protocol T=1, which is preferred" },
    );
    this.#card = card;
  }

  /** SCardReconnect, shared, leaving the card as it is: what a program does that was told of a reset. */
  async reconnect(): Promise<void> {
    const protocols = SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1;
    const pending = this.begin("SCardReconnect(SHARED, T0|T1, LEAVE)", (api) =>
      api.SCardReconnect(this.card, SCARD_SHARE_SHARED, protocols, 0),
    );
    const describe = (value: { readonly activeProtocol: number }): string =>
      `protocol ${protocolName(value.activeProtocol)}`;
    await this.#transcript.succeeds(this.name, pending, describe);
  }

  /** Begins a call without waiting for it. */
  begin<T>(call: string, make: (api: WinSCard) => Promise<T>): PendingCall<T> {
    return pendingCall(call, make(this.api));
  }

  /** A call that should succeed and returns nothing. */
  async does(call: string, make: (api: WinSCard) => Promise<void>): Promise<void> {
    await this.#transcript.succeeds(this.name, this.begin(call, make), () => "success");
  }

  /** SCardTransmit: sends a command and checks the status word. The transcript shows both, but no PIN. */
  async transmit(command: CommandInit, expectedSw: number): Promise<ResponseApdu> {
    const bytes = encodeCommand(command);
    const decoded = decodeCommand(bytes);
    assert(decoded.ok, "the demo's commands are well-formed");
    const pending = this.begin(`SCardTransmit ${this.#redactor.command(bytes).text}`, async (api) => {
      const { response } = await api.SCardTransmit(this.card, SCARD_PCI_T1, bytes);
      const answer = decodeResponse(response);
      assert(answer.ok, "the manager hands out answers with a status word");
      return { ...answer.value, ins: command.ins, withheldBytes: this.#redactor.response(response).withheldBytes };
    });
    return this.#transcript.succeeds(this.name, pending, describeAnswer, {
      holds: ({ sw }) => sw === expectedSw,
      what: hexWord(expectedSw),
    });
  }
}

function describeAnswer({
  data,
  ins,
  sw,
  withheldBytes,
}: ResponseApdu & { readonly ins: number; readonly withheldBytes: number }): string {
  const status = `${hexWord(sw)} ${describeStatusWord(sw, ins).meaning}`;
  if (withheldBytes > 0) return `${status}: ${withheldText(withheldBytes)}`;
  return data.length === 0 ? status : `${status}: ${dataInBrief(data)}`;
}

function protocolName(protocol: number): string {
  return fromNumber(protocols, protocol)?.replace(/^t(\d+)$/, "T=$1") ?? "none";
}
