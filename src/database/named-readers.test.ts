// SPDX-License-Identifier: MIT

import { beforeEach, describe, expect, test } from "vitest";
import { Database, MemoryStore, type ReaderNames, systemGroups } from "./index.ts";

const attached = ["Virtual PCD", "Virtual PCD 1"];
const defaultGroup = systemGroups.default;

function code(expected: string) {
  return expect.objectContaining({ code: expected });
}

let readers: ReaderNames;

beforeEach(() => {
  readers = new Database(new MemoryStore()).readers;
});

describe("readers", () => {
  test("that are attached have a name and the default group by themselves", () => {
    expect(readers.list(attached)).toEqual([
      { name: "Virtual PCD", device: "Virtual PCD", groups: [defaultGroup], attached: true },
      { name: "Virtual PCD 1", device: "Virtual PCD 1", groups: [defaultGroup], attached: true },
    ]);
    expect(readers.list()).toEqual([]);
    expect(readers.deviceOf("virtual pcd", attached)).toBe("Virtual PCD");
    expect(() => readers.deviceOf("Virtual PCD")).toThrow(code("unknown-reader"));
  });

  test("get a further name, and keep the one that they had", () => {
    readers.introduce("Front door", "Virtual PCD 1", attached);
    expect(readers.available(attached)).toEqual(["Virtual PCD", "Front door", "Virtual PCD 1"]);
    expect(readers.deviceOf("FRONT DOOR", attached)).toBe("Virtual PCD 1");
    expect(readers.namesOf("Virtual PCD 1", attached)).toEqual(["Front door", "Virtual PCD 1"]);
    expect(readers.groups()).toEqual([defaultGroup]);
  });

  // The example of SCardIntroduceReader's page: first the new name, then the old one is forgotten.
  test("are renamed, and have their system name again when they lose the last one", () => {
    readers.introduce("Front door", "Virtual PCD 1", attached);
    readers.forget("Virtual PCD 1", attached);
    expect(readers.available(attached)).toEqual(["Virtual PCD", "Front door"]);
    readers.forget("Front door", attached);
    expect(readers.available(attached)).toEqual(attached);
  });

  test("that were renamed do not get their old name back with a further one", () => {
    readers.introduce("Front door", "Virtual PCD 1", attached);
    readers.forget("Virtual PCD 1", attached);
    readers.introduce("Main entrance", "Virtual PCD 1", attached);
    expect(readers.namesOf("Virtual PCD 1", attached)).toEqual(["Front door", "Main entrance"]);
  });

  test("need not be attached to get a name, nor to keep it", () => {
    readers.introduce("Back door", "CCID 7");
    expect(readers.available(attached)).toEqual(attached);
    expect(readers.list(attached)[2]).toEqual({
      name: "Back door",
      device: "CCID 7",
      groups: [defaultGroup],
      attached: false,
    });
    expect(readers.available(["ccid 7"])).toEqual(["Back door", "CCID 7"]);
    // The manager's own spelling, as the manager has to understand it.
    expect(readers.deviceOf("Back door", ["ccid 7"])).toBe("ccid 7");
  });

  test("cannot have a name that is taken", () => {
    readers.introduce("Door", "Virtual PCD", attached);
    expect(() => readers.introduce("DOOR", "Virtual PCD 1", attached)).toThrow(code("duplicate-reader"));
    expect(() => readers.introduce("Door", "Virtual PCD", attached)).toThrow(code("duplicate-reader"));
    expect(() => readers.introduce("Virtual PCD 1", "Virtual PCD", attached)).toThrow(code("duplicate-reader"));
    expect(() => readers.introduce("", "Virtual PCD")).toThrow(code("invalid-parameter"));
    expect(() => readers.introduce("a", "\n")).toThrow(code("invalid-parameter"));
  });

  test("are forgotten with their groups, and unknown ones are not", () => {
    readers.introduce("Door", "Virtual PCD", attached);
    readers.addToGroup("Door", "Doors", attached);
    readers.forget("DOOR");
    expect(readers.groups()).toEqual([defaultGroup]);
    expect(() => readers.forget("Door", attached)).toThrow(code("unknown-reader"));
    // It is introduced again at once.
    readers.forget("Virtual PCD 1", attached);
    expect(readers.available(attached)).toContain("Virtual PCD 1");
  });

  test("lose their groups when their automatic name is forgotten", () => {
    readers.addToGroup("Virtual PCD", "Doors", attached);
    readers.forget("Virtual PCD", attached);
    expect(readers.list(attached)[0]?.groups).toEqual([defaultGroup]);
  });
});

describe("groups of readers", () => {
  test("come with their first reader and go with their last one", () => {
    readers.introduceGroup("Doors");
    expect(readers.groups(attached)).toEqual([defaultGroup]);
    readers.addToGroup("Virtual PCD", "Doors", attached);
    readers.addToGroup("Virtual PCD 1", "DOORS", attached);
    readers.addToGroup("Virtual PCD 1", "Attic", attached);
    expect(readers.groups(attached)).toEqual([defaultGroup, "Attic", "Doors"]);
    expect(readers.available(attached, ["doors"])).toEqual(attached);
    readers.removeFromGroup("Virtual PCD", "doors", attached);
    expect(readers.available(attached, ["Doors"])).toEqual(["Virtual PCD 1"]);
    readers.removeFromGroup("Virtual PCD 1", "Doors", attached);
    expect(readers.groups(attached)).toEqual([defaultGroup, "Attic"]);
  });

  test("are asked for together, and those that are not there have no readers", () => {
    readers.addToGroup("Virtual PCD", "Doors", attached);
    readers.removeFromGroup("Virtual PCD", defaultGroup, attached);
    expect(readers.available(attached, ["Doors", defaultGroup, "doors"])).toEqual(attached);
    expect(readers.available(attached, [defaultGroup])).toEqual(["Virtual PCD 1"]);
    expect(readers.available(attached, ["Nowhere"])).toEqual([]);
    expect(readers.available(attached, [])).toEqual([]);
    expect(readers.available(attached, ["Nowhere", "scard$allreaders"])).toEqual(attached);
    expect(readers.available(attached, [systemGroups.local, systemGroups.system])).toEqual([]);
  });

  test("are forgotten without their readers", () => {
    readers.addToGroup("Virtual PCD", "Doors", attached);
    readers.forgetGroup("doors");
    readers.forgetGroup("never there");
    expect(readers.available(attached)).toEqual(attached);
    expect(readers.groups(attached)).toEqual([defaultGroup]);
  });

  test("may be entered and left twice", () => {
    for (let time = 0; time < 2; time++) readers.addToGroup("Virtual PCD", "Doors", attached);
    expect(readers.list(attached)[0]?.groups).toEqual([defaultGroup, "Doors"]);
    for (let time = 0; time < 2; time++) readers.removeFromGroup("Virtual PCD", "Doors", attached);
    expect(readers.list(attached)[0]?.groups).toEqual([defaultGroup]);
    expect(() => readers.addToGroup("No Such Reader", "Doors", attached)).toThrow(code("unknown-reader"));
    expect(() => readers.removeFromGroup("No Such Reader", "Doors", attached)).toThrow(code("unknown-reader"));
  });

  test("of the system's are not for programs to change, the default group's members excepted", () => {
    for (const group of [...Object.values(systemGroups), "scard$Mine", "$mine", "Doors$", "My$Doors"]) {
      expect(() => readers.introduceGroup(group)).toThrow(code("invalid-parameter"));
      expect(() => readers.forgetGroup(group)).toThrow(code("invalid-parameter"));
      if (group === defaultGroup) continue;
      expect(() => readers.addToGroup("Virtual PCD", group, attached)).toThrow(code("invalid-parameter"));
      expect(() => readers.removeFromGroup("Virtual PCD", group, attached)).toThrow(code("invalid-parameter"));
    }
    readers.removeFromGroup("Virtual PCD", defaultGroup, attached);
    readers.addToGroup("Virtual PCD", "scard$defaultreaders", attached);
    expect(readers.list(attached)[0]?.groups).toEqual([defaultGroup]);
  });

  test("are not endlessly many for one reader", () => {
    for (let number = 1; number < 256; number++) readers.addToGroup("Virtual PCD", `g${number}`, attached);
    expect(() => readers.addToGroup("Virtual PCD", "one more", attached)).toThrow(code("no-memory"));
  });
});

describe("the user's names of readers, above the system's", () => {
  let system: ReaderNames;
  let user: ReaderNames;

  beforeEach(() => {
    const store = new MemoryStore();
    system = new Database(store).readers;
    user = new Database(new MemoryStore(), { below: store }).readers;
    system.introduce("Door", "Virtual PCD", attached);
  });

  test("are copies where a user changes groups, and the originals come back", () => {
    user.addToGroup("Door", "Mine", attached);
    expect(user.available(attached, ["Mine"])).toEqual(["Door"]);
    expect(system.groups(attached)).toEqual([defaultGroup]);
    user.forget("Door", attached);
    expect(user.groups(attached)).toEqual([defaultGroup]);
    expect(user.deviceOf("Door", attached)).toBe("Virtual PCD");
  });

  test("are all that a user can forget, and cannot be the same as the system's", () => {
    expect(() => user.forget("Door", attached)).toThrow(code("no-access"));
    expect(() => user.introduce("door", "Virtual PCD 1", attached)).toThrow(code("duplicate-reader"));
    system.forget("Door", attached);
    user.introduce("door", "Virtual PCD 1", attached);
    expect(user.available(attached)).toEqual(["Virtual PCD", "door", "Virtual PCD 1"]);
  });

  test("take a reader of the system's out of a group with its copy", () => {
    system.addToGroup("Door", "Doors", attached);
    user.forgetGroup("Doors");
    expect(user.groups(attached)).toEqual([defaultGroup]);
    expect(system.groups(attached)).toEqual([defaultGroup, "Doors"]);
  });
});
