// SPDX-License-Identifier: MIT

export { ConsoleService } from "./console-service.ts";
export type { AskDaemon } from "./daemon-feed.ts";
export {
  type ConsoleAction,
  type ConsoleMessage,
  MAX_PAGE_MESSAGE_BYTES,
  type PageMessage,
  type ShownLocks,
  type ShownReport,
} from "./messages.ts";
