// SPDX-License-Identifier: MIT

/** A timer that is set. */
export interface Timer {
  /** On the clock, in milliseconds. */
  readonly due: number;
  readonly name: string;
  readonly callback: () => void;
}

interface Entry extends Timer {
  /** Of two that are due at the same time, the one that was set first fires first. */
  readonly number: number;
  isSet: boolean;
}

/** Cancelled timers that may be left in the queue, beside as many as are set. */
const MOST_CANCELLED = 64;

/** Timers in the order in which they fire: a binary heap, in which cancelled ones stay until they come to its top. */
export class TimerQueue {
  #heap: Entry[] = [];
  #cancelled = 0;
  #number = 0;

  /** Sets a timer. Returns what cancels it. */
  add(due: number, name: string, callback: () => void): () => void {
    const entry: Entry = { due, name, callback, number: this.#number++, isSet: true };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return () => {
      if (!entry.isSet) return;
      entry.isSet = false;
      this.#cancelled++;
      if (this.#cancelled > MOST_CANCELLED + this.#heap.length / 2) this.#clean();
    };
  }

  /** The next timer that fires by then, taken out; undefined without one. */
  takeBy(end: number): Timer | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || (first.isSet && first.due > end)) return undefined;
      this.#removeFirst();
      if (!first.isSet) {
        this.#cancelled--;
        continue;
      }
      first.isSet = false;
      return first;
    }
  }

  /** The timers that are set, in order. */
  inOrder(): readonly Timer[] {
    return this.#heap.filter(({ isSet }) => isSet).sort(compare);
  }

  #clean(): void {
    // In order it is a heap.
    this.#heap = this.#heap.filter(({ isSet }) => isSet).sort(compare);
    this.#cancelled = 0;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Entry;
      if (compare(parent, entry) <= 0) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #sink(): void {
    const heap = this.#heap;
    const entry = heap[0] as Entry;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && compare(heap[below + 1] as Entry, heap[below] as Entry) < 0) below++;
      if (compare(entry, heap[below] as Entry) <= 0) break;
      heap[at] = heap[below] as Entry;
      at = below;
    }
    heap[at] = entry;
  }
}

function compare(one: Entry, other: Entry): number {
  return one.due - other.due || one.number - other.number;
}
