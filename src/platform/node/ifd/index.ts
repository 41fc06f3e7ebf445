// SPDX-License-Identifier: MIT

export {
  BundleFolder,
  bundleFor,
  type ConfiguredDriver,
  DRIVER_FOLDER,
  driverBundles,
  type Found,
  findDriver,
  READER_CONF_FOLDER,
  readerConf,
} from "./installed-drivers.ts";
export {
  checkIfd,
  type DescribeUsbSlot,
  type IfdPlace,
  type IfdSurroundings,
  openIfd,
  openIfdUsb,
  usbDevicesOf,
} from "./open-driver.ts";
export { driverStarter } from "./start-driver.ts";
