// SPDX-License-Identifier: MIT

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PeerProgram } from "../peers/peers.ts";
import { Program } from "../peers/program.ts";

/** The terminal that tests sit at. */
export const tmuxProgram: PeerProgram = {
  name: "tmux",
  remedy: "scripts/setup-peers.sh installs it on Debian.",
  probe: (path) => {
    // Control mode, which tells when something was drawn, came with 1.8.
    const version = /(\d+)\.(\d+)/.exec(execFileSync(path, ["-V"], { encoding: "utf8" }));
    return version !== null && Number(version[1]) < 2 ? "it is too old" : undefined;
  },
};

/**
 * A terminal of 90 columns and 20 rows in which a shell command runs. tmux tells whenever something is drawn, so that
 * nothing has to sleep.
 */
export class TmuxTerminal {
  readonly #path: string;
  /** Where the server's socket is, which tmux leaves behind. */
  readonly #folder: string = mkdtempSync(join(tmpdir(), "scard-tmux-"));
  readonly #control: Program;

  private constructor(path: string, command: string, environment: NodeJS.ProcessEnv) {
    this.#path = path;
    // When the command is over the terminal stays, as the test left it to be looked at.
    const kept = `${command}; exec cat`;
    // A private server, independent of the user's configuration.
    const args = [...this.#server, "-f", "/dev/null", "-C", "new-session", "-x", "90", "-y", "20", kept];
    this.#control = new Program(path, args, { ...environment, TERM: "xterm-256color", TMUX: undefined });
  }

  /** Starts a shell command in a terminal of its own. */
  static async run(path: string, command: string, environment: NodeJS.ProcessEnv): Promise<TmuxTerminal> {
    const terminal = new TmuxTerminal(path, command, environment);
    await terminal.#control.line((line) => line.startsWith("%session-changed"));
    // A test run that is killed leaves no server behind.
    terminal.#control.write("set-option -g destroy-unattached on\n");
    return terminal;
  }

  /** What is on the screen, without blank lines at its end. */
  get screen(): string {
    return this.#tmux("capture-pane", "-p").trimEnd();
  }

  /** Whether the cursor is shown. */
  get cursorIsVisible(): boolean {
    return this.#tmux("display-message", "-p", "#{cursor_flag}").trim() === "1";
  }

  /** The processes that the command has started and that still run. On Linux only. */
  get children(): readonly number[] {
    const shell = this.#tmux("display-message", "-p", "#{pane_pid}").trim();
    const list = readFileSync(`/proc/${shell}/task/${shell}/children`, "utf8");
    return list.split(" ").flatMap((pid) => (pid === "" ? [] : [Number(pid)]));
  }

  /** Waits until the screen shows something, and returns the screen. */
  async shows(pattern: RegExp): Promise<string> {
    for (;;) {
      const { screen } = this;
      if (pattern.test(screen)) return screen;
      await this.#control
        .line((line) => line.startsWith("%output"))
        .catch((cause: unknown) => {
          throw new Error(`the terminal never showed ${pattern}; at the end it showed:\n${screen}`, { cause });
        });
    }
  }

  /** Presses keys, by tmux's names for them: `Down`, `Enter`, `C-c`, … */
  press(...keys: string[]): void {
    this.#tmux("send-keys", ...keys);
  }

  /** Gives the terminal another size, in columns and rows. */
  resize(columns: number, rows: number): void {
    this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** Ends the program in it, and the terminal. */
  async close(): Promise<void> {
    this.#tmux("kill-server");
    await this.#control.ended;
    rmSync(this.#folder, { recursive: true });
  }

  get #server(): string[] {
    return ["-S", join(this.#folder, "socket")];
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync(this.#path, [...this.#server, ...args], { encoding: "utf8" });
  }
}
