// SPDX-License-Identifier: MIT

// The page that `scard bridge` serves of its own.

import { render } from "lit-html";
import { browser } from "../page-parts/index.ts";
import { PageApp } from "./app.ts";
import { pageView } from "./views.ts";

const { document, location } = browser;
const root = document.querySelector("#page");
let asksForCode = false;

const app: PageApp = new PageApp(`ws://${location.host}`, (state) => {
  render(pageView(state, app, location.origin), root as never);
  const asks = state.triesLeft !== undefined;
  if (asks && !asksForCode) document.querySelector("#code")?.focus();
  asksForCode = asks;
});
app.start();
