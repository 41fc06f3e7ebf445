// SPDX-License-Identifier: MIT

// Declarations of TypeScript for an IDL, written as those of the DOM are: what other people's types for the API look like.

import { readFileSync } from "node:fs";
import { type IDLInterfaceMemberType, type IDLRootType, type IDLTypeDescription, parse } from "webidl2";

/** The IDL of the Web Smart Card API. */
export const idl: readonly IDLRootType[] = parse(
  readFileSync(new URL("web-smart-card.webidl", import.meta.url), "utf8"),
);

const simple: Readonly<Record<string, string>> = {
  DOMString: "string",
  boolean: "boolean",
  "unsigned long": "number",
  DOMHighResTimeStamp: "number",
  undefined: "undefined",
};

/** A type, as TypeScript has it. */
function typeOf(type: IDLTypeDescription): string {
  const inner = type.idlType;
  const written =
    typeof inner === "string"
      ? (simple[inner] ?? inner)
      : type.generic === "sequence"
        ? `${inner.map(typeOf)}[]`
        : type.generic === "Promise"
          ? `Promise<${inner.map(typeOf)}>`
          : typeOf(inner as unknown as IDLTypeDescription);
  return type.nullable ? `${written} | null | undefined` : written;
}

function memberOf(member: IDLInterfaceMemberType): string[] {
  if (member.type === "attribute") return [`  readonly ${member.name}: ${typeOf(member.idlType)};`];
  if (member.type !== "operation" || member.idlType === null) return [];
  const parameters = member.arguments.map((one) => `${one.name}${one.optional ? "?" : ""}: ${typeOf(one.idlType)}`);
  return [`  ${member.name}(${parameters.join(", ")}): ${typeOf(member.idlType)};`];
}

/** A declaration of the IDL, as TypeScript has it; none for what is added to Navigator. */
export function declarationOf(one: IDLRootType): string {
  switch (one.type) {
    case "enum":
      return `export type ${one.name} = ${one.values.map(({ value }) => JSON.stringify(value)).join(" | ")};`;
    case "dictionary": {
      const members = one.members.map(({ idlType, name, required }) => {
        return `  ${name}${required ? "" : "?"}: ${typeOf(idlType)};`;
      });
      return [`export interface ${one.name} {`, ...members, "}"].join("\n");
    }
    case "interface": {
      const parent = one.inheritance === null ? "" : ` extends ${one.inheritance}`;
      return [`export interface ${one.name}${parent} {`, ...one.members.flatMap(memberOf), "}"].join("\n");
    }
    case "callback":
      return `export type ${one.name} = () => ${typeOf(one.idlType)};`;
    default:
      return "";
  }
}
