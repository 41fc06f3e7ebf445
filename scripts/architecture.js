// SPDX-License-Identifier: MIT

// Writes the rules of architecture.json into biome.json, so that an editor shows a forbidden import where it is typed:
// `node scripts/architecture.js`. With `--print` they are printed instead, for test/architecture.test.ts, which finds a
// biome.json that says something else.

import { readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { root, run, tool } from "./tools.js";

/**
 * @typedef {object} Wing A folder of src/.
 * @property {string[]} mayImport the wings that it may import
 * @property {Record<string, string[]>} [rooms] its folders, and which of them each may import; without it the wing is one room
 * @property {boolean} [machine] whether it may use `node:*`, the clock, timers, randomness, the process, the network
 * @property {string[]} [packages] the packages that it may import
 * @property {boolean} [everyFileIsADoor] whether each file may be imported; elsewhere only `index.ts`
 */

const restrictedImports = "noRestrictedImports";

/** @param {Record<string, Wing>} wings @returns {object[]} the overrides of biome.json that say which imports are forbidden */
function importRules(wings) {
  return Object.entries(wings).flatMap(([name, wing]) => {
    const rooms = Object.entries(wing.rooms ?? {}).filter(([, siblings]) => siblings.length > 0);
    return [
      importRule(wings, name, "", []),
      ...rooms.map(([room, siblings]) => importRule(wings, name, `${room}/`, siblings)),
    ];
  });
}

/** @param {Record<string, Wing>} wings @param {string} name @param {string} room @param {string[]} siblings */
function importRule(wings, name, room, siblings) {
  const { mayImport, rooms, machine, everyFileIsADoor: isEntry } = wings[name];
  const from = rooms ? `${name}/room` : name;
  const doors = mayImport.map((other) => {
    const { rooms: folders, everyFileIsADoor } = wings[other];
    return `!${posix.relative(from, other)}/${everyFileIsADoor ? "*" : folders ? "*/index" : "index"}.ts`;
  });
  // What the package exports may be a room's constants without the room.
  if (isEntry) doors.push(`!${posix.relative(from, "")}/*/*/*constants.ts`);
  const allowed = [...mayImport, ...siblings];
  const patterns = [
    {
      group: ["../**", ...doors, ...siblings.map((sibling) => `!../${sibling}/index.ts`)],
      message: `${name}/${room} may import ${allowed.join(", ") || "nothing else"}, each through its index.ts (architecture.json).`,
    },
    ...(machine
      ? []
      : [{ group: ["node:*"], message: "Only platform, entry and apps may import node:* (architecture.json)." }]),
  ];
  return {
    includes: [`src/${name}/${room}**`, "!**/*.test.ts"],
    linter: { rules: { style: { [restrictedImports]: { level: "error", options: { patterns } } } } },
  };
}

/** @param {string} file */
const read = (file) => JSON.parse(readFileSync(join(root, file), "utf8"));

const rules = importRules(read("architecture.json"));
if (process.argv.includes("--print")) {
  console.log(JSON.stringify(rules));
} else {
  const config = read("biome.json");
  const others = config.overrides.filter((override) => !override.linter.rules.style?.[restrictedImports]);
  config.overrides = [...rules, ...others];
  writeFileSync(join(root, "biome.json"), JSON.stringify(config));
  process.exitCode = run(process.execPath, [tool("@biomejs/biome", "biome"), "format", "--write", "biome.json"]);
}
