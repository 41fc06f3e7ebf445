// SPDX-License-Identifier: MIT

/**
 * `scard/providers`: the service providers, ISCard* and IByteBuffer, over the WinSCard API of this machine.
 *
 *     const factory = defaultFactory();
 *     await using manage = await factory.manageCardIn("Front Desk");
 *
 * For another resource manager construct a {@link ClassFactory} over a `WinSCard` of your own.
 */

import {
  CLSID_Iso7816Provider,
  ClassFactory,
  type ClassFactoryOptions,
  iso7816Provider,
} from "../faces/providers/index.ts";
import { withDefaults } from "../port/index.ts";
import * as winscard from "./winscard.ts";

export * from "../faces/providers/index.ts";

/**
 * Makes a class factory over the functions of `scard/winscard`, so that handles are the same in both, with the provider of
 * cards of ISO/IEC 7816-4 registered. Which card types it is for the smart card database says.
 */
export function defaultFactory(options: Pick<ClassFactoryOptions, "picker"> = {}): ClassFactory {
  const all = withDefaults<ClassFactoryOptions>(
    options,
    { winscard },
    { operation: "defaultFactory", path: "options" },
  );
  const factory = new ClassFactory(all);
  factory.register(CLSID_Iso7816Provider, iso7816Provider);
  return factory;
}
