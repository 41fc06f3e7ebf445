// SPDX-License-Identifier: MIT

import { html, nothing, type TemplateResult } from "lit-html";
import { count, duration } from "../reports/index.ts";
import type { ConsoleApp, PageState } from "./app.ts";
import { locksView } from "./locks-view.ts";
import { readersView } from "./readers-view.ts";
import { toolsView } from "./tools-view.ts";

/** The whole page. */
export function pageView(state: PageState, app: ConsoleApp): TemplateResult {
  const { phase, shown } = state;
  return html`
    <header><h1>Smart cards</h1>${shown === undefined ? nothing : daemonView(shown.report.daemon)}</header>
    <p class="news" role="status">${state.news}</p>
    ${problemsView(state)}
    <main>${
      phase === "open" && shown !== undefined ? html`${readersView(shown, state, app)}${locksView(state)}` : nothing
    }${phase === "open" ? toolsView(state, app) : nothing}</main>`;
}

function daemonView(daemon: NonNullable<PageState["shown"]>["report"]["daemon"]): TemplateResult {
  return html`<p class="from">The console of the daemon ${daemon.pid}, running for ${duration(daemon.runningMs)},
    ${count(daemon.sessions, "client connection")}${
      daemon.knowsClients
        ? ""
        : html`. Clients are unknown: the daemon cannot load koffi (its log says how to install it)`
    }</p>`;
}

function problemsView({ gone, phase, problem, refusal }: PageState): TemplateResult | typeof nothing {
  if (phase === "refused")
    return html`<section aria-labelledby="refused-title">
      <h2 id="refused-title">This page is not let in</h2>
      <p class="problem" role="alert">${refusal}</p>
      <p>Open the newest address that <code>scard console</code> shows in its terminal. Each lets one page in, once.</p>
    </section>`;
  if (phase === "lost")
    return html`<p class="problem" role="alert">The console does not answer: it has ended, or is starting. It is tried again.</p>`;
  if (gone !== undefined)
    return html`<p class="problem" role="alert">The daemon does not answer (${gone}). It is asked again until it does.</p>`;
  return problem === undefined ? nothing : html`<p class="problem" role="alert">${problem}</p>`;
}
