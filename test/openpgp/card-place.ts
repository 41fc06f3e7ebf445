// SPDX-License-Identifier: MIT

import { expect } from "vitest";
import type { OpenPgpSource } from "../../src/cards/openpgp/index.ts";
import { OpenPgpBench } from "../cards/openpgp-bench.ts";
import { type ScardService, startScard } from "../peers/daemon.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";

/** Our daemon, with an OpenPGP card in a reader of its. */
export class CardPlace {
  readonly service: ScardService;
  readonly bench: OpenPgpBench;
  readonly #inserted: SoftwareVpcdCard;

  private constructor(service: ScardService, bench: OpenPgpBench, inserted: SoftwareVpcdCard) {
    this.service = service;
    this.bench = bench;
    this.#inserted = inserted;
  }

  static async start(source: OpenPgpSource = {}): Promise<CardPlace> {
    const service = await startScard();
    const bench = new OpenPgpBench(source);
    const inserted = await SoftwareVpcdCard.insert(bench.card, service.ports[0]);
    await service.seesCards(1);
    return new CardPlace(service, bench, inserted);
  }

  /** Ends it. None of these secrets may stand in what the daemon wrote, neither as text nor in hexadecimal. */
  async stop(...secrets: readonly string[]): Promise<void> {
    await this.#inserted.remove();
    await this.service.stop();
    const { stderr, stdout } = await this.service.program.ended;
    for (const secret of secrets) {
      const digits = Buffer.from(secret).toString("hex");
      for (const form of [secret, digits, digits.toUpperCase()]) expect(stdout + stderr).not.toContain(form);
    }
  }
}
