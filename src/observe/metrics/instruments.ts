// SPDX-License-Identifier: MIT

/** What a family of metrics is. Prometheus text format 0.0.4, `# TYPE`. */
export type MetricType = "counter" | "gauge" | "histogram";

/** Labels and their values. */
export type Labels = Readonly<Record<string, string>>;

/** One line of a family, as JSON has it. */
export interface MetricSample {
  /** The name of the family, with `_bucket`, `_sum` or `_count` behind it for a histogram. */
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** A family of metrics with all its samples. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly samples: readonly MetricSample[];
}

/** What a family is called and says, and how many label values it may grow to. */
export interface InstrumentOptions {
  readonly name: string;
  readonly help: string;
  /** The name of its one label; none without it. */
  readonly label?: string;
  /** So many values of the label have series of their own; all further ones share {@link OTHER}. */
  readonly limit?: number;
}

/** The value of a label that stands for all values above the limit. */
const OTHER = "other";

/** A value of a label as the text format has it: backslash, double quote and line feed are escaped. */
function escapeLabelValue(value: string): string {
  return value.replace(/[\\"\n]/g, (one) => (one === "\n" ? "\\n" : `\\${one}`)).replace(/\p{Surrogate}/gu, "\u{FFFD}");
}

/** A help text: backslash and line feed are escaped. */
function escapeHelp(help: string): string {
  return help.replace(/[\\\n]/g, (one) => (one === "\n" ? "\\n" : "\\\\"));
}

/** A number as the text format has it. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "-Inf";
}

/** A family: its series by the value of its label, whose number is bounded. */
abstract class Instrument<Series> {
  readonly name: string;
  readonly help: string;
  abstract readonly type: MetricType;
  readonly #label: string | undefined;
  readonly #limit: number;
  readonly #series = new Map<string, Series>();

  constructor({ help, label, limit = 1, name }: InstrumentOptions) {
    this.name = name;
    this.help = help;
    this.#label = label;
    this.#limit = limit;
  }

  /** The series of a value of the label. */
  of(value: string): Series {
    const known = this.#series.get(value);
    if (known !== undefined) return known;
    const own = this.#series.size - (this.#series.has(OTHER) ? 1 : 0);
    const key = this.#label === undefined || own < this.#limit ? value : OTHER;
    const series = this.#series.get(key) ?? this.create(this.#labelsOf(key));
    this.#series.set(key, series);
    return series;
  }

  /** Forgets a value of the label, which makes room for another. */
  forget(value: string): void {
    this.#series.delete(value);
  }

  /** Writes the family as text, a piece for each line or for several. */
  write(lines: string[]): void {
    lines.push(`# HELP ${this.name} ${escapeHelp(this.help)}\n# TYPE ${this.name} ${this.type}\n`);
    for (const series of this.#known().values()) this.writeSeries(series, lines);
  }

  family(): MetricFamily {
    const samples = [...this.#known()].flatMap(([key, series]) => this.samplesOf(series, this.#labelsOf(key)));
    return { name: this.name, help: this.help, type: this.type, samples };
  }

  /** All series; without a label there is one from the start. */
  #known(): ReadonlyMap<string, Series> {
    if (this.#label === undefined) this.of("");
    return this.#series;
  }

  #labelsOf(value: string): Labels {
    return this.#label === undefined ? {} : { [this.#label]: value };
  }

  protected abstract create(labels: Labels): Series;
  protected abstract writeSeries(series: Series, lines: string[]): void;
  protected abstract samplesOf(series: Series, labels: Labels): readonly MetricSample[];
}

/** What stands before the number of a sample: it is made once, and written at each scrape. */
function prefixOf(name: string, labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabelValue(value)}"`);
  return pairs.length === 0 ? `${name} ` : `${name}{${pairs.join(",")}} `;
}

/** One number. */
interface NumberSeries {
  readonly prefix: string;
  value: number;
}

abstract class NumberInstrument extends Instrument<NumberSeries> {
  protected override create(labels: Labels): NumberSeries {
    return { prefix: prefixOf(this.name, labels), value: 0 };
  }

  protected override writeSeries({ prefix, value }: NumberSeries, lines: string[]): void {
    lines.push(`${prefix}${numberText(value)}\n`);
  }

  protected override samplesOf({ value }: NumberSeries, labels: Labels): readonly MetricSample[] {
    return [{ name: this.name, labels, value }];
  }
}

/** Counts what has happened; it never goes back. */
export class Counter extends NumberInstrument {
  override readonly type = "counter";

  /** @param by 0 or more */
  add(value = "", by = 1): void {
    this.of(value).value += by;
  }
}

/** A number that goes up and down. */
export class Gauge extends NumberInstrument {
  override readonly type = "gauge";

  set(number: number, value = ""): void {
    this.of(value).value = number;
  }
}

interface HistogramSeries {
  /** Of each bucket, the last of which has no bound, then of sum and count. */
  readonly prefixes: readonly string[];
  /** Of each bucket alone, not of those below it. */
  readonly counts: number[];
  sum: number;
  /** The lines as they were written last; undefined where something was counted since. */
  text: string | undefined;
}

/** Counts durations by buckets. */
export class Histogram extends Instrument<HistogramSeries> {
  override readonly type = "histogram";
  readonly #bounds: readonly number[];

  /** @param bounds upper ends of the buckets, ascending, without infinity */
  constructor(options: InstrumentOptions & { readonly bounds: readonly number[] }) {
    super(options);
    this.#bounds = options.bounds;
  }

  observe(number: number, value = ""): void {
    const series = this.of(value);
    const found = this.#bounds.findIndex((bound) => number <= bound);
    const bucket = found < 0 ? this.#bounds.length : found;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += number;
    series.text = undefined;
  }

  protected override create(labels: Labels): HistogramSeries {
    const buckets = [...this.#bounds, Number.POSITIVE_INFINITY].map((bound) =>
      prefixOf(`${this.name}_bucket`, { ...labels, le: numberText(bound) }),
    );
    const prefixes = [...buckets, prefixOf(`${this.name}_sum`, labels), prefixOf(`${this.name}_count`, labels)];
    return { prefixes, counts: Array.from({ length: buckets.length }, () => 0), sum: 0, text: undefined };
  }

  protected override writeSeries(series: HistogramSeries, lines: string[]): void {
    series.text ??= textOf(series);
    lines.push(series.text);
  }

  protected override samplesOf(series: HistogramSeries, labels: Labels): readonly MetricSample[] {
    let total = 0;
    const buckets = series.counts.map((count, bucket) => {
      total += count;
      const le = numberText(this.#bounds[bucket] ?? Number.POSITIVE_INFINITY);
      return { name: `${this.name}_bucket`, labels: { ...labels, le }, value: total };
    });
    return [
      ...buckets,
      { name: `${this.name}_sum`, labels, value: series.sum },
      { name: `${this.name}_count`, labels, value: total },
    ];
  }
}

function textOf({ counts, prefixes, sum }: HistogramSeries): string {
  let total = 0;
  let text = "";
  for (let bucket = 0; bucket < counts.length; bucket++) {
    total += counts[bucket] ?? 0;
    text += `${prefixes[bucket]}${total}\n`;
  }
  return `${text}${prefixes.at(-2)}${numberText(sum)}\n${prefixes.at(-1)}${total}\n`;
}
