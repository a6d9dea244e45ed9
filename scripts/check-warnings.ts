/** Fails when the compiler warned about one of our sources, tests and mocks included, in the build that is there. */
import { readDiagnostics } from "./build/artifacts.js";

const warnings = readDiagnostics().filter(
  ({ severity, sourceLocation }) => severity !== "info" && sourceLocation?.file.startsWith("npm/") !== true,
);

for (const { formattedMessage } of warnings) console.error(formattedMessage);
console.log(warnings.length === 0 ? "The contracts build without warnings" : `${warnings.length} compiler warnings`);
process.exitCode = warnings.length === 0 ? 0 : 1;
