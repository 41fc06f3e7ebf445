// SPDX-License-Identifier: MIT

import { html, nothing, type TemplateResult } from "lit-html";
import { decodeAtr } from "../../base/iso7816/index.ts";
import { atrFacts, type PageEvent } from "../page-parts/index.ts";
import { summarizeAtr, visible } from "../reports/index.ts";
import { type PageApp, type PageState, type ReaderView, stateWords } from "./app.ts";
import { pivView } from "./piv-view.ts";

/** The whole page. */
export function pageView(state: PageState, app: PageApp, origin: string): TemplateResult {
  const own = state.readers.find(({ name }) => name === state.selected);
  return html`
    <header><h1>Smart cards</h1><p class="from">The page of the bridge on this machine, ${origin}</p></header>
    <p class="news" role="status">${state.news}</p>
    <main>
      ${state.phase === "open" ? nothing : connectView(state, app, origin)}
      ${
        state.phase === "open"
          ? html`${readersView(state, app)}${own?.state === "present" ? html`${atrView(own)}${consoleView(state, app)}${pivView(state, app)}` : nothing}`
          : nothing
      }
    </main>`;
}

function connectView({ phase, problem, triesLeft }: PageState, app: PageApp, origin: string): TemplateResult {
  const pair = (event: PageEvent): void => {
    event.preventDefault();
    app.pair(event.currentTarget.querySelector("#code")?.value);
  };
  return html`<section aria-labelledby="connect-title">
    <h2 id="connect-title">Connect</h2>
    <p>This page gets no card before you allow it: like every other page it has to be paired with the bridge. Choose Connect, and
      type in the code that <code>scard bridge</code> shows in its terminal for ${origin}. The pairing of this page ends with the bridge.</p>
    ${problem === undefined ? nothing : html`<p class="problem" role="alert">${problem}</p>`}
    ${
      triesLeft === undefined
        ? html`<button type="button" ?disabled=${phase === "connecting"} @click=${() => void app.connect()}>Connect</button>`
        : html`<form @submit=${pair}>
            <label for="code">Pairing code</label>
            <input id="code" inputmode="numeric" autocomplete="off" required aria-describedby="code-hint">
            <span id="code-hint" class="hint field-hint">Eight digits, ${triesLeft === 1 ? "the last try" : `${triesLeft} tries left`}</span>
            <button type="submit">Pair</button>
            <button type="button" class="second" @click=${() => app.pair(undefined)}>Cancel</button>
          </form>`
    }
  </section>`;
}

function readersView({ isBusy, readers, selected }: PageState, app: PageApp): TemplateResult {
  return html`<section aria-labelledby="readers-title">
    <h2 id="readers-title">Readers</h2>
    ${readers.length === 0 ? html`<p>No reader is connected.</p>` : nothing}
    <ul class="readers">${readers.map(
      (
        reader,
      ) => html`<li><button type="button" class="reader" aria-pressed=${reader.name === selected ? "true" : "false"} ?disabled=${isBusy}
        @click=${() => void app.select(reader.name)}>
        <strong>${visible(reader.name)}</strong>
        <span>${stateWords[reader.state]}${reader.isInUse ? ", in use" : ""}</span>
        ${reader.atr === undefined ? nothing : html`<span class="hint">${summarizeAtr(reader.atr)}</span>`}
      </button></li>`,
    )}</ul>
  </section>`;
}

function atrView({ atr }: ReaderView): TemplateResult | typeof nothing {
  const decoded = atr && decodeAtr(atr);
  if (decoded === undefined || !decoded.ok) return nothing;
  return html`<section aria-labelledby="atr-title">
    <h2 id="atr-title">Answer to reset</h2>
    ${atrFacts(decoded.value)}
  </section>`;
}

function consoleView({ commandLastTry, consoleProblem, exchanged, isBusy }: PageState, app: PageApp): TemplateResult {
  const confirm = ({ currentTarget }: PageEvent): void => app.confirmCommand(currentTarget.checked);
  const confirmation = html`<label class="last-try"><input type="checkbox" .checked=${commandLastTry === "confirmed"} @change=${confirm}>
      One try of the PIN is left. A wrong one blocks it: send the next command all the same</label>`;
  const send = async (event: PageEvent): Promise<void> => {
    event.preventDefault();
    const field = event.currentTarget.querySelector("#command");
    if (field === null || isBusy) return;
    const { value } = field;
    // Taken off the page at once: it may hold a PIN.
    field.value = "";
    if (await app.send(value)) field.value = value;
    field.focus();
  };
  return html`<section aria-labelledby="console-title">
    <h2 id="console-title">Commands</h2>
    <form @submit=${(event: PageEvent) => void send(event)}>
      <label for="command">Command APDU</label>
      <input id="command" class="code" autocomplete="off" autocapitalize="off" spellcheck="false" required aria-describedby="command-hint">
      <span id="command-hint" class="hint field-hint">Hexadecimal, such as 00 A4 04 00. Data is shown only where it is known to hold no secret; a command with a PIN never is.</span>
      ${commandLastTry === "none" ? nothing : confirmation}
      <button type="submit" ?disabled=${isBusy}>Send</button>
    </form>
    ${consoleProblem === undefined ? nothing : html`<p class="problem" role="alert">${consoleProblem}</p>`}
    <div class="log" role="log" tabindex="0" aria-label="Commands and responses">${exchanged.map(
      ({ command, meaning, response, words }) => html`<div class="exchange">
        <code><span class="way">to card</span> ${command}</code><span class="hint log-hint">${words}</span>
        <code><span class="way">answer</span> ${response}</code><span class="hint log-hint">${meaning}</span>
      </div>`,
    )}</div>
  </section>`;
}
