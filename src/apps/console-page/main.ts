// SPDX-License-Identifier: MIT

// The page of `scard console`.

import { render } from "lit-html";
import { browser } from "../page-parts/index.ts";
import { ConsoleApp } from "./app.ts";
import { pageView } from "./views.ts";

const root = browser.document.querySelector("#page");

const app: ConsoleApp = new ConsoleApp((state) => render(pageView(state, app), root as never));
browser.addEventListener("hashchange", () => app.start());
app.start();
