import { type Command, Argument } from "commander";

import { type Runner, act } from "../command.js";
import { bashCompletion, zshCompletion } from "../completion.js";

/** Adds `completion`. */
export function addCompletion(program: Command, run: Runner): void {
  act(
    program
      .command("completion")
      .description("prints the script with which a shell completes commands and options")
      .addArgument(new Argument("<shell>", "which").choices(["bash", "zsh"])),
    run,
    "completion bash >> ~/.bashrc",
    (session, [shell]) => {
      const script = shell === "zsh" ? zshCompletion(program) : bashCompletion(program);
      const isJson = session.options.json === true;
      return Promise.resolve({ facts: { shell, script }, lines: [], ...(!isJson && { raw: script }) });
    },
  );
}
