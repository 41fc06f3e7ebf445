// SPDX-License-Identifier: MIT

import { type Command, command, exitCodes } from "./command.ts";
import { completionScript, shells } from "./completion-scripts.ts";
import { choiceOf, UsageError } from "./options.ts";
import { jsonText } from "./text.ts";

/** `scard completion`: the script that completes command lines of `scard` in a shell. */
export function completionCommand(commands: () => Promise<readonly Command[]>): Command {
  return command({
    name: "completion",
    summary: "print the script that completes scard's command lines in a shell",
    usage: ["bash|zsh|fish"],
    description: [
      'Prints a script for the shell. For bash, put eval "$(scard completion bash)" into ~/.bashrc; for zsh, eval "$(scard completion zsh)" into ~/.zshrc, behind compinit; for fish, run "scard completion fish > ~/.config/fish/completions/scard.fish".',
    ],
    options: {},
    argumentWords: shells,
    async run({ positionals, values }, terminal) {
      const [shell, ...others] = positionals;
      if (shell === undefined || others.length > 0) throw new UsageError(`one shell is needed: ${shells.join(", ")}`);
      const script = completionScript(choiceOf("the shell", shell, shells), await commands());
      terminal.print(values.json ? jsonText({ shell, script }) : script.trimEnd());
      return exitCodes.ok;
    },
  });
}
