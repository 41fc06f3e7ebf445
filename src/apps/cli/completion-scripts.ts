// SPDX-License-Identifier: MIT

import type { Command } from "./command.ts";
import { commonOptions, type OptionSpec, type OptionTable } from "./options.ts";

/** The shells that there are scripts for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** A shell that there is a script for. */
export type Shell = (typeof shells)[number];

/** A place on the command line: behind these words a command's options and arguments are expected. */
interface Place {
  readonly words: readonly string[];
  readonly options: OptionTable;
  /** Words that may follow, with what they do. */
  readonly next: readonly (readonly [word: string, summary: string])[];
  readonly takesFiles: boolean;
}

/** The script that completes the command line in a shell. It needs nothing but the shell. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const places = placesOf(commands);
  switch (shell) {
    case "bash":
      return bashScript(places);
    case "zsh":
      return zshScript(places);
    case "fish":
      return fishScript(places);
  }
}

function placesOf(commands: readonly Command[]): readonly Place[] {
  const names = (list: readonly Command[]): (readonly [string, string])[] => list.map((one) => [one.name, one.summary]);
  const topics = [...names(commands), ["help", "explain a command"] as const];
  const root: Place = { words: [], options: {}, next: topics, takesFiles: false };
  const help: Place = { words: ["help"], options: {}, next: names(commands), takesFiles: false };
  const place = (words: readonly string[], { actions, argumentFiles, argumentWords, options }: Command): Place => ({
    words,
    options,
    next: actions
      ? names(actions)
      : Array.isArray(argumentWords)
        ? argumentWords.map((word) => [word, ""] as const)
        : [],
    takesFiles: argumentWords === "file" || argumentFiles === true,
  });
  const below = (before: readonly string[], list: readonly Command[]): readonly Place[] =>
    list.flatMap((command) => {
      const words = [...before, command.name];
      return [place(words, command), ...below(words, command.actions ?? [])];
    });
  return [root, help, ...below([], commands)];
}

function optionsOf(place: Place): (readonly [name: string, spec: OptionSpec])[] {
  return Object.entries({ ...place.options, ...commonOptions });
}

function valuesOf({ choices, completes }: OptionSpec): string | undefined {
  return choices?.join(" ") ?? (completes === "file" ? "@file" : undefined);
}

/** A text in single quotation marks, as the three shells read them; fish wants its own mark escaped by a backslash. */
function quote(text: string, shell: Shell): string {
  return shell === "fish"
    ? `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
    : `'${text.replaceAll("'", "'\\''")}'`;
}

function bashScript(places: readonly Place[]): string {
  const words = places.map((place) => {
    const list = [...place.next.map(([word]) => word), ...optionsOf(place).map(([name]) => `--${name}`)];
    return `    ${quote(place.words.join(" "), "bash")}) words=${quote(list.join(" "), "bash")}; files=${place.takesFiles ? 1 : 0} ;;`;
  });
  const values = places.flatMap((place) => {
    return optionsOf(place).flatMap(([name, spec]) => {
      if (spec.type === "boolean") return [];
      const key = [...place.words, `--${name}`].join(" ");
      return [`    ${quote(key, "bash")}) values=${quote(valuesOf(spec) ?? "", "bash")}; takes=1 ;;`];
    });
  });
  return `# bash completion for scard: eval "$(scard completion bash)"
_scard() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} place='' words='' values='' files=0 takes=0 word
  COMPREPLY=()
  # bash takes "--share=x" for three words.
  if [ "$current" = = ]; then current=''; elif [ "$previous" = = ]; then previous=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    case "\${place:+$place }$word" in
${places
  .filter(({ words: path }) => path.length > 0)
  .map(({ words: path }) => `      ${quote(path.join(" "), "bash")}) place=${quote(path.join(" "), "bash")} ;;`)
  .join("\n")}
    esac
  done
  case "\${place:+$place }$previous" in
${values.join("\n")}
  esac
  if [ "$takes" = 1 ]; then
    if [ "$values" = @file ]; then compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current"))
    else COMPREPLY=($(compgen -W "$values" -- "$current")); fi
    return
  fi
  case "$place" in
${words.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ "$files" = 1 ]; then compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$current")); fi
}
complete -F _scard scard
`;
}

function zshScript(places: readonly Place[]): string {
  const cases = places.map((place) => {
    const next = place.next.map(([word, summary]) => quote(`${word}:${zshText(summary)}`, "zsh")).join(" ");
    const options = optionsOf(place).map(([name, spec]) => `      ${quote(zshOption(name, spec), "zsh")}`);
    const files = place.next.length > 0 ? "{ _describe -t commands scard next; _files }" : "_files";
    const rest = place.takesFiles ? `'*:file:${files}'` : "'*:: :->next'";
    return `    ${quote(place.words.join(" "), "zsh")})
      next=(${next})
      _arguments -C \\
${options.map((line) => `  ${line} \\`).join("\n")}
        ${rest}
      ;;`;
  });
  return `#compdef scard
# zsh completion for scard: eval "$(scard completion zsh)", behind compinit
_scard() {
  local place='' word state
  local -a next kept
  integer at=1
  for word in "\${(@)words[2,CURRENT-1]}"; do
    at+=1
    case "$word" in -*) continue ;; esac
    case "\${place:+$place }$word" in
${places
  .filter(({ words }) => words.length > 0)
  .map(
    ({ words }) =>
      `      ${quote(words.join(" "), "zsh")}) place=${quote(words.join(" "), "zsh")}; kept=("\${(@)words[at+1,-1]}") ;;`,
  )
  .join("\n")}
    esac
  done
  if [[ -n $place ]]; then
    CURRENT=$(( \${#kept} - ( \${#words} - CURRENT ) + 1 ))
    words=(scard "\${(@)kept}")
  fi
  case "$place" in
${cases.join("\n")}
  esac
  if [[ $state = next && \${#next} -gt 0 ]]; then _describe -t commands 'scard' next; fi
}
if [ "\${funcstack[1]}" = _scard ]; then _scard "$@"; else compdef _scard scard; fi
`;
}

function zshOption(name: string, spec: OptionSpec): string {
  const first = zshText(spec.help.split("\n")[0] ?? "");
  const many = spec.multiple ? "*" : "";
  if (spec.type === "boolean") return `${many}--${name}[${first}]`;
  const action = spec.choices ? `(${spec.choices.join(" ")})` : spec.completes === "file" ? "_files" : " ";
  return `${many}--${name}=[${first}]:${zshText(spec.value ?? name)}:${action}`;
}

function zshText(text: string): string {
  return text.replace(/[[\]:\\]/g, (mark) => `\\${mark}`);
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap((place) => {
    const condition = quote(`__scard_at ${quote(place.words.join(" "), "fish")}`, "fish");
    const next = place.next.map(([word, summary]) => {
      const about = summary === "" ? "" : ` -d ${quote(summary, "fish")}`;
      return `complete -c scard -n ${condition} -a ${quote(word, "fish")}${about}`;
    });
    const options = optionsOf(place).map(([name, spec]) => {
      const about = quote(spec.help.split("\n")[0] ?? "", "fish");
      const short = spec.short === undefined ? "" : ` -s ${spec.short}`;
      const value =
        spec.type === "boolean"
          ? ""
          : ` -x${spec.choices ? ` -a ${quote(spec.choices.join(" "), "fish")}` : spec.completes === "file" ? " -a '(__fish_complete_path)'" : ""}`;
      return `complete -c scard -n ${condition} -l ${name}${short}${value} -d ${about}`;
    });
    const files = place.takesFiles ? [`complete -c scard -n ${condition} -F`] : [];
    return [...next, ...options, ...files];
  });
  const known = places.map(({ words }) => quote(words.join(" "), "fish")).join(" ");
  return `# fish completion for scard: scard completion fish | source
function __scard_at
  set -l place ''
  for word in (commandline -opc)[2..-1]
    string match -q -- '-*' $word; and continue
    set -l longer (string trim -- "$place $word")
    contains -- $longer ${known}; and set place $longer
  end
  test "$place" = "$argv[1]"
end
complete -c scard -f
${lines.join("\n")}
`;
}
