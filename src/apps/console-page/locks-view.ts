// SPDX-License-Identifier: MIT

import { html, nothing, type SVGTemplateResult, svg, type TemplateResult } from "lit-html";
import { clientName, clockTime, duration, visible } from "../reports/index.ts";
import type { PageState } from "./app.ts";
import { holdersDuring, type LockSpan } from "./lock-history.ts";

/** How much time the drawing has, in milliseconds; rows of it, and lines below. */
const DRAWN_MS = 60_000;
const MAX_ROWS = 24;
const MAX_LINES = 20;

const WIDTH = 1000;
const ROW = 26;

/** Who held which lock, and who waited for it: a drawing, and the same in words. */
export function locksView({ locks: spans, locksMissed, now }: PageState): TemplateResult {
  const drawn = spans.filter(({ to = now }) => to > now - DRAWN_MS);
  const lines = spans.toSorted((one, other) => (other.to ?? now) - (one.to ?? now) || other.from - one.from);
  return html`<section aria-labelledby="locks-title" class="wide">
    <h2 id="locks-title">Locks</h2>
    ${spans.length === 0 ? html`<p>No program has held a lock yet.</p>` : nothing}
    ${drawn.length === 0 ? nothing : drawing(drawn, now)}
    <ol class="log" tabindex="0" aria-label="Locks, newest first">${lines
      .slice(0, MAX_LINES)
      .map((span) => html`<li class=${span.kind}>${wordsOf(span, spans, now)}</li>`)}</ol>
    ${locksMissed === 0 ? nothing : html`<p class="hint">${locksMissed} more locks and waits are not shown: they came faster than the page is told.</p>`}
  </section>`;
}

function wordsOf(span: LockSpan, spans: readonly LockSpan[], now: number): string {
  const { client, from, kind, reader, to } = span;
  const lasted = duration((to ?? now) - from);
  const head = `${clockTime(from)} ${visible(reader)}: ${clientName(client)}`;
  if (kind === "held")
    return to === undefined ? `${head} holds the lock for ${lasted} now` : `${head} held the lock for ${lasted}`;
  const holders = [...new Set(holdersDuring(span, spans, now).map(clientName))];
  const behind = holders.length === 0 ? "" : ` behind ${holders.join(", ")}`;
  return to === undefined ? `${head} waits${behind}, for ${lasted} now` : `${head} waited ${lasted}${behind}`;
}

/** A row for each reader and client, in the order in which they came. */
function drawing(spans: readonly LockSpan[], now: number): TemplateResult {
  const rows = new Map<string, LockSpan[]>();
  for (const span of spans) {
    const name = `${visible(span.reader)} · ${clientName(span.client)}`;
    const row = rows.get(name) ?? [];
    row.push(span);
    rows.set(name, row);
  }
  const shown = [...rows].slice(-MAX_ROWS);
  const height = shown.length * ROW * 2;
  return html`<figure>
    <svg viewBox=${`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" role="img" aria-label="Time line of the last minute; the list below says the same">
      ${shown.map(([name, row], index) => rowOf(name, row, index, now))}
    </svg>
    <figcaption class="hint">The last minute: <span class="key held">held</span> <span class="key waited">waited</span></figcaption>
  </figure>`;
}

function rowOf(name: string, row: readonly LockSpan[], index: number, now: number): SVGTemplateResult {
  const top = index * ROW * 2;
  const at = (time: number): number => Math.max(0, ((time - now + DRAWN_MS) / DRAWN_MS) * WIDTH);
  return svg`<text x="0" y=${top + ROW - 8}>${name}</text>
    <line x1="0" x2=${WIDTH} y1=${top + ROW * 1.5} y2=${top + ROW * 1.5}></line>
    ${row.map(({ from, kind, to = now }) => {
      const x = at(from);
      const isHeld = kind === "held";
      return svg`<rect class=${kind} x=${x} y=${top + ROW + (isHeld ? 2 : 7)} width=${Math.max(at(to) - x, 2)} height=${isHeld ? ROW - 4 : ROW - 14}></rect>`;
    })}`;
}
