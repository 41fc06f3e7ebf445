// SPDX-License-Identifier: MIT

import { homedir } from "node:os";
import { join } from "node:path";
import {
  type BridgeNotice,
  type BridgeOrigin,
  type BridgePairing,
  BridgeService,
} from "../../faces/bridge-server/index.ts";
import { bridgeCrypto, listenBridge, OriginsFile } from "../../platform/node/bridge/index.ts";
import { LOOPBACK_HOST } from "../../platform/node/pages/index.ts";
import { nodeClock, nodeRuntime } from "../../platform/node/runtime/index.ts";
import { userDataFolder } from "../../platform/node/sqlite/index.ts";
import type { CancelTimer } from "../../port/index.ts";
import { bridgeEvent, bridgeLine, quietRefusals } from "./bridge-text.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { managerOption, withManager } from "./manager-option.ts";
import { type OptionTable, UsageError } from "./options.ts";
import { portOf } from "./port-option.ts";
import { servedPage } from "./served-page.ts";
import { commandWithActions } from "./subcommand.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";
import { untilStopped } from "./waiting.ts";

/** Where pages look for a bridge: `DEFAULT_BRIDGE_PORT` of the page's side says the same. */
const DEFAULT_PORT = 41_964;
/** How often the file of origins is looked at, in milliseconds: a revocation takes effect by then. */
const RELOAD_MS = 1000;
/** Browsers that have the bridge's own page open. */
const MAX_PAGE_PAIRINGS = 16;

const fileOption = {
  file: {
    type: "string",
    value: "FILE",
    completes: "file",
    help: "where origins and pairings are kept; default: bridge.json in the folder of the user's smart card database",
  },
} as const satisfies OptionTable;

const serveOptions = {
  origin: {
    type: "string",
    value: "ORIGIN",
    multiple: true,
    reads: originOf,
    help: "an origin whose pages may use cards once they are paired: https://example.org. Origins that were paired before need not be named",
  },
  reader: {
    type: "string",
    value: "NAME",
    multiple: true,
    help: "the readers that these origins see: a name, or what it begins with and a *. Default: all readers that no origin was ever given by name",
  },
  port: {
    type: "string",
    value: "PORT",
    reads: portOf,
    help: `where to listen, on ${LOOPBACK_HOST}; default ${DEFAULT_PORT}`,
  },
  "no-page": {
    type: "boolean",
    help: "serve no page of the bridge's own. Without it there is one to try cards with, which has to be paired each time the bridge runs",
  },
  ...fileOption,
  ...managerOption,
} as const satisfies OptionTable;

const serve = command({
  name: "serve",
  summary: "let pages of the origins that you name use smart cards",
  usage: ["[OPTION…]"],
  description: [
    "Lets pages of listed origins use the cards of this machine through the Web Smart Card API (scard/bridge), in any browser. A page that comes for the first time asks for a code, which this program shows. It serves until Ctrl-C.",
    "It has a page of its own at http://127.0.0.1:PORT/, which shows readers and cards. That page has to be paired too, each time the bridge is started.",
    "A page sees only the readers that its origin was given. When its tab is closed in the middle of a transaction, the card is reset.",
  ],
  options: serveOptions,
  async run({ values }, terminal) {
    const file = await OriginsFile.open(values.file ?? defaultFile(terminal));
    const named = values.origin ?? [];
    const hasPage = values["no-page"] !== true;
    if (!hasPage && named.length === 0 && file.origins.length === 0)
      throw new UsageError("no page may use cards yet: name its origin with --origin https://example.org");
    if (values.reader !== undefined && named.length === 0) throw new UsageError("--reader needs --origin");
    await file.withhold(values.reader ?? []);
    const tell = (notice: BridgeNotice): void => {
      if (values.json === true) terminal.print(jsonText(bridgeEvent(notice), "compact"));
      else terminal.say(bridgeLine(notice, terminal.paint));
    };
    return withManager(values.manager, terminal, async ({ client }) => {
      const { clock, random } = nodeRuntime();
      const origins = new ListedOrigins(file, named, values.reader);
      const service = new BridgeService({
        manager: client,
        clock,
        random,
        origins,
        crypto: bridgeCrypto,
        notice: quietRefusals(clock, tell),
      });
      const answer = hasPage ? { answer: await servedPage("bridge") } : {};
      const listener = await listenBridge({ port: values.port ?? DEFAULT_PORT, service, ...answer });
      file.onChange(() => service.originsChanged());
      const stopReloading = reloading(file, terminal);
      try {
        const url = `ws://${LOOPBACK_HOST}:${listener.port}`;
        const listed = listedNames(origins);
        const page = hasPage ? `http://${LOOPBACK_HOST}:${listener.port}` : undefined;
        if (page !== undefined) origins.addPage(page);
        if (values.json === true)
          terminal.print(jsonText({ url, origins: listed, page: page && `${page}/`, pid: process.pid }, "compact"));
        else {
          terminal.print(`listening on ${url}${listed.length === 0 ? "" : ` for ${listed.map(visible).join(", ")}`}`);
          if (page !== undefined) terminal.print(`a page to try cards with, to be paired like any other: ${page}/`);
        }
        await untilStopped(terminal);
        return exitCodes.ok;
      } finally {
        stopReloading();
        await service.close();
        await listener.close();
      }
    });
  },
});

const list = command({
  name: "list",
  summary: "list the origins that were paired",
  usage: ["[OPTION…]"],
  description: [
    "Lists the origins whose pages were paired, the readers that they see, and when the pairings were made; then the readers that an origin was given by name once, which no origin without readers of its own sees.",
  ],
  options: fileOption,
  async run({ values }, terminal) {
    const { origins, withheld } = await OriginsFile.open(values.file ?? defaultFile(terminal));
    const found = origins.map(({ origin, pairings, readers }) => ({
      origin,
      readers: readers ?? "all",
      pairings: pairings.map(({ since }) => ({ since })),
    }));
    if (values.json === true) terminal.print(jsonText({ origins: found, withheld }));
    else {
      if (found.length === 0) terminal.say("no origin was paired");
      for (const { origin, pairings, readers } of found) {
        terminal.print(terminal.paint("bold", visible(origin)));
        terminal.print(
          `  readers: ${typeof readers === "string" ? "all that no origin was ever given" : readers.map(visible).join(", ")}`,
        );
        for (const { since } of pairings) terminal.print(`  paired: ${visible(since)}`);
      }
      if (withheld.length > 0) {
        terminal.print("kept from origins that were given no readers:");
        for (const name of withheld) terminal.print(`  ${name === "*" ? "all readers" : visible(name)}`);
      }
    }
    return exitCodes.ok;
  },
});

const revoke = command({
  name: "revoke",
  summary: "take an origin's pairings and readers back",
  usage: ["[OPTION…] ORIGIN…"],
  description: [
    "Forgets origins with all their pairings. Their readers stay kept from origins that were given no readers. A bridge that runs sends their pages away within a second; they have to be paired anew, and the bridge has to be started with --origin for them.",
  ],
  options: fileOption,
  async run({ positionals, values }, terminal) {
    if (positionals.length === 0) throw new UsageError("the origins are missing");
    const wanted = positionals.map((text, place) => originOf(`argument ${place + 1}`, text));
    const file = await OriginsFile.open(values.file ?? defaultFile(terminal));
    const revoked: string[] = [];
    const unknown: string[] = [];
    for (const origin of wanted) ((await file.revoke(origin)) ? revoked : unknown).push(origin);
    if (values.json === true) terminal.print(jsonText({ revoked, unknown }));
    else {
      for (const origin of revoked) terminal.print(`${visible(origin)}: revoked`);
      for (const origin of unknown) terminal.say(`scard: ${visible(origin)} was not paired`);
    }
    return unknown.length === 0 ? exitCodes.ok : exitCodes.failed;
  },
});

/** `scard bridge`: the Web Smart Card API for pages of any browser. */
export const bridge: Command = commandWithActions({
  name: "bridge",
  summary: "let web pages use the cards of this machine",
  description: [
    "Serves the Web Smart Card API to pages of the origins that you name, over a WebSocket on this machine (docs/guide/bridge.md).",
  ],
  otherwise: "serve",
  actions: [serve, list, revoke],
});

/** The origins of the command line and those of the file. */
class ListedOrigins {
  readonly #file: OriginsFile;
  readonly #named: readonly string[];
  readonly #readers: readonly string[] | undefined;
  /** The bridge's own page. */
  #page: BridgeOrigin | undefined;

  constructor(file: OriginsFile, named: readonly string[], readers: readonly string[] | undefined) {
    this.#file = file;
    this.#named = named;
    this.#readers = readers;
  }

  all(): readonly BridgeOrigin[] {
    const kept = this.#file.origins.map(({ origin, pairings, readers }) => ({
      origin,
      readers: this.#readersOf(origin) ?? readers,
      pairings,
    }));
    const added = this.#named.filter((origin) => !kept.some((one) => one.origin === origin));
    const listed = [...kept, ...added.map((origin) => ({ origin, readers: this.#readers, pairings: [] }))];
    const page = this.#page;
    return page === undefined || listed.some(({ origin }) => origin === page.origin) ? listed : [...listed, page];
  }

  /**
   * Lists the bridge's own page, which has to be paired. Its pairings end with the bridge: when it does not run, another program may have the
   * port, and with it the origin and what a browser keeps for that.
   */
  addPage(origin: string): void {
    this.#page = { origin, pairings: [] };
  }

  withheld(): readonly string[] {
    return this.#file.withheld;
  }

  isSure(): boolean {
    return this.#file.isSure;
  }

  async remember(origin: string, pairing: BridgePairing): Promise<void> {
    const page = this.#page;
    if (page?.origin === origin && !this.#isKept(origin)) {
      this.#page = { origin, pairings: [...page.pairings, pairing].slice(-MAX_PAGE_PAIRINGS) };
      return;
    }
    const since = new Date(nodeClock.wallTime()).toISOString();
    await this.#file.pair(origin, { ...pairing, since }, this.#readersOf(origin));
  }

  #isKept(origin: string): boolean {
    return this.#named.includes(origin) || this.#file.origins.some((one) => one.origin === origin);
  }

  #readersOf(origin: string): readonly string[] | undefined {
    return this.#named.includes(origin) ? this.#readers : undefined;
  }
}

function listedNames(origins: ListedOrigins): readonly string[] {
  return origins.all().map(({ origin }) => origin);
}

/** Looks at the file of origins now and then, so that a revocation takes effect. */
function reloading(file: OriginsFile, terminal: Terminal): CancelTimer {
  let cancel: CancelTimer = () => undefined;
  let isOver = false;
  let told: string | undefined;
  const look = async (): Promise<void> => {
    try {
      await file.reload();
      told = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== told) terminal.say(`scard: ${visible(message)}`);
      told = message;
    }
    if (!isOver) cancel = nodeClock.schedule(RELOAD_MS, "bridge: origins", () => void look(), { background: true });
  };
  void look();
  return () => {
    isOver = true;
    cancel();
  };
}

function defaultFile({ environment }: Terminal): string {
  return join(userDataFolder({ environment, platform: process.platform, home: homedir() }), "bridge.json");
}

/** @throws UsageError */
function originOf(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const why = url === undefined ? "it is no address" : whyNoOrigin(url);
  if (url !== undefined && why === undefined) return url.origin;
  throw new UsageError(`${option} is an origin such as https://example.org or http://localhost:8080: ${why}`);
}

/** Why no page of a browser has an address as its origin. It is not repeated: it may hold a password. */
function whyNoOrigin(url: URL): string | undefined {
  if (url.protocol !== "https:" && url.protocol !== "http:")
    return `pages come by https or http, not by ${visible(url.protocol.slice(0, 20))}`;
  if (url.username !== "" || url.password !== "") return "leave the user and the password out";
  if (/[*?]/.test(url.hostname)) return "name each origin; a * stands for nothing here";
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") return "leave out what follows the host";
  return undefined;
}
