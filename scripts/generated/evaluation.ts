import type { GeneratedFile } from "./file.js";
export function evaluationPage(): GeneratedFile { return { path: "docs/evaluation.md", content: "" }; }
