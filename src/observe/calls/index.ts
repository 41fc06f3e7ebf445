// SPDX-License-Identifier: MIT

export { commandName } from "./command-names.ts";
export type { ObservedEvents } from "./event-queue.ts";
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
export { MAX_LISTENERS, type ObservedChannel } from "./listeners.ts";
export { type ObservedEventsOptions, Observer, type ObserverOptions } from "./observer.ts";
