import type { ErrorObject } from "ajv/dist/2020.js";

const MAX_SHOWN = 80;

/** A value as it is shown in one line of an error. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 3)}...` : text;
}

/** The first thing that is wrong with a JSON document, by path and value. Needs ajv's option `verbose`. */
export function firstProblem(errors: readonly ErrorObject[] | null | undefined): string {
  // A union reports each of its branches; the union itself says nothing that a reader can use.
  const error = errors?.find(({ keyword }) => keyword !== "oneOf" && keyword !== "anyOf") ?? errors?.[0];
  if (!error) return "/: not what it should be";
  const { instancePath, keyword, params, data, message = "is wrong" } = error;
  const at = (name: unknown) => `${instancePath}/${String(name)}`;
  switch (keyword) {
    case "additionalProperties":
      return `${at(params.additionalProperty)}: unknown key`;
    case "required":
      return `${at(params.missingProperty)}: missing`;
    case "discriminator":
      return `${at(params.tag)}: ${show(params.tagValue)} is none of those known`;
    case "enum":
      return `${instancePath || "/"}: ${show(data)} is none of ${show(params.allowedValues)}`;
    default:
      return `${instancePath || "/"}: ${show(data)} ${message}`;
  }
}
