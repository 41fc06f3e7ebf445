// SPDX-License-Identifier: MIT

export { JsonPlace, type JsonProblem } from "./json-place.ts";
