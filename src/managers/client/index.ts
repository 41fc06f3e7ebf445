// SPDX-License-Identifier: MIT

export { ClientContext, type ContextDeps } from "./context.ts";
export {
  type Answerer,
  callFailure,
  notAdmitted,
  type Operation,
  readerNotAllowed,
  readerUnavailable,
  type Subject,
} from "./failures.ts";
export { type ClientLimits, defaultClientLimits } from "./limits.ts";
export type {
  Answer,
  CardLink,
  CardRequest,
  CardStatus,
  ConnectAttempt,
  ContextLink,
  LinkedConnection,
} from "./links.ts";
export {
  cardState,
  findName,
  findReader,
  isPnp,
  type Snapshot,
} from "./reports.ts";
export { RetryQueues } from "./retry-queue.ts";
export { type StatusQuery, StatusWaits } from "./status-waits.ts";
