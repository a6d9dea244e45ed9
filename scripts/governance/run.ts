import { parseArgs } from "node:util";

import { parseAddressBook } from "../../src/chain/addressBook.js";
import { openFederation } from "../../src/chain/federation.js";
import { openProvider } from "../../src/chain/openProvider.js";
import { type Context, type Outside, mistake, readJson } from "../../src/cli/governance/context.js";
import { isFileCommand, isGovernanceCommand, performGovernance } from "../../src/cli/governance/perform.js";
import { BusError } from "../../src/errors/busError.js";

export const USAGE = `npm run governance -- COMMAND --addresses FILE --rpc URL

  show [ID]                                  the federation and its proposals, or one proposal in words
  candidate LABEL --endpoint URI --spki HASH a candidate's file, signed by its two keys; [--days N] [--cloud N]
  accept CLOUD                               an account's acceptance, for a readmission; [--days N]

  propose-admission FILE                     admit the candidate of a file
  propose-readmission CLOUD FILE             with the acceptance of a file
  propose-expulsion CLOUD
  confirm CLOUD, lift CLOUD                  propose to suspend a cloud until a vote lifts that; to lift it
  propose-replacement CLOUD FILE             other keys for a cloud, from a candidate's file made with --cloud
  propose-invitation NODE, propose-withdrawal NODE, propose-removal NODE
  propose-parameters ledger|validators|governance NAME=SECONDS...
  propose-role grant|revoke ROLE ADDRESS
  propose-cancel ID                          end a proposal by vote
  propose FILE                               any calls: [{"target": "0x..", "data": "0x.."}]

  vote ID [for|against|abstain]
  queue ID, execute ID, cancel ID            ID: the first digits are enough
  suspend CLOUD                              by the guardian
  suspend-self, leave
  rotate [begin], rotate complete CLOUD, rotate cancel CLOUD
  recover CLOUD                              by the recovery address
  activate, replace, retire, prune CLOUD     the cloud's validator; [--node-key FILE]
  seat                                       an independent operator's invited node; [--node-key FILE]

  --description TEXT   the words of a proposal
  --keystore FILE      the account's key, with KEYSTORE_PASSWORD; otherwise ACCOUNT_PRIVATE_KEY
  --yes                does not ask          --json   prints facts for programs, and does not ask
Other keys: RECOVERY_PRIVATE_KEY, GUARDIAN_PRIVATE_KEY, NEW_PRIVATE_KEY (the next account), NODE_PRIVATE_KEY.`;

const OPTIONS = {
  rpc: { type: "string" },
  addresses: { type: "string" },
  keystore: { type: "string" },
  "node-key": { type: "string" },
  description: { type: "string" },
  endpoint: { type: "string" },
  spki: { type: "string" },
  days: { type: "string" },
  cloud: { type: "string" },
  yes: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

function read(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (cause) {
    throw new BusError("BAD_COMMAND", cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/**
 * Runs one command.
 * @throws BusError in one line for every mistake.
 */
export async function runGovernance(argv: readonly string[], outside: Outside): Promise<void> {
  const { values, positionals } = read(argv);
  const [command, ...args] = positionals;
  if (values.help || command === undefined) {
    outside.print(USAGE);
    return;
  }
  if (!isGovernanceCommand(command)) mistake(`${command} is no command; --help lists them`);
  const book = parseAddressBook(readJson(values.addresses ?? mistake("--addresses is missing")));
  const own = outside.provider ? undefined : await openProvider([values.rpc ?? mistake("--rpc is missing")]);
  const provider = outside.provider ?? own ?? mistake("--rpc is missing");
  const { json, yes } = values;
  const speaking: Outside = {
    ...outside,
    print(line) {
      if (!json) outside.print(line);
    },
    confirm: (question) => (json || yes ? Promise.resolve(true) : outside.confirm(question)),
  };
  try {
    const federation = await openFederation(provider, book);
    const options = Object.fromEntries(Object.entries(values).filter((entry) => typeof entry[1] === "string"));
    const context: Context = { outside: speaking, federation, args, options: options as Context["options"] };
    const facts = await performGovernance(command, context);
    if (json || isFileCommand(command)) outside.print(JSON.stringify(facts, undefined, 2));
  } finally {
    own?.destroy();
  }
}
