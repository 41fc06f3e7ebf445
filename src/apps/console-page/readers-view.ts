// SPDX-License-Identifier: MIT

import { html, nothing, type TemplateResult } from "lit-html";
import { decodeHex } from "../../base/binary/index.ts";
import { decodeAtr } from "../../base/iso7816/index.ts";
import type { ConsoleAction, ShownReport } from "../console/index.ts";
import { atrFacts, type PageEvent } from "../page-parts/index.ts";
import { clientName, count, duration, summarizeAtr, visible } from "../reports/index.ts";
import type { ConsoleApp, PageState } from "./app.ts";

type Reader = ShownReport["report"]["readers"][number];

/** Readers as cards: what is in them, who holds them, and who waits. */
export function readersView(
  { readersLeftOut, report }: ShownReport,
  state: PageState,
  app: ConsoleApp,
): TemplateResult {
  const { readers } = report;
  return html`<section aria-labelledby="readers-title" class="wide">
    <h2 id="readers-title">Readers</h2>
    ${readers.length === 0 ? html`<p>There is no reader.</p>` : nothing}
    <div class="cards">${readers.map((reader, index) => readerView(reader, index, state, app))}</div>
    ${readersLeftOut === 0 ? nothing : html`<p class="hint">${count(readersLeftOut, "reader")} more: "scard who" shows them.</p>`}
  </section>`;
}

function readerView(reader: Reader, index: number, state: PageState, app: ConsoleApp): TemplateResult {
  const { card, connections, lock, name, queue } = reader;
  return html`<article aria-labelledby=${`reader-${index}`}>
    <h3 id=${`reader-${index}`}>${visible(reader.name)}</h3>
    <dl class="facts">
      <div class="fact"><dt>card</dt><dd>${cardWords(card)}</dd></div>
      ${
        lock === undefined
          ? nothing
          : html`<div class="fact"><dt>held by</dt><dd class="holder">${clientName(lock.client)} for ${duration(lock.heldMs)}${
              lock.depth > 1 ? `, ${lock.depth} times` : ""
            }, ${lock.lastExchangeMs === undefined ? "no command yet" : `last command ${duration(lock.lastExchangeMs)} ago`}</dd></div>`
      }
      ${factsOf(
        "waiting",
        queue.map((one) => `${clientName(one.client)}: ${visible(one.operation)}, for ${duration(one.waitingMs)}`),
      )}
      ${clientsOf(name, connections, app)}
    </dl>
    ${card === undefined ? nothing : atrView(card.atr)}
    ${actionsView(reader, index, state, app)}
  </article>`;
}

function factsOf(term: string, texts: readonly string[]): TemplateResult | typeof nothing {
  if (texts.length === 0) return nothing;
  return html`<div class="fact"><dt>${term}</dt>${texts.map((text) => html`<dd>${text}</dd>`)}</div>`;
}

/** The clients of a reader. Those whose process is known can be cut off. */
function clientsOf(
  reader: string,
  connections: Reader["connections"],
  app: ConsoleApp,
): TemplateResult | typeof nothing {
  if (connections.length === 0) return nothing;
  return html`<div class="fact"><dt>clients</dt>${connections.map(({ client, connectedMs, protocol, shareMode }) => {
    const { pid } = client;
    const words = `${clientName(client)}: ${shareMode}${protocol === undefined ? "" : `, ${protocol}`}, since ${duration(connectedMs)}`;
    const ask = (): void =>
      app.ask({
        ...{ action: { command: "disconnect", pid: pid ?? 0 }, reader },
        question: `Cut ${clientName(client)} off from all readers? What it does with cards fails.`,
      });
    return html`<dd>${words}${
      pid === undefined
        ? nothing
        : html` <button type="button" class="second small" aria-label=${`Disconnect ${clientName(client)}`} @click=${ask}>Disconnect</button>`
    }</dd>`;
  })}</div>`;
}

function cardWords(card: Reader["card"]): string {
  if (card === undefined) return "no card";
  if (card.mute) return "a card that does not answer";
  const atr = decodeHex(card.atr);
  if (!atr.ok || atr.value.length === 0) return "a card, not powered yet";
  return `${summarizeAtr(atr.value)}${card.powered ? "" : ", not powered"}`;
}

function atrView(hex: string): TemplateResult | typeof nothing {
  const bytes = decodeHex(hex);
  const atr = bytes.ok ? decodeAtr(bytes.value) : bytes;
  if (hex === "" || !atr.ok) return nothing;
  return html`<details><summary>ATR <code>${hex}</code></summary>${atrFacts(atr.value)}</details>`;
}

/** What can be done with a reader. What takes a card away from programs is confirmed. */
function actionsView(
  reader: Reader,
  index: number,
  { pending }: PageState,
  app: ConsoleApp,
): TemplateResult | typeof nothing {
  const { card, name } = reader;
  if (pending !== undefined && pending.reader === name)
    return html`<div class="confirm" role="group" aria-label="Confirm">
      <p id="question">${pending.question}</p>
      <button type="button" class="yes" aria-describedby="question" @click=${() => void app.answer(true)}>Yes</button>
      <button type="button" class="second" @click=${() => void app.answer(false)}>No</button>
    </div>`;
  const ask = (command: "eject" | "remove" | "reset", question: string) => () =>
    app.ask({ action: { command, reader: name }, reader: name, question });
  const reset = html`<button type="button" class="second" @click=${ask("reset", "Reset the card? Programs that use it are told, and PINs have to be entered again.")}>Reset</button>`;
  if (reader.virtual !== true) return card === undefined ? nothing : html`<div class="actions">${reset}</div>`;
  if (card !== undefined)
    return html`<div class="actions">
      <button type="button" class="second" @click=${ask("eject", "Eject the card? Programs that use it find it removed.")}>Eject</button>
      <button type="button" class="second" @click=${ask("remove", "Remove the card at once, even during a command?")}>Remove</button>
      ${reset}
    </div>`;
  const insert = (event: PageEvent): void => {
    event.preventDefault();
    const kind = event.currentTarget.querySelector("input")?.value.trim() ?? "";
    const action: ConsoleAction = { command: "insert", reader: name, card: kind };
    if (kind !== "") void app.do(action, name);
  };
  return html`<form @submit=${insert}>
    <label for=${`card-${index}`}>Card to insert</label>
    <input id=${`card-${index}`} value="demo" autocomplete="off" autocapitalize="off" spellcheck="false" required aria-describedby=${`card-hint-${index}`}>
    <span id=${`card-hint-${index}`} class="hint field-hint">A kind such as demo, piv or openpgp, or the absolute path of a card's description</span>
    <button type="submit">Insert</button>
  </form>`;
}
