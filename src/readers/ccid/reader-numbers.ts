// SPDX-License-Identifier: MIT

import { repeat, u32le } from "../../base/binary/index.ts";
import type { ClassDescriptor } from "./class-descriptor.ts";
import type { CcidLimits } from "./limits.ts";
import type { Transfers } from "./transfers.ts";
import type { UsbInterfaceDescription } from "./usb-interface.ts";

/** GET_CLOCK_FREQUENCIES and GET_DATA_RATES. CCID 1.1, 5.3.2 and 5.3.3. */
const FROM_INTERFACE = 0xa1;
const GET_CLOCK_FREQUENCIES = 0x02;
const GET_DATA_RATES = 0x03;

/**
 * Asks for the clocks, in kilohertz, and the data rates, in bits per second, that a reader says it has lists of. A reader that
 * does not answer, or answers no list, goes on without.
 */
export async function readNumbers(
  transfers: Transfers,
  { interfaceNumber: index }: UsbInterfaceDescription,
  { fields }: ClassDescriptor,
  limits: CcidLimits,
): Promise<{ readonly clocksKhz: readonly number[]; readonly dataRates: readonly number[] }> {
  const list = async (request: number, count: number): Promise<readonly number[]> => {
    if (count === 0) return [];
    try {
      const setup = { requestType: FROM_INTERFACE, request, value: 0, index };
      return decodeNumbers(await transfers.controlIn(setup, limits.commandMs, count * u32le.size), count);
    } catch {
      return [];
    }
  };
  const clocksKhz = await list(GET_CLOCK_FREQUENCIES, fields.bNumClockSupported);
  return { clocksKhz, dataRates: await list(GET_DATA_RATES, fields.bNumDataRatesSupported) };
}

/** Whole numbers of four bytes; an answer of another length is none. 0 is no clock and no rate. */
function decodeNumbers(answer: Uint8Array, most: number): readonly number[] {
  if (answer.length % u32le.size !== 0) return [];
  const field = repeat(u32le, Math.min(most, answer.length / u32le.size));
  return field.read(new DataView(answer.buffer, answer.byteOffset, answer.length), 0).filter((value) => value > 0);
}
