// SPDX-License-Identifier: MIT

import { findTransport } from "../../entry/usb-readers.ts";
import { nodeRuntime } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { describeUsbInterface, type UsbTransport } from "../../readers/usb/index.ts";
import type { ControlResults } from "../daemon/index.ts";
import { exitCodes } from "./command.ts";
import { askLikelyDaemon } from "./control-option.ts";
import type { Paint, Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

/** A smart card interface of a device that is plugged in. */
interface ListedInterface {
  readonly port: string;
  /** Vendor and product: `072f:2200`. */
  readonly device: string;
  /** What it is called, without the numbers that a service gives it. */
  readonly title: string;
  readonly serial: string;
  readonly interface: number;
  /** Whether `scard daemon` has it in service. */
  readonly isOurs: boolean;
  /** The names of its readers, where the daemon has it. */
  readonly readers: readonly string[];
  /** What is known of it beyond what it says, where the daemon has it. */
  readonly notes?: readonly string[];
  /** Why the daemon does not have it. */
  readonly reason?: string;
}

/** What can be known of USB readers here. */
export interface UsbListing {
  /** Why there is no USB. */
  readonly missing?: string;
  /** Why no daemon could be asked. */
  readonly daemon?: string;
  readonly interfaces: readonly ListedInterface[];
}

/** `scard readers --usb`: each smart card interface on USB, and whether the daemon has it, and if not, why. */
export async function listUsbReaders(asJson: boolean, terminal: Terminal): Promise<number> {
  const listing = await usbListing(await findTransport(nodeRuntime()), () => askForUsb(terminal));
  if (asJson) terminal.print(jsonText(listing));
  else for (const line of describeListing(listing, terminal.paint)) terminal.print(line);
  return exitCodes.ok;
}

/** What a daemon knows, or why none says it. */
type DaemonsWord = ControlResults["usb"] | SmartCardError;

async function askForUsb(terminal: Terminal): Promise<DaemonsWord> {
  try {
    return (await askLikelyDaemon({ command: "usb" }, undefined, terminal)).result;
  } catch (error) {
    if (error instanceof SmartCardError) return error;
    throw error;
  }
}

/** Puts together what is plugged in, and what the daemon says. */
export async function usbListing(
  transport: Pick<UsbTransport, "holderOf" | "look">,
  ask: () => Promise<DaemonsWord>,
): Promise<UsbListing> {
  const tree = await transport.look();
  const answer = await ask();
  const isSilent = answer instanceof SmartCardError;
  const known = isSilent ? [] : answer.interfaces;
  const interfaces: ListedInterface[] = [];
  for (const { ignored, interfaces: found } of tree.isThere ? tree.devices : []) {
    for (const description of found) {
      const { device, id, title } = describeUsbInterface(description);
      const { interfaceNumber, portPath: port, serial } = description;
      const ours = known.find((one) => one.id === id);
      const isOurs = ours?.state === "ours";
      const why = async (): Promise<string> => {
        const holder = await transport.holderOf(description);
        const who = holder && `${holder.name}${holder.pid === undefined ? "" : ` (pid ${holder.pid})`} has it`;
        const unasked = isSilent ? whySilent(answer) : "the daemon has not seen it";
        return ours?.reason ?? ignored ?? who ?? unasked;
      };
      interfaces.push({
        port,
        device,
        title,
        serial,
        interface: interfaceNumber,
        isOurs,
        readers: isOurs ? ours.readers : [],
        ...(isOurs && ours.notes !== undefined && ours.notes.length > 0 && { notes: ours.notes }),
        ...(!isOurs && { reason: await why() }),
      });
    }
  }
  return {
    ...(!tree.isThere && { missing: tree.reason }),
    ...(isSilent && { daemon: whySilent(answer) }),
    interfaces,
  };
}

function whySilent(error: SmartCardError): string {
  return error.code === "no-service" ? "no scard daemon runs" : error.reason;
}

function* describeListing({ daemon, interfaces, missing }: UsbListing, paint: Paint): Generator<string> {
  if (missing !== undefined) yield `there are no USB readers: ${visible(missing)}`;
  else if (interfaces.length === 0) yield "no USB reader is plugged in";
  for (const { device, isOurs, notes = [], port, readers, reason, title } of interfaces) {
    const state = isOurs ? paint("green", "ours") : paint("yellow", "not ours");
    yield `${port.padEnd(6)} ${device}  ${paint("bold", visible(title))}  ${state}`;
    for (const name of readers) yield `       ${visible(name)}`;
    for (const note of notes) yield `       ${paint("dim", visible(note))}`;
    if (reason !== undefined) yield `       ${visible(reason)}`;
  }
  if (daemon !== undefined && interfaces.length > 0) yield `${visible(daemon)}: "scard daemon" takes the readers`;
}
