// SPDX-License-Identifier: MIT

import axe from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** A desktop's window, and a phone's. */
export const desktop = { viewport: { width: 1100, height: 900 } } as const;
const phone = { viewport: { width: 390, height: 800 }, isMobile: true, hasTouch: true } as const;

/** The ways in which a page of ours is looked at. */
export const settings = [
  { name: "desktop-light", options: { ...desktop, colorScheme: "light" } },
  { name: "desktop-dark", options: { ...desktop, colorScheme: "dark" } },
  { name: "phone-light", options: { ...phone, colorScheme: "light" } },
  { name: "phone-dark", options: { ...phone, colorScheme: "dark" } },
] as const;

/** What axe finds that is serious or critical. */
export async function problemsOf(page: Page): Promise<string[]> {
  // The page's policy lets no other script in: this one is the test's own, and not of the page.
  const client = await page.context().newCDPSession(page);
  await client.send("Runtime.evaluate", { expression: axe.source });
  const { result } = await client.send("Runtime.evaluate", {
    expression: `axe.run().then(({ violations, passes }) => ({
      passes: passes.length,
      found: violations.filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")) }))`,
    awaitPromise: true,
    returnByValue: true,
  });
  await client.detach();
  expect(result.value.passes).toBeGreaterThan(5);
  return result.value.found;
}

/** How much wider than the page its content is, in pixels: 0 where all of it fits. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}
