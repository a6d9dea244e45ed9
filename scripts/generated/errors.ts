import { readFileSync } from "node:fs";

import { Interface } from "ethers";

import type { Artifact, AstNode } from "../build/artifacts.js";
import { readOutput } from "../build/artifacts.js";
import type { NatSpec } from "../build/natspec.js";
import { parseNatSpec } from "../build/natspec.js";
import type { GeneratedFile } from "./file.js";

/** An error of ours, as it is declared. */
interface DeclaredError {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly type: string }[];
  readonly doc: NatSpec;
}

const GUIDANCE_PATH = "docs/errors.guidance.json";

/** Errors of OpenZeppelin in the ABIs of our contracts: meaning and what to do. */
const FOREIGN: Readonly<Record<string, readonly [meaning: string, whatToDo: string]>> = {
  AccessManagedInvalidAuthority: ["The new authority has no code.", "Give the address of an AccessManager."],
  AccessManagedRequiredDelay: [
    "The sender's role acts with a delay.",
    "Schedule the call with the AccessManager and send it when the delay is over.",
  ],
  AccessManagedUnauthorized: [
    "The sender has not the role for this restricted function.",
    "Let the holder of the role send it; the trust model says which role that is.",
  ],
  CheckpointUnorderedInsertion: [
    "A history would get an entry older than its last.",
    "Cannot happen while block times ascend: report it.",
  ],
  FailedCall: [
    "A call of a proposal failed without a reason.",
    "Check the proposal's target and data; an AccessManager refuses short arguments like that.",
  ],
  GovernorAlreadyCastVote: ["Not used: a cloud may change its vote.", "-"],
  GovernorAlreadyQueuedProposal: ["The proposal is queued already.", "Execute it when its delay is over."],
  GovernorDisabledDeposit: ["Not used: there is no currency.", "-"],
  GovernorInsufficientProposerVotes: ["Not used: every Active cloud may propose.", "-"],
  GovernorInvalidProposalLength: [
    "A proposal has no call, or its lists have different lengths.",
    "Give one target, one value and one call for each.",
  ],
  GovernorInvalidSignature: ["Not used: votes have no signed form.", "-"],
  GovernorInvalidVoteParams: ["Not used.", "-"],
  GovernorInvalidVoteType: ["Not used: see `FederationGovernor_BadSupport`.", "-"],
  GovernorInvalidVotingPeriod: ["Not used: see `FederationGovernor_ParameterOutOfRange`.", "-"],
  GovernorNonexistentProposal: [
    "There is no such proposal.",
    "Check its id: it is the hash of its calls and description.",
  ],
  GovernorOnlyExecutor: ["Only the governor itself may call this.", "Make a proposal that calls it."],
  GovernorProposalQueueingFailed: ["Not used.", "-"],
  GovernorProposalQueueingNotRequired: ["The proposal needs no delay.", "Execute it."],
  GovernorRestrictedProposer: [
    "The description ends with another proposer's address.",
    "Let that account propose, or write a description of your own.",
  ],
  GovernorUnableToCancel: [
    "The sender is not the account of the cloud that proposed, or the proposal is decided.",
    "Propose `cancelByVote`.",
  ],
  GovernorUnexpectedProposalState: [
    "The proposal is not in a state that allows this.",
    "Ask `proposalOf`: a vote may be over, decided already, ended by a change of membership, or expired. Propose again with another description.",
  ],
  InvalidAccountNonce: ["Not used: votes have no signed form.", "-"],
  InvalidShortString: ["A stored name is broken.", "Cannot happen after deployment: report it."],
  SafeCastOverflowedUintDowncast: [
    "A number is too big for its field.",
    "Cannot happen before the year 8 million: report it.",
  ],
  StringTooLong: ["A name is too long to be stored in the code.", "Can happen in a deployment only: shorten the name."],
};

/** docs/errors.md. Fails when an error has no meaning, an undocumented argument, or nothing that can be done about it. */
export function errorsPage(artifacts: readonly Artifact[]): GeneratedFile {
  const guidance = JSON.parse(readFileSync(GUIDANCE_PATH, "utf8")) as Record<string, string>;
  const selectors = selectorsOf(artifacts);
  const errors = declaredErrors(artifacts);
  const problems = problemsOf(errors, guidance, selectors);
  if (problems.length > 0) throw new Error(`Errors are not fully documented:\n${problems.join("\n")}`);

  const families = new Map<string, DeclaredError[]>();
  for (const error of errors) {
    const family = error.name.slice(0, error.name.indexOf("_"));
    families.set(family, [...(families.get(family) ?? []), error]);
  }
  const own = new Set(errors.map(({ name }) => name));
  const sections = [...families].map(([family, members]) =>
    section(
      family,
      members.map((error) => [
        `\`${error.name}\`<br>\`${selectors.get(error.name) ?? ""}\``,
        error.doc.notice,
        error.parameters
          .map(({ name, type }) => `\`${name}\` (${type}) ${error.doc.params[name] ?? ""}`.trim())
          .join("<br>"),
        whatToDo(error, guidance),
      ]),
    ),
  );
  const foreign = Object.entries(FOREIGN)
    .filter(([name]) => selectors.has(name))
    .map(([name, [meaning, remedy]]) => [`\`${name}\`<br>\`${selectors.get(name) ?? ""}\``, meaning, "", remedy]);

  const content = `# Errors

<!-- Made by \`npm run generate\` from the contracts and ${GUIDANCE_PATH}. Do not edit. -->

Every refusal of the contracts is one of these ${own.size} errors, with the values that disagree; the library decodes revert data to
their names and arguments. A name begins with the contract or type whose rule was broken, which need not be the contract that
was called. Below each name is its selector.

${[...sections, section("OpenZeppelin", foreign)].join("\n\n")}
`;
  return { path: "docs/errors.md", content };
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  const lines = rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
  return [
    `## ${title}`,
    "",
    "| Error | Meaning | Arguments | What to do |",
    "| --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

/** The interface's own word goes first, then the page of guidance. */
function whatToDo({ name, doc }: DeclaredError, guidance: Readonly<Record<string, string>>): string {
  return doc.dev === "" ? (guidance[name] ?? "") : doc.dev;
}

function problemsOf(
  errors: readonly DeclaredError[],
  guidance: Readonly<Record<string, string>>,
  selectors: ReadonlyMap<string, string>,
): string[] {
  const own = new Set(errors.map(({ name }) => name));
  return [
    ...errors.filter(({ doc }) => doc.notice === "").map(({ name }) => `${name} has no @notice`),
    ...errors
      .filter((error) => whatToDo(error, guidance) === "")
      .map(({ name }) => `${name} is not in ${GUIDANCE_PATH}`),
    ...errors
      .filter(({ name, doc }) => doc.dev !== "" && name in guidance)
      .map(({ name }) => `${name} says what to do in its @dev and in ${GUIDANCE_PATH}`),
    ...errors.flatMap(({ name, parameters, doc }) =>
      parameters
        .filter((parameter) => !(parameter.name in doc.params))
        .map((parameter) => `${name} does not document ${parameter.name}`),
    ),
    ...Object.keys(guidance)
      .filter((name) => !own.has(name))
      .map((name) => `${name} of ${GUIDANCE_PATH} does not exist`),
    ...[...selectors.keys()]
      .filter((name) => !own.has(name) && !(name in FOREIGN))
      .map((name) => `${name} comes from a library and is not explained in scripts/generated/errors.ts`),
  ];
}

/** All errors that are declared in contracts/, in the order of files and declarations. */
function declaredErrors(artifacts: readonly Artifact[]): DeclaredError[] {
  const trees = new Map(artifacts.map((artifact) => [artifact.sourceName, treeOf(artifact)]));
  return [...trees]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, tree]) => [...(tree.nodes ?? []), ...(tree.nodes ?? []).flatMap(({ nodes = [] }) => nodes)])
    .filter(({ nodeType }) => nodeType === "ErrorDefinition")
    .map((node) => ({
      name: node.name ?? "",
      parameters: (node.parameters?.parameters ?? []).map(({ name, typeDescriptions: { typeString } }) => ({
        name,
        type: typeString.replace(/^(enum|struct|contract) /, ""),
      })),
      doc: parseNatSpec(node.documentation?.text ?? ""),
    }));
}

function treeOf(artifact: Artifact): AstNode {
  const tree = readOutput(artifact).sources[artifact.inputSourceName]?.ast;
  if (tree === undefined) throw new Error(`${artifact.sourceName} is not in the compiler's output`);
  return tree;
}

/** Selector of each error that a contract or interface may answer with. */
function selectorsOf(artifacts: readonly Artifact[]): Map<string, string> {
  const selectors = new Map<string, string>();
  for (const { abi } of artifacts) {
    new Interface(abi).forEachError(({ name, selector }) => selectors.set(name, selector));
  }
  return selectors;
}
