// The typed rules of the TypeScript sources, and the rules that keep mocha from losing tests.
import mocha from "eslint-plugin-mocha";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores(["artifacts", "cache", "coverage", "dist", "src/typechain", "node_modules"]),
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-restricted-syntax": [
        "error",
        { selector: "TSEnumDeclaration", message: "Mirror enums of the contracts as `as const` objects." },
        { selector: "ExportDefaultDeclaration", message: "No default exports, except where a tool needs one." },
      ],
      // An index signature names its key, a Record does not.
      "@typescript-eslint/consistent-indexed-object-style": "off",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // A type parameter may well be there to say what belongs together.
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      // Numbers and bigints in messages are meant as they print.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    // A tool calls for the default export: Hardhat, Ignition.
    files: ["hardhat.config.ts", "ignition/**/*.ts"],
    rules: { "no-restricted-syntax": "off", "@typescript-eslint/explicit-module-boundary-types": "off" },
  },
  {
    // The library runs in a node of a partner as well: it knows nothing of the development environment.
    files: ["src/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [{ group: ["hardhat", "hardhat/*", "@nomicfoundation/*"], message: "src/ never imports Hardhat." }],
        },
      ],
    },
  },
  {
    files: ["test/**/*.ts"],
    plugins: { mocha },
    rules: {
      // An async describe loses its tests, and an exclusive one all others, without a word.
      "mocha/no-async-suite": "error",
      "mocha/no-exclusive-tests": "error",
      "mocha/no-identical-title": "error",
      "mocha/no-nested-tests": "error",
      // Chai's properties are assertions; a value that a fixture made is known to be there.
      "@typescript-eslint/no-unused-expressions": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/explicit-module-boundary-types": "off",
    },
  },
);
