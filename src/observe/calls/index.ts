// SPDX-License-Identifier: MIT

export { commandName } from "./command-names.ts";
export { type EventFilter, filterEvents } from "./event-filter.ts";
export {
  type EventForPrograms,
  type ExchangeForPrograms,
  eventForPrograms,
  type PinPadForPrograms,
} from "./event-json.ts";
export type { ObservedEvents } from "./event-queue.ts";
export {
  type CallOutcome,
  type CallPolicy,
  type CommandAsked,
  type ControlAsked,
  type ExchangeOutcome,
  type ObservedCall,
  type ObservedCardEvent,
  type ObservedEvent,
  type ObservedExchange,
  type ObservedListener,
  type ObservedOperation,
  type ObservedOutcome,
  type ObservedPinPad,
  type OutcomeListener,
  observedOperations,
} from "./events.ts";
export { type ExchangeText, exchangeText, type ShownExchange } from "./exchange-text.ts";
export { MAX_LISTENERS, type ObservedChannel } from "./listeners.ts";
export {
  type ListenLaterOptions,
  type ListenOptions,
  type ObservedEventsOptions,
  Observer,
  type ObserverOptions,
} from "./observer.ts";
