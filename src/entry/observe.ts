// SPDX-License-Identifier: MIT

/**
 * `scard/observe`: sees what programs ask of a manager, and what cards answer, without the secrets.
 */

export {
  type CallPolicy,
  type CommandAsked,
  type ObservedCall,
  type ObservedCardEvent,
  type ObservedEvent,
  type ObservedExchange,
  type ObservedListener,
  type ObservedOperation,
  observedOperations,
} from "../observe/calls/index.ts";
