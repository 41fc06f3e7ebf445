// SPDX-License-Identifier: MIT

import type { PinState } from "../../entry/modules.ts";
import { algorithmName, certificateForPrograms, type Facts } from "./card-facts.ts";
import { tell } from "./card-keys.ts";
import { type CardGroup, cardOptions, withCard } from "./card-session.ts";
import { type Command, command } from "./command.ts";

/** `scard card info`: what the card in a reader is, by its module. */
export function anyInfoCommand(group: CardGroup): Command {
  return command({
    name: "info",
    summary: "say what the card in the reader is",
    usage: ["[OPTION…]"],
    description: [
      "Says what the card in the reader is, which module works with it, what PINs it has, and its keys and certificates. No PIN is needed.",
    ],
    options: cardOptions,
    run: ({ values }, terminal) =>
      withCard(group, values, terminal, async ({ card, crypto, wait }) => {
        const { facts, label, module, serialNumber } = await card.properties(wait);
        const pins = await card.pins(wait);
        const containers = await card.containers(wait);
        const certified = new Map((await card.certificates(wait)).map((one) => [one.container.name, one.certificate]));
        const keys = containers.map((container) => {
          const certificate = certified.get(container.name);
          return {
            key: container.name,
            label: container.label,
            algorithm: algorithmName(container.key),
            uses: container.uses,
            pinPolicy: container.pinPolicy,
            certificate: certificate && certificateForPrograms(certificate, crypto),
          };
        });
        const json = { reader: card.reader, module, card: label, serialNumber, facts, pins, keys };
        const told: Facts = [
          ["Card", label],
          ["Serial number", serialNumber],
          ["Module", module],
          ["Reader", card.reader],
          ...Object.entries(facts).map(([name, value]) => [factName(name), value] as const),
          ...pins
            .filter(({ kind }) => kind === "pin")
            .map((pin) => [`${pin.name} tries remaining`, triesText(pin, pins)] as const),
          ...keys.map(
            ({ algorithm, certificate, key, label: about, uses }) =>
              [
                `Key ${key} (${about})`,
                [
                  ["Algorithm", algorithm],
                  ["Uses", uses.join(", ")],
                  ["Subject DN", certificate?.subject],
                  ["Not after", certificate?.notAfter],
                ],
              ] as const,
          ),
        ];
        return tell(told, json, values.json, terminal);
      }),
  });
}

/** What people call the facts that modules tell. */
function factName(name: string): string {
  return name === "guid" ? "GUID" : `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function triesText({ triesLeft, unblockedBy }: PinState, all: readonly PinState[]): string {
  const tries = triesLeft?.toString() ?? "the card does not tell";
  const names = unblockedBy.map((role) => `the ${all.find((pin) => pin.role === role)?.name ?? role}`);
  return names.length === 0 ? tries : `${tries}, unblocked with ${names.join(" or ")}`;
}
