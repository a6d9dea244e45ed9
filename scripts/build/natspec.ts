/** The tags of a NatSpec comment. */
export interface NatSpec {
  readonly notice: string;
  readonly dev: string;
  readonly params: Readonly<Record<string, string>>;
}

/** Reads the text of a NatSpec comment as it stands in the syntax tree: tags, each going on over lines. */
export function parseNatSpec(text: string): NatSpec {
  const parts = { notice: "", dev: "" };
  const params: Record<string, string> = {};
  for (const [, tag = "notice", words = ""] of ` ${text}`.matchAll(/(?:^|\s)@(\w+)\s+([\s\S]*?)(?=\s@\w|$)/g)) {
    const line = words.replace(/\s+/g, " ").trim();
    if (tag === "notice" || tag === "dev") parts[tag] = `${parts[tag]} ${line}`.trim();
    const [name, ...rest] = line.split(" ");
    if (tag === "param" && name !== undefined) params[name] = rest.join(" ");
  }
  return { ...parts, params };
}
