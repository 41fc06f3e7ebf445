// SPDX-License-Identifier: MIT

import { html, nothing, type TemplateResult } from "lit-html";
import { decodeHex, encodeHex } from "../../base/binary/index.ts";
import { type BerTlv, decodeAtr, decodeBerTlv } from "../../base/iso7816/index.ts";
import { atrFacts, type PageEvent } from "../page-parts/index.ts";
import { bytesForPeople, count } from "../reports/index.ts";
import type { ConsoleApp, PageState } from "./app.ts";

/** Data objects shown at a time, and how deep. */
const MAX_OBJECTS = 256;
const MAX_DEPTH = 16;

/** What an ATR says, and what is in BER-TLV data. Nothing that is typed in leaves the page. */
export function toolsView({ atrText, tlvText }: PageState, app: ConsoleApp): TemplateResult {
  return html`<section aria-labelledby="atr-title">
      <h2 id="atr-title">Answer to reset</h2>
      ${field("atr-text", "ATR", atrText, (text) => app.tool({ atrText: text }))}
      ${atrText.trim() === "" ? nothing : atrOf(atrText)}
    </section>
    <section aria-labelledby="tlv-title">
      <h2 id="tlv-title">BER-TLV</h2>
      ${field("tlv-text", "Data objects", tlvText, (text) => app.tool({ tlvText: text }))}
      ${tlvText.trim() === "" ? nothing : objectsOf(tlvText)}
    </section>`;
}

function field(id: string, label: string, value: string, typed: (text: string) => void): TemplateResult {
  return html`<label for=${id}>${label}</label>
    <textarea id=${id} class="code" rows="2" maxlength="65536" .value=${value} autocomplete="off" autocapitalize="off" spellcheck="false"
      aria-describedby=${`${id}-hint`} @input=${({ currentTarget }: PageEvent) => typed(currentTarget.value)}></textarea>
    <span id=${`${id}-hint`} class="hint">Hexadecimal. It does not leave this page.</span>`;
}

function atrOf(text: string): TemplateResult {
  const bytes = decodeHex(text);
  if (!bytes.ok) return notHex;
  const atr = decodeAtr(bytes.value);
  return atr.ok ? atrFacts(atr.value) : html`<p class="problem">No ATR: ${atr.error.message}</p>`;
}

function objectsOf(text: string): TemplateResult {
  const bytes = decodeHex(text);
  if (!bytes.ok) return notHex;
  const objects = decodeBerTlv(bytes.value);
  if (!objects.ok) return html`<p class="problem">No BER-TLV: ${objects.error.message}</p>`;
  const left = { count: MAX_OBJECTS };
  const list = listOf(objects.value, left, 0);
  return html`${list}${left.count > 0 ? nothing : html`<p class="hint">The first ${count(MAX_OBJECTS, "object")} are shown.</p>`}`;
}

const notHex = html`<p class="problem">These are not pairs of hexadecimal digits.</p>`;

function listOf(objects: readonly BerTlv[], left: { count: number }, depth: number): TemplateResult {
  const items: TemplateResult[] = [];
  for (const { children, tag, value } of objects) {
    if (left.count <= 0) break;
    left.count--;
    const isShown = children === undefined || depth >= MAX_DEPTH;
    items.push(
      html`<li><code><strong>${tagText(tag)}</strong> ${count(value.length, "byte")}${isShown ? html`: ${bytesForPeople(value)}` : nothing}</code>${
        isShown ? nothing : listOf(children ?? [], left, depth + 1)
      }</li>`,
    );
  }
  return html`<ul class="objects">${items}</ul>`;
}

function tagText(tag: number): string {
  const bytes = [tag >>> 24, tag >>> 16, tag >>> 8, tag].map((byte) => byte & 0xff);
  return encodeHex(
    Uint8Array.from(
      bytes.slice(
        Math.max(
          bytes.findIndex((byte) => byte !== 0),
          0,
        ),
      ),
    ),
  );
}
