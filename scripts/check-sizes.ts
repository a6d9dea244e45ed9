/** Fails when a contract's code does not fit into what the chain accepts (EIP-170), with the settings of a release. Prints a table. */
import { isDeployable, readArtifacts } from "./build/artifacts.js";

/** EIP-170: 24,576 bytes. The house rule is to stay below. */
const LIMIT = 24_576;

const rows = readArtifacts()
  .filter(isDeployable)
  .map(({ contractName, deployedBytecode }) => ({ contractName, size: deployedBytecode.length / 2 - 1 }));

const format = (bytes: number): string => bytes.toLocaleString("en-US").padStart(7);
const width = Math.max(...rows.map(({ contractName }) => contractName.length));
console.log(`${"Contract".padEnd(width)}    bytes     free`);
for (const { contractName, size } of rows) {
  console.log(`${contractName.padEnd(width)}  ${format(size)}  ${format(LIMIT - 1 - size)}`);
}

const tooBig = rows.filter(({ size }) => size >= LIMIT);
if (tooBig.length > 0) {
  console.error(
    `${LIMIT.toLocaleString("en-US")} bytes or more: ${tooBig.map(({ contractName }) => contractName).join(", ")}`,
  );
  process.exitCode = 1;
}
