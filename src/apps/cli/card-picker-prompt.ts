// SPDX-License-Identifier: MIT

import {
  AbortPromptError,
  createPrompt,
  ExitPromptError,
  isDownKey,
  isEnterKey,
  isUpKey,
  useEffect,
  useKeypress,
  usePagination,
  useRef,
  useState,
} from "@inquirer/core";
import type { CardPickerReader, CardPickerRequest } from "../../faces/winscard/index.ts";
import {
  choose,
  currentIndex,
  emptyPicker,
  footLines,
  headLine,
  type PickerEvent,
  type PickerState,
  readerLine,
  stepPicker,
} from "./card-picker-view.ts";
import type { Paint, Screen } from "./terminal.ts";

/** How a dialog ended. */
export type PickerAnswer = { readonly reader: string } | "cancelled" | "interrupted";

/** Readers that are shown at once; a longer list scrolls. */
const PAGE_SIZE = 10;

interface Config {
  readonly request: CardPickerRequest;
  /** The initial dialog, and its changes. */
  readonly first: PickerState;
  readonly following: AsyncIterator<readonly CardPickerReader[]>;
  readonly paint: Paint;
}

const cardPrompt = createPrompt<PickerAnswer, Config>(({ first, following, paint, request }, done) => {
  const [state, show] = useState(first);
  // A key is pressed, or a card put in, when what is drawn may be older than what has happened.
  const latest = useRef(state);
  const take = (next: PickerState): void => {
    latest.current = next;
    show(next);
  };
  const step = (event: PickerEvent): void => take(stepPicker(latest.current, event));
  useEffect(() => {
    let open = true;
    const follow = async (): Promise<void> => {
      for (let next = await following.next(); open && !next.done; next = await following.next()) {
        step({ kind: "readers", readers: next.value });
      }
    };
    // The end of the readers ends the whole dialog, by its signal.
    follow().catch(() => {});
    return () => {
      open = false;
    };
  }, []);
  useKeypress((key, readline) => {
    // Typed text would be echoed, and move the cursor of the terminal.
    readline.clearLine(0);
    if (isUpKey(key)) step({ kind: "move", by: -1 });
    else if (isDownKey(key)) step({ kind: "move", by: 1 });
    else if (key.name === "escape") done("cancelled");
    else if (isEnterKey(key)) {
      const chosen = choose(latest.current);
      if ("reader" in chosen) done(chosen);
      else take(chosen);
    }
  });
  const list = usePagination({
    items: state.readers,
    active: currentIndex(state),
    renderItem: ({ isActive, item }) => readerLine(item, isActive, paint),
    pageSize: PAGE_SIZE,
    loop: false,
  });
  const shown = state.readers.length === 0 ? paint("dim", "  no reader") : list;
  return [headLine(request, paint), `${shown}\n${footLines(state, paint)}`];
});

/** Shows the dialog on a terminal. At the end it is erased, and the terminal restored. */
export async function askForCard(
  request: CardPickerRequest,
  screen: Screen,
  paint: Paint,
  signal: AbortSignal,
): Promise<PickerAnswer> {
  // The library ends the process at a signal without another listener, with the terminal as it is. Our own listener
  // has had its only call by then: this one keeps the process, and the dialog closes by its own signal.
  const keep = (): void => {};
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, keep);
  try {
    const { input, output } = screen;
    // The readers of now are there at once. With them the list opens as it is, not empty for a moment.
    const following = request.readers[Symbol.asyncIterator]();
    const now = await following.next();
    const first = now.done ? emptyPicker : stepPicker(emptyPicker, { kind: "readers", readers: now.value });
    return await cardPrompt({ request, first, following, paint }, { input, output, signal, clearPromptOnDone: true });
  } catch (error) {
    if (error instanceof ExitPromptError) return "interrupted";
    if (error instanceof AbortPromptError) return "cancelled";
    throw error;
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.removeListener(name, keep);
  }
}
