// SPDX-License-Identifier: MIT

export {
  type ConfiguredDriver,
  DRIVER_FOLDER,
  driverBundles,
  type Found,
  READER_CONF_FOLDER,
  readerConf,
} from "./installed-drivers.ts";
export { type DescribeUsbSlot, type IfdPlace, type IfdSurroundings, openIfd, openIfdUsb } from "./open-driver.ts";
export { driverStarter } from "./start-driver.ts";
