import type { Command, Option } from "commander";

/** Scripts with which a shell completes what is typed, made from the tree of commands. */

interface Place {
  /** Words so far: `cloud list`. */
  readonly path: string;
  /** What may follow. */
  readonly words: readonly string[];
}

interface Choices {
  readonly flag: string;
  readonly values: readonly string[];
}

function walk(command: Command, path: readonly string[]): { places: Place[]; choices: Choices[] } {
  const globals = rootOf(command).options;
  const options = path.length === 0 ? globals : [...command.options, ...globals];
  const own = options.map((option) => option.long ?? option.short ?? "");
  const fixed = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const words = [...command.commands.map((child) => child.name()), ...fixed, ...own, "--help"];
  const below = command.commands.map((child) => walk(child, [...path, child.name()]));
  return {
    places: [{ path: path.join(" "), words: [...new Set(words)] }, ...below.flatMap(({ places }) => places)],
    choices: [...command.options.flatMap(choicesOf), ...below.flatMap(({ choices }) => choices)],
  };
}

function rootOf(command: Command): Command {
  return command.parent ? rootOf(command.parent) : command;
}

function choicesOf({ long, argChoices }: Option): Choices[] {
  return long && argChoices ? [{ flag: long, values: argChoices }] : [];
}

const cases = (rows: readonly (readonly [string, string])[], indent: string): string =>
  rows.map(([pattern, action]) => `${indent}"${pattern}") ${action} ;;`).join("\n");

/** Both shells walk along the words for as long as they name a command. */
function walking(places: readonly Place[], next: string): string {
  const known = places.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  return `case "\${place:+$place }${next}" in
      ${known.join("|")}) place="\${place:+$place }${next}" ;;
    esac`;
}

/** For `source <(npx blockchainbus completion bash)`. */
export function bashCompletion(program: Command): string {
  const { places, choices } = walk(program, []);
  return `# Completion of blockchainbus for bash.
_blockchainbus() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}" place="" words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    ${walking(places, "${COMP_WORDS[i]}")}
  done
  case "$place" in
${cases(
  places.map(({ path, words }) => [path, `words="${words.join(" ")}"`]),
  "    ",
)}
  esac
  case "$previous" in
${cases(
  choices.map(({ flag, values }) => [flag, `words="${values.join(" ")}"`]),
  "    ",
)}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _blockchainbus blockchainbus
`;
}

/** For `source <(npx blockchainbus completion zsh)`, after `compinit`. */
export function zshCompletion(program: Command): string {
  const { places, choices } = walk(program, []);
  return `#compdef blockchainbus
# Completion of blockchainbus for zsh.
_blockchainbus() {
  local previous="\${words[CURRENT-1]}" place="" i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    ${walking(places, "${words[i]}")}
  done
  case "$place" in
${cases(
  places.map(({ path, words }) => [path, `found=(${words.join(" ")})`]),
  "    ",
)}
  esac
  case "$previous" in
${cases(
  choices.map(({ flag, values }) => [flag, `found=(${values.join(" ")})`]),
  "    ",
)}
  esac
  compadd -- "\${found[@]}" || _files
}
compdef _blockchainbus blockchainbus
`;
}
