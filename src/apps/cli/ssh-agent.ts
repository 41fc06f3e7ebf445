// SPDX-License-Identifier: MIT

import { readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenCards } from "../../entry/agent-cards.ts";
import { CardKeys, SshAgent } from "../../faces/ssh-agent/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { listenUnix, privateFolder, thisUser, type UnixConnection } from "../../platform/node/unix/index.ts";
import { type Context, SmartCardError } from "../../port/index.ts";
import { runChild, withProgramBehindDashes } from "./child-program.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { managerOption, withManager } from "./manager-option.ts";
import { millisecondsOf, type OptionTable } from "./options.ts";
import { onlyFitting } from "./reader-choice.ts";
import { type SecretSource, secretSource } from "./secret-source.ts";
import { pinPrompt } from "./ssh-agent-pin.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";
import { untilStopped } from "./waiting.ts";

const OWNER_ONLY = 0o600;

const options = {
  reader: { type: "string", multiple: true, value: "NAME", help: "use the card in this reader; default: all readers" },
  socket: {
    type: "string",
    value: "PATH",
    completes: "file",
    help: "where the agent listens; default: a folder of its own",
  },
  pin: {
    type: "string",
    value: "SOURCE",
    reads: secretSource,
    help: "where the PIN comes from: env:NAME, file:PATH, stdin, or prompt, on the terminal",
  },
  askpass: {
    type: "string",
    value: "PROGRAM",
    completes: "file",
    help: "the program that asks for the PIN; default: the one that SSH_ASKPASS names, or else the terminal",
  },
  forget: {
    type: "string",
    value: "SEC",
    reads: millisecondsOf,
    help: "how long a PIN is kept, in seconds; 0: not at all; default: while the card is in",
  },
  ...managerOption,
} as const satisfies OptionTable;

const agentCommand = command({
  name: "ssh-agent",
  summary: "let ssh log in and sign with the keys of your cards",
  usage: ["[OPTION…]", "[OPTION…] -- COMMAND [ARGUMENT…]"],
  description: [
    "An agent for ssh, ssh-add -L, ssh-keygen -Y sign and git, whose keys stay on the cards: PIV, OpenPGP, and all others that scard/modules knows. A card may come and go while the agent runs.",
    "Prints the line that a shell needs, and serves until Ctrl-C. With COMMAND it runs that with SSH_AUTH_SOCK set, and ends with it and with its exit code.",
    "ssh-add -x locks the agent and makes it forget PINs. Keys cannot be added or removed: they are on the cards.",
  ],
  options,
  argumentWords: "file",
  async run({ positionals, values }, terminal) {
    const place = { source: values.pin, program: values.askpass ?? (terminal.environment.SSH_ASKPASS || undefined) };
    const pin = await pinPrompt(place, terminal);
    const pinCache = pinCacheOf(values.forget);
    return withManager(values.manager, terminal, async ({ client, context }) => {
      const say = (reason: string): void => terminal.say(`scard: ${visible(reason)}`);
      const readers = values.reader && (await readersNamed(values.reader, context));
      await using cards = new OpenCards({ manager: client, readers, pin, pinCache, leftOut: leftOutOnce(say) });
      const agent = new SshAgent({ clock: nodeClock, keys: new CardKeys(cards), refused: say });
      const path = values.socket ?? ownSocket();
      const listener = await listenUnix({
        at: { path, mode: OWNER_ONLY, namedBy: "--socket" },
        clock: nodeClock,
        onConnection: (connection) => serve(agent, connection),
        onTrouble: (message) => terminal.say(`scard: ${message}`),
      });
      try {
        const [program, ...args] = positionals;
        if (program !== undefined) {
          const environment = withAgent(path, values.pin, terminal);
          return await runChild(program, args, { environment }, terminal);
        }
        if (values.json === true) terminal.print(jsonText({ socket: path, pid: process.pid }));
        else terminal.print(`SSH_AUTH_SOCK=${quoted(path)}; export SSH_AUTH_SOCK;`);
        await untilStopped(terminal);
        return exitCodes.ok;
      } finally {
        await listener.close();
      }
    });
  },
});

/** `scard ssh-agent`: OpenSSH's programs sign with keys on cards. */
export const sshAgent: Command = withProgramBehindDashes(agentCommand, "scard ssh-agent -- COMMAND …");

function serve(agent: SshAgent, connection: UnixConnection): void {
  const session = agent.accept({
    send: (bytes) => connection.send(bytes),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    close: (reason) => connection.close(reason),
  });
  connection.listen({ received: (bytes) => session.received(bytes), closed: () => session.closed() });
}

/** One folder for each user, and one socket for each agent. */
function ownSocket(): string {
  const uid = thisUser()?.uid;
  if (uid === undefined) {
    const message = "an agent listens on a Unix socket, which ssh of Windows does not use";
    throw new SmartCardError("unsupported-feature", message, { operation: "listen" });
  }
  const { XDG_RUNTIME_DIR } = process.env;
  const folder = privateFolder(XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, "scard") : join(tmpdir(), `scard-${uid}`), uid);
  removeDeadSockets(folder);
  return join(folder, `ssh-agent.${process.pid}`);
}

/** An agent that was killed leaves its socket. Only processes of this user had one in this folder. */
function removeDeadSockets(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(/^ssh-agent\.(\d+)$/.exec(name)?.[1]);
    if (Number.isInteger(pid) && !isRunning(pid)) rmSync(join(folder, name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function pinCacheOf(forgetMs: number | undefined): "process" | "none" | { readonly timedMs: number } {
  if (forgetMs === undefined) return "process";
  return forgetMs === 0 ? "none" : { timedMs: forgetMs };
}

/** In single quotes, as a shell takes any path. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** The names of the readers that the user means. @throws unknown-reader, with the list of those that there are */
async function readersNamed(choices: readonly string[], context: Context): Promise<readonly string[]> {
  const names = await context.listReaders();
  return choices.map((choice) => onlyFitting(names, choice, "--reader"));
}

/** Tells of a card that cannot be used, once for each reason. */
function leftOutOnce(say: (text: string) => void): (reader: string, error: SmartCardError) => void {
  const told = new Set<string>();
  return (reader, { message }) => {
    const text = `the card in "${reader}" is not used: ${message}`;
    if (!told.has(text)) say(text);
    told.add(text);
  };
}

/** The environment of the command. A PIN that this one holds is for the agent alone. */
function withAgent(path: string, source: SecretSource | undefined, { environment }: Terminal): NodeJS.ProcessEnv {
  const passed: NodeJS.ProcessEnv = { ...environment, SSH_AUTH_SOCK: path };
  if (source?.from === "environment") delete passed[source.name];
  return passed;
}
