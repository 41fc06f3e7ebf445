// SPDX-License-Identifier: MIT

export {
  type ForeignFunction,
  type ForeignLibrary,
  type Koffi,
  koffiPackages,
  koffiRemedy,
  loadKoffi,
} from "./load.ts";
