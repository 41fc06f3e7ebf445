// SPDX-License-Identifier: MIT

// The samples are scripts, as pages have them; these are their types.

type Sample = (tell: (line: string) => void) => Promise<void>;

/** Loads a sample: what is in `<name>.js`. */
export async function loadSample(name: "transmit" | "transaction" | "readers"): Promise<Sample> {
  const loaded: Readonly<Record<string, Sample>> = await import(new URL(`${name}.js`, import.meta.url).href);
  return loaded[`${name}Sample`] as Sample;
}
