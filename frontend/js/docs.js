/** Shows the description of the API, `/api/openapi.json`: its routes by subject, and what each takes and answers. */

import { find, make, setText } from "./dom.js";

const nameOf = (reference) => reference.split("/").pop();

/** Return a schema as short text, such as `TrackInfo[] | null`. */
function typeText(schema) {
  if (!schema) return "";
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(typeText).join(" | ");
  if (schema.oneOf) return schema.oneOf.map(typeText).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `${typeText(schema.items) || "any"}[]`;
  return schema.type ?? "any";
}

/** Make a list of names with explanations. @param {[string, string][]} rows */
function list(rows) {
  const element = make("dl");
  for (const [name, text] of rows) element.append(make("dt", "", name), make("dd", "", text));
  return element;
}

function contentText(content) {
  return Object.entries(content ?? {})
    .map(([kind, { schema }]) => [kind, typeText(schema)].filter(Boolean).join(": "))
    .join(", ");
}

function answerText({ description, content }) {
  const codes = Object.values(content ?? {}).flatMap(({ examples }) => Object.keys(examples ?? {}));
  return [description, codes.length > 0 ? codes.join(", ") : contentText(content)].filter(Boolean).join(". ");
}

function operation(method, path, described) {
  const element = make("details");
  const summary = make("summary");
  summary.append(make("code", "", `${method.toUpperCase()} ${path}`), make("span", "docs-summary", described.summary));
  element.append(summary);
  const parameters = described.parameters.map(({ name, required, schema }) => [name, `${typeText(schema)}${required ? "" : ", optional"}`]);
  if (parameters.length > 0) element.append(make("h4", "", "Parameters"), list(parameters));
  if (described.requestBody) {
    const { content } = described.requestBody;
    element.append(make("h4", "", "Body"), make("p", "", contentText(content)));
    for (const { example } of Object.values(content)) {
      if (example !== undefined) element.append(make("pre", "", JSON.stringify(example, null, 2)));
    }
  }
  element.append(make("h4", "", "Answers"), list(Object.entries(described.responses).map(([status, answer]) => [status, answerText(answer)])));
  return element;
}

function model(name, schema) {
  const element = make("details");
  element.id = `model-${name}`;
  const summary = make("summary");
  summary.append(make("code", "", name), make("span", "docs-summary", schema.description ?? ""));
  const fields = Object.entries(schema.properties ?? {}).map(([field, of]) => [field, typeText(of)]);
  element.append(summary, fields.length > 0 ? list(fields) : make("p", "", typeText(schema)));
  return element;
}

function show(description) {
  setText(find("title"), `${description.info.title} ${description.info.version}`);
  setText(find("about"), description.info.description);
  const sections = new Map();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, described] of Object.entries(methods)) {
      if (method === "head" && methods.get) continue;
      const [tag] = described.tags;
      if (!sections.has(tag)) sections.set(tag, []);
      sections.get(tag).push(operation(method, path, described));
    }
  }
  const main = find("operations");
  for (const [tag, operations] of [...sections].sort(([one], [other]) => one.localeCompare(other))) main.append(make("h2", "", tag), ...operations);
  main.append(make("h2", "", "models"));
  for (const [name, schema] of Object.entries(description.components.schemas)) main.append(model(name, schema));
}

try {
  const response = await fetch("/api/openapi.json");
  if (!response.ok) throw new Error(`status ${response.status}`);
  show(await response.json());
} catch (error) {
  setText(find("about"), `The description can't be read: ${error.message}.`);
}
