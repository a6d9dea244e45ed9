import type { Command } from "commander";

import { EXIT_CODES, EXIT_CODE_MEANINGS } from "../../src/cli/exitCodes.js";
import type { Io } from "../../src/cli/io.js";
import { PROFILE_SCHEMA } from "../../src/cli/profile.js";
import { buildProgram, runCommand } from "../../src/cli/program.js";
import type { GeneratedFile } from "./file.js";

const HEAD = `# The command line

\`npx blockchainbus\` is the library for people and for scripts. In a checkout, \`npm run cli --\` is the same program.
\`npm run generate\` makes this page from the program's own help.

\`\`\`sh
npx blockchainbus cloud list
npx blockchainbus vm register web-3 --vcpu 2 --memory 4 --storage 40
npx blockchainbus match --vm web-3
npx blockchainbus where web-3 --json
\`\`\`

Output is for people: tables, with colour on a terminal only (\`NO_COLOR\` takes it away). With \`--json\` it is for programs:
one JSON value on the standard output, integers wider than 32 bits as decimal strings; a mistake is one line
\`{"error": {"code", "message", "exitCode"}}\` on the standard error, with \`errorName\` and \`args\` where a contract refused.
Progress is written to the standard error, on a terminal only. A mistake is one line, never a stack.

## Profile

What need not be typed every time is in \`blockchainbus.json\`: the file of \`--profile\`, or of \`BLOCKCHAINBUS_PROFILE\`, or in the
working folder, or in \`~/.config/blockchainbus/\`. Its schema is published as \`schema/profile.schema.json\`.
`;

const KEY = `
The key is an encrypted keystore, version 3, as ethers and geth write it: the account's, or better an
agent's with just the scopes that are needed. Its password is in \`BLOCKCHAINBUS_PASSWORD\`, or it is asked for on a terminal. A keystore
that others than its owner may read is refused. What is signed is written into the journal first: keep it as long as the key,
on one machine, since the desk finds in it what a new signature would contradict.

## Names of VMs

A VM is named by its id, or by its home's own name for it. The local id of a name is \`keccak256(salt ‖ name)\`: 32 bytes of
the profile's \`salt\`, then the name in UTF-8. The salt keeps others from finding a name by trying: make 32 random bytes
once, and keep them, since without them names find no VM any more. Names never leave the machine.

## Agreements by e-mail

Whatever is signed is shown before, field by field, under the names of the EIP-712 struct, with clouds by label, times as dates
and amounts in units; then it is asked for. Where nobody can be asked, \`--yes\` is needed: it signs a file of somebody else
unread, so keep it for files that a program of yours has checked. Clouds that share nothing but files come to an agreement like
this:

\`\`\`sh
aurora$   npx blockchainbus agree web-3 --to borealis --site 1 --sign-only --out move.json   # and sends move.json
borealis$ npx blockchainbus agree --with-signature move.json                      # sees it, signs it, sends it to the chain
aurora$   npx blockchainbus start web-3                                            # then copies the VM, and pauses it
borealis$ npx blockchainbus complete 0x5c... --sign-only --out handover.json       # the destination signs first
aurora$   npx blockchainbus complete --with-signature handover.json                # the source signs last: the switch
\`\`\`

The file holds the document, the domain and the signatures by cloud (\`schema/signed-document.schema.json\`). It is in
the open: who reads it sees price and SLA, so it is written for its owner alone. When one is read, the domain must be this
federation's, no field may be missing or unknown, and each signature must be that of the cloud's account, or of an agent
whose scope and partners allow it, as the registry judges at that moment. \`--with-signature\` may be given several times: signatures under
the same document are put together; a folder stands for the files in it. It works the same for \`complete\`, \`record\`,
\`abort --mutual\`, \`vm amend\`, \`vm evacuate\`, \`vm succeed\`, \`charge settle --joint\`, \`charge note\`, and \`report agreed\`,
where several windows go into one transaction. Until a document is brought, \`revoke FILE\` takes the own signature back.

The default of \`--agree-by\` is as late as the ledger allows (15 minutes unless governed otherwise): mail must be that fast, or
the federation raises \`agreeWithin\`.

## Files of terms

\`--terms\` takes JSON with any of \`price\`, \`sla\`, \`witnesses\`, \`windowMs\`, \`noticeMs\`, \`keepMs\`, \`digestKind\`, \`charter\`, as in the EIP-712
structs; integers wider than 32 bits are decimal strings. What is left out has the library's defaults; salts are fresh.

\`\`\`json
{
  "price": { "currency": "EUR", "rates": { "vcpuMilli": "20000000", "memoryMiB": "5000000" } },
  "sla": { "pauseBudgetMs": 60000, "capBps": 10000 },
  "witnesses": { "members": ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"], "required": 1 },
  "windowMs": "300000"
}
\`\`\`

An amendment says all terms anew. With \`--paper\`, the file of the document under which the VM runs now, \`vm amend\` keeps
what \`--terms\` and the resources leave out, under fresh salts.

## Papers

On the chain are only hashes of price, SLA and witnesses. What is computed from them needs \`--paper\`: the file of the document
that began the stay (\`move.json\`, or that of a record, an amendment or an evacuation). It is known by its id, so it stands when
the keys that signed it are gone, and on a ledger that has taken the VM over: keep it as long as anything of the stay is open.
\`charge settle\` opens the price to the federation, \`charge credit\` price and SLA, \`reputation results\` the SLA.

## Nettings

Debts that go round in a circle fall together. Any cloud proposes the round, a folder with a note for each debt; each one in the
circle signs all of its notes in the folder and sends it on; the last one brings it. A part of the round, or the round in another
order, is neither signed nor taken.

\`\`\`sh
aurora$   npx blockchainbus charge netting --sign-only --out round-a                  # and sends the folder round-a
borealis$ npx blockchainbus charge netting --with-signature round-a --sign-only --out round-b
cumulus$  npx blockchainbus charge netting --with-signature round-b                   # signs, and sends it to the chain
\`\`\`

## Agents

An agent's key says itself that it serves the cloud, on the machine where it is; the account binds it by that file.

\`\`\`sh
agent$  npx blockchainbus cloud accept --as aurora --keystore agent.json --out acceptance.json
aurora$ npx blockchainbus cloud agent set --with-signature acceptance.json --scopes MOVE_OUT,HOST --until +90d
\`\`\`

A recovery address accepts with \`--role Recovery\`, for \`cloud recovery propose\`.

## Another ledger

Once the members have named a successor, \`vm succeed\` ends a VM on the old ledger, with the old address book, and
\`vm adopt --addresses successor.json\` takes it up on the new one.

## What was sent

Transactions go through an outbox, the profile's \`outbox\`: each is on the disk before it leaves, goes to the next node when one
dies, and is done once, whatever becomes of the program ([submission.md](submission.md)). If a command ends before its
transaction is mined, by Ctrl-C or because the chain stands still, the next command that sends sees it through first, and so
does \`npx blockchainbus outbox --wait\`; without \`--wait\` it only shows. On Node.js older than 22.13 there is no outbox: a
transaction is sent once and waited for.

## Completion

\`source <(npx blockchainbus completion bash)\` in \`~/.bashrc\`, or \`source <(npx blockchainbus completion zsh)\` after \`compinit\` in
\`~/.zshrc\`. They complete the word \`blockchainbus\`: install the package globally, or make an alias.
`;

function collecting(out: string[]): Io {
  return {
    env: {},
    isTty: { stdin: false, stdout: false, stderr: false },
    stdout: (text) => void out.push(text),
    stderr: (text) => void out.push(text),
    prompt: () => Promise.resolve(""),
    now: () => 0,
    run: () => Promise.resolve(0),
  };
}

async function helpOf(path: readonly string[]): Promise<string> {
  const out: string[] = [];
  await runCommand([...path, "--help"], collecting(out));
  return out.join("").trim();
}

function pathsOf(command: Command, path: readonly string[]): (readonly string[])[] {
  return command.commands.flatMap((child) => {
    const below = [...path, child.name()];
    return child.commands.length === 0 ? [below] : pathsOf(child, below);
  });
}

/** The global options are told once. */
function withoutGlobals(help: string): string {
  return help
    .replace(/\n\nGlobal Options:\n(?: {2}.*\n)+/, "\n")
    .replace(/\n +-h, --help +display help for command/, "")
    .replace(/\n\nOptions:\n(?=\n|$)/, "\n");
}

function profileTable(): string {
  const rows = Object.entries(PROFILE_SCHEMA.properties).map(
    ([name, field]) => `| \`${name}\` | ${"description" in field ? field.description : "32 random bytes"} |`,
  );
  return ["| field | what |", "| --- | --- |", ...rows].join("\n");
}

function exitCodeTable(): string {
  const rows = Object.entries(EXIT_CODES).map(
    ([name, code]) => `| ${code} | ${EXIT_CODE_MEANINGS[name as keyof typeof EXIT_CODES]} |`,
  );
  return ["| code | meaning |", "| --- | --- |", ...rows].join("\n");
}

/** The page about the command line, from its own help. */
export async function commandLinePage(): Promise<GeneratedFile> {
  const program = buildProgram(collecting([]), () => Promise.resolve());
  const general = (await helpOf([])).replace(/\n\nExit codes:[\s\S]*$/, "");
  const commands = await Promise.all(
    pathsOf(program, []).map(async (path) => {
      const help = withoutGlobals(await helpOf(path));
      return `### ${path.join(" ")}\n\n\`\`\`text\n${help.trim()}\n\`\`\`\n`;
    }),
  );
  const content = [
    HEAD,
    `${profileTable()}\n`,
    KEY.trimStart(),
    `## Exit codes\n\nScripts may branch on them: a meaning keeps its number.\n\n${exitCodeTable()}\n`,
    `## Commands\n\n\`\`\`text\n${general}\n\`\`\`\n`,
    ...commands,
  ].join("\n");
  return { path: "docs/cli.md", content };
}
