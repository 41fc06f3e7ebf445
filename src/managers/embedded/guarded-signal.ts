// SPDX-License-Identifier: MIT

type Listener = Parameters<AbortSignal["addEventListener"]>[1];

/**
 * Makes a controller whose signal is for a driver: what a listener on it throws goes no further. The runtime would report
 * that as an uncaught exception, which ends the process.
 */
export function guardedController(): AbortController {
  const controller = new AbortController();
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  const guarded = new WeakMap<object, (event: Event) => void>();
  const guard = (listener: unknown): unknown => {
    if ((typeof listener !== "function" && typeof listener !== "object") || listener === null) return listener;
    const known = guarded.get(listener);
    if (known !== undefined) return known;
    const made = (event: Event): void => quietly(() => call(listener, signal, event));
    guarded.set(listener, made);
    return made;
  };
  let handler: unknown = null;
  const handled = (event: Event): void => {
    if (typeof handler === "function") quietly(() => call(handler, signal, event));
  };
  Object.defineProperties(signal, {
    addEventListener: {
      value: (type: string, listener: unknown, options?: Parameters<AbortSignal["addEventListener"]>[2]) =>
        add(type, guard(listener) as Listener, options),
    },
    removeEventListener: {
      value: (type: string, listener: unknown, options?: EventListenerOptions | boolean) =>
        remove(type, guard(listener) as Listener, options),
    },
    onabort: {
      get: () => handler,
      set: (value: unknown) => {
        if (typeof handler === "function") remove("abort", handled);
        handler = typeof value === "function" ? value : null;
        if (handler !== null) add("abort", handled);
      },
    },
  });
  return controller;
}

function call(listener: unknown, signal: AbortSignal, event: Event): unknown {
  if (typeof listener === "function") return Reflect.apply(listener, signal, [event]);
  return (listener as { handleEvent(event: Event): unknown }).handleEvent(event);
}

/** Runs foreign code. An exception is dropped, and so is the rejection of a returned promise. */
export function quietly(run: () => unknown): void {
  try {
    settleQuietly(run());
  } catch {
    // The driver's operation still has its ceiling, and its failure is told there.
  }
}

/** Keeps the rejection of a promise that is not awaited from ending the process. */
export function settleQuietly(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  Promise.resolve(value).catch(() => {});
}
