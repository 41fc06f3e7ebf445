// SPDX-License-Identifier: MIT

export {
  type CallPolicy,
  type CommandAsked,
  type ControlAsked,
  type ObservedCall,
  type ObservedCardEvent,
  type ObservedEvent,
  type ObservedExchange,
  type ObservedListener,
  type ObservedOperation,
  observedOperations,
} from "./events.ts";
