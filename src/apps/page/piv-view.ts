// SPDX-License-Identifier: MIT

import { html, nothing, type TemplateResult } from "lit-html";
import type { PageEvent } from "../page-parts/index.ts";
import type { PageApp, PageState } from "./app.ts";
import type { PivFacts, PivKey, Signed } from "./piv.ts";

/** Certificates of a PIV card, and a challenge for its keys to sign. */
export function pivView(state: PageState, app: PageApp): TemplateResult {
  const { isBusy, piv, pivProblem } = state;
  return html`<section aria-labelledby="piv-title">
    <h2 id="piv-title">PIV</h2>
    <button type="button" ?disabled=${isBusy} @click=${() => void app.readPiv()}>Read certificates</button>
    ${pivProblem === undefined ? nothing : html`<p class="problem" role="alert">${pivProblem}</p>`}
    ${piv === "none" ? html`<p>The card has no PIV application.</p>` : nothing}
    ${piv === undefined || piv === "none" ? nothing : cardView(piv, state, app)}
  </section>`;
}

function cardView(piv: PivFacts, state: PageState, app: PageApp): TemplateResult {
  const { keys, label, serialNumber, triesLeft } = piv;
  const tries = triesLeft === undefined ? "" : `; the PIN has ${triesLeft === 1 ? "1 try" : `${triesLeft} tries`} left`;
  return html`<p>${label}${serialNumber === undefined ? "" : `, serial number ${serialNumber}`}${tries}.</p>
    ${keys.length === 0 ? html`<p>It has no certificate of a key that signs.</p>` : nothing}
    ${keys.map((key) => keyView(key, piv, state, app))}`;
}

function keyView(
  key: PivKey,
  { hasPad, triesLeft }: PivFacts,
  { isBusy, lastTry, signed }: PageState,
  app: PageApp,
): TemplateResult {
  const { container, facts, pem } = key;
  const { name } = container;
  const sign = (event: PageEvent): void => {
    event.preventDefault();
    const field = event.currentTarget.querySelector(".pin");
    const pin = new TextEncoder().encode(field?.value ?? "");
    if (field !== null) field.value = "";
    void app.sign(key, field === null ? "none" : { pin });
  };
  const field = html`<label for=${`pin-${name}`}>PIN for the key ${name}</label>
    <input id=${`pin-${name}`} class="pin" type="password" autocomplete="off" maxlength="8" required>`;
  const confirm = ({ currentTarget }: PageEvent): void => app.confirm(currentTarget.checked);
  const confirmation = html`<label class="last-try"><input type="checkbox" required .checked=${lastTry} @change=${confirm}>
      One try of the PIN is left. A wrong PIN blocks it: use it for ${name} all the same</label>`;
  return html`<article aria-labelledby=${`key-${name}`}>
    <h3 id=${`key-${name}`}>${container.label} (${name})</h3>
    <dl class="facts">${facts.map(([title, text]) => html`<div class="fact"><dt>${title}</dt><dd>${text}</dd></div>`)}</dl>
    <details><summary>Certificate ${name} in PEM</summary><pre tabindex="0" aria-label=${`Certificate ${name}`}>${pem}</pre></details>
    <form @submit=${sign}>
      ${container.pin === undefined ? nothing : field}
      ${container.pin === undefined || triesLeft !== 1 ? nothing : confirmation}
      <button type="submit" ?disabled=${isBusy}>Sign a challenge with ${name}</button>
      ${
        hasPad && container.pin !== undefined
          ? html`<button type="button" class="second" ?disabled=${isBusy} @click=${() => void app.sign(key, "pad")}>Sign with ${name}, PIN at the pad</button>`
          : nothing
      }
    </form>
    ${signed?.container === name ? signedView(signed) : nothing}
  </article>`;
}

const verdicts = { true: "verified with the key of the certificate", false: "wrong" } as const;

function signedView({ algorithm, challenge, isVerified, signature }: Signed): TemplateResult {
  const verdict =
    isVerified === undefined ? "not checked: the browser does not know the algorithm" : verdicts[`${isVerified}`];
  return html`<dl class="facts signed">
    <div class="fact"><dt>Challenge</dt><dd class="challenge">${challenge}</dd></div>
    <div class="fact"><dt>Algorithm</dt><dd>${algorithm}</dd></div>
    <div class="fact"><dt>Signature</dt><dd class="signature">${signature}</dd></div>
    <div class="fact"><dt>Result</dt><dd class="verdict">${verdict}</dd></div>
  </dl>`;
}
