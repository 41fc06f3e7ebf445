// SPDX-License-Identifier: MIT

export {
  type ListenPagesOptions,
  LOOPBACK_HOST,
  listenPages,
  type PageEvents,
  type PagePipe,
  type PagesListener,
} from "./listen-pages.ts";
