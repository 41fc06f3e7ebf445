// SPDX-License-Identifier: MIT

import { html, type TemplateResult } from "lit-html";
import type { Atr } from "../../base/iso7816/index.ts";
import { describeAtr } from "../reports/index.ts";

/** What an ATR says, as a list of terms. */
export function atrFacts(atr: Atr): TemplateResult {
  const groups: { readonly title: string; readonly texts: string[] }[] = [];
  for (const [title, text] of describeAtr(atr)) {
    if (title !== "") groups.push({ title, texts: [text] });
    else if (text !== "") groups.at(-1)?.texts.push(text);
  }
  return html`<dl class="facts">${groups.map(
    ({ texts, title }) =>
      html`<div class="fact"><dt>${title}</dt>${texts.map((text) => html`<dd>${text.trim()}</dd>`)}</div>`,
  )}</dl>`;
}
