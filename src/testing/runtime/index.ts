// SPDX-License-Identifier: MIT

export { SimulatedRuntime, type SimulatedRuntimeOptions, seededRandom } from "./simulated-runtime.ts";
