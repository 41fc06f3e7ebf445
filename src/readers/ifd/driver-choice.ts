// SPDX-License-Identifier: MIT

import type { BundleInfo } from "./info-plist.ts";

/** A driver bundle of pcsc-lite, as it is installed. */
export interface DriverBundle extends BundleInfo {
  /** Path of the library. */
  readonly library: string;
}

/** A driver that may have a reader, and the name that its bundle gives the reader. */
export interface DriverChoice {
  readonly library: string;
  readonly friendlyName: string;
}

/**
 * The drivers for a USB device, the first to try first: the bundle that names the device, the last one where several do,
 * then the driver of the class. pcscd tries the second where the first cannot open the reader.
 *
 * @param bundles in the order of their names
 */
export function driversFor(
  bundles: readonly DriverBundle[],
  { vendorId, productId }: { readonly vendorId: number; readonly productId: number },
): readonly DriverChoice[] {
  const found = bundles.flatMap((bundle) => {
    // Of several lines for one device the last one counts.
    const reader = bundle.readers.findLast((line) => line.vendorId === vendorId && line.productId === productId);
    return reader === undefined ? [] : [{ bundle, friendlyName: reader.friendlyName }];
  });
  const own = found.findLast(({ bundle }) => !bundle.isClassDriver);
  const ofClass = found.findLast(({ bundle }) => bundle.isClassDriver);
  return [own, ofClass].flatMap((choice) =>
    choice === undefined ? [] : [{ library: choice.bundle.library, friendlyName: choice.friendlyName }],
  );
}
