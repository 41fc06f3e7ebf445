// SPDX-License-Identifier: MIT

/** A family as a scraper reads it. */
export interface ScrapedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*/;

/**
 * Reads the text format of Prometheus, version 0.0.4, and refuses all that its grammar does not have: names, escapes,
 * numbers, HELP and TYPE before the samples of their family and once, the series of a family together and once, buckets of a
 * histogram that grow and end with +Inf, a line feed at the end.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parseExposition(text: string): ScrapedFamily[] {
  if (!text.endsWith("\n")) throw new Error("the last line has no line feed");
  const families: ScrapedFamily[] = [];
  const helps = new Map<string, string>();
  const seen = new Set<string>();
  for (const line of text.slice(0, -1).split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) ([^ ]+) ?(.*)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (helps.has(name)) throw new Error(`a second HELP: ${name}`);
      helps.set(name, unescaped(rest, /\\(.)/g, ["\\", "n"]));
    } else if (kind === "TYPE") {
      const help = helps.get(name);
      if (families.some((family) => family.name === name) || help === undefined) throw new Error(`TYPE: ${line}`);
      if (NAME.exec(name)?.[0] !== name) throw new Error(`a name: ${line}`);
      if (!["counter", "gauge", "histogram", "summary", "untyped"].includes(rest)) throw new Error(`a type: ${line}`);
      families.push({ name, help, type: rest, samples: [] });
    } else {
      const sample = parseSample(line);
      const family = families.at(-1);
      if (family === undefined || !belongs(sample.name, family)) throw new Error(`not of its family: ${line}`);
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
      if (seen.has(key)) throw new Error(`a series twice: ${line}`);
      seen.add(key);
      family.samples.push(sample);
    }
  }
  families.filter(({ type }) => type === "histogram").forEach(checkHistogram);
  return families;
}

function belongs(name: string, { name: family, type }: ScrapedFamily): boolean {
  if (type !== "histogram") return name === family;
  return [`${family}_bucket`, `${family}_sum`, `${family}_count`].includes(name);
}

function parseSample(line: string): ScrapedFamily["samples"][number] {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error(`not a sample: ${line}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    while (!rest.startsWith("}")) {
      const label = LABEL.exec(rest)?.[0];
      const quoted =
        label === undefined ? undefined : /^="((?:[^"\\]|\\.)*)"(?:,(?!})|(?=}))/.exec(rest.slice(label.length));
      if (label === undefined || quoted == null) throw new Error(`labels: ${line}`);
      if (label in labels) throw new Error(`a label twice: ${line}`);
      labels[label] = unescaped(quoted[1] ?? "", /\\(.)/g, ["\\", "n", '"']);
      rest = rest.slice(label.length + quoted[0].length);
    }
    rest = rest.slice(1);
  }
  const [, number] = /^ ([+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN)$/.exec(rest) ?? [];
  if (number === undefined) throw new Error(`a number: ${line}`);
  return { name, labels, value: Number(number.replace("Inf", "Infinity")) };
}

function unescaped(text: string, pattern: RegExp, known: readonly string[]): string {
  return text.replace(pattern, (_, one: string) => {
    if (!known.includes(one)) throw new Error(`an unknown escape: ${text}`);
    return one === "n" ? "\n" : one;
  });
}

/** Each series has buckets that grow up to +Inf, which is its count. */
function checkHistogram({ name, samples }: ScrapedFamily): void {
  const series = new Map<string, { buckets: [number, number][]; sum?: number; count?: number }>();
  for (const { labels, name: of, value } of samples) {
    const { le, ...others } = labels;
    const key = JSON.stringify(Object.entries(others));
    const one = series.get(key) ?? { buckets: [] };
    series.set(key, one);
    if (of === `${name}_bucket`) one.buckets.push([Number(String(le).replace("Inf", "Infinity")), value]);
    else if (of === `${name}_sum`) one.sum = value;
    else one.count = value;
  }
  for (const { buckets, count, sum } of series.values()) {
    const grows = buckets.every(([le, value], at) => {
      const before = buckets[at - 1];
      return before === undefined || (le > before[0] && value >= before[1]);
    });
    const last = buckets.at(-1);
    if (!grows || last?.[0] !== Number.POSITIVE_INFINITY || last[1] !== count || sum === undefined)
      throw new Error(`${name}: not a histogram`);
  }
}
