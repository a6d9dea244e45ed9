import { type Command, Argument } from "commander";

import { type Runner, act } from "../command.js";
import type { Context } from "../governance/context.js";
import { GOVERNANCE_COMMANDS, isFileCommand, performGovernance } from "../governance/perform.js";
import { type Answer, toJson } from "../output.js";
import type { Session } from "../session.js";

/** Members decide: the commands of docs/governance.md, with the profile's node, address book and key. */

interface GovernanceOptions {
  readonly description?: string;
  readonly endpoint?: string;
  readonly spki?: string;
  readonly days?: string;
  readonly cloud?: string;
  readonly nodeKey?: string;
}

function given(options: GovernanceOptions): Context["options"] {
  const { nodeKey, ...rest } = options;
  return { ...rest, "node-key": nodeKey };
}

async function govern(session: Session, args: readonly string[], options: GovernanceOptions): Promise<Answer> {
  const [command = "show", ...rest] = args;
  const { json } = session.options;
  const lines: string[] = [];
  const federation = await session.federation();
  const isSending = command !== "show" && !isFileCommand(command);
  const facts = await performGovernance(command, {
    federation: isSending ? await session.throughOutbox(federation) : federation,
    args: rest,
    options: given(options),
    outside: {
      env: session.io.env,
      accountKey: () => session.key(),
      print: (line) => void lines.push(...line.split("\n")),
      // What was said so far is what is asked about.
      confirm: async (question) => {
        await session.confirm(lines.splice(0), question);
        return true;
      },
    },
  });
  if (!isFileCommand(command)) return { facts, lines };
  return { facts, lines: [], ...(!json && { raw: `${toJson(facts)}\n` }) };
}

const EXPLANATION = `
Commands:
  show [id]                        the federation and its proposals, or one proposal in words
  candidate <label>, accept <cloud>  a candidate's file, signed by its two keys; an account's acceptance
  propose-...                      admission <file>, readmission <cloud> <file>, expulsion <cloud>, and the others
  vote <id> [for|against|abstain], queue <id>, execute <id>, cancel <id>
  suspend <cloud>, suspend-self, leave, rotate, recover <cloud>
  activate, replace, retire, prune <cloud>, seat     validators
docs/governance.md explains each. Other keys than the account's are in RECOVERY_PRIVATE_KEY, GUARDIAN_PRIVATE_KEY,
NEW_PRIVATE_KEY and NODE_PRIVATE_KEY.`;

/** Adds `governance`. */
export function addGovernance(program: Command, run: Runner): void {
  act(
    program
      .command("governance")
      .description("proposals, votes, keys and validators")
      .addArgument(new Argument("[command]", "what to do").choices(GOVERNANCE_COMMANDS))
      .argument("[args...]", "its arguments")
      .option("--description <text>", "the words of a proposal")
      .option("--endpoint <uri>", "of a candidate")
      .option("--spki <hash>", "of a candidate's TLS key")
      .option("--days <number>", "how long an acceptance is good for")
      .option("--cloud <number>", "number for which a candidate's keys sign")
      .option("--node-key <file>", "key file of the node")
      .addHelpText("after", EXPLANATION),
    run,
    "governance vote 8041 for",
    govern,
  );
}
