// SPDX-License-Identifier: MIT

// `scard openpgp info` beside `ykman openpgp info`, on the same card.

import { expect, it } from "vitest";
import { scard } from "../cli/card-file-run.ts";
import { serveCard } from "../peers/card-service.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";

const tool: PeerProgram = {
  name: "ykman",
  remedy: "scripts/setup-peers.sh installs it on Debian.",
  probe: () => undefined,
};
const token = serveCard({ card: "yubikey", secrets: [] });

/** `Name: value`, a line each. */
function factsOf(output: string): ReadonlyMap<string, string> {
  const lines = output.split("\n").map((line) => /^([A-Z][A-Za-z ]+): +(\S.*)$/.exec(line) ?? []);
  return new Map(lines.flatMap(([, name, value]) => (name && value ? [[name, value] as const] : [])));
}

describePeer(tool, (ykman) => {
  const compare = async (): Promise<string> => {
    const environment = { SCARD_MANAGER: `pcscd:${token.environment.PCSCLITE_CSOCK_NAME}` };
    const { code, err, out } = await scard(["openpgp", "info"], { environment });
    expect(code, err).toBe(0);
    const [wanted, told] = [factsOf(await token.done(ykman, ["openpgp", "info"])), factsOf(out)];
    expect(wanted.size).toBeGreaterThanOrEqual(5);
    for (const [name, value] of wanted) expect([name, told.get(name)]).toEqual([name, value]);
    return out;
  };

  it("tells what ykman tells, also after a change", async () => {
    await compare();
    const environment = { SCARD_MANAGER: `pcscd:${token.environment.PCSCLITE_CSOCK_NAME}` };
    const setting = ["openpgp", "access", "set-retries", "5", "6", "7", "--force", "-a", "env:ADMIN"];
    expect((await scard(setting, { environment })).code).toBe(0);
    expect(await compare()).toContain("Admin PIN tries remaining:  7\n");
  });
});
