// Runs the generated verifications of this folder against cases.tsv; prints what differs and ends with 1 if anything does.
//
// A line of cases.tsv is: subject, case, 1 if it has to verify, now in milliseconds, body, secrets, arguments, headers.
// Bodies and texts are in base64; an item of a list begins with a dot, so that an empty list differs from an empty text.
import { readFileSync, readdirSync } from "node:fs";
import { execFileSync } from "node:child_process";

const list = (field) => (field === "" ? [] : field.split(",").map((item) => item.slice(1)));
const text = (base64) => Buffer.from(base64, "base64").toString("utf8");

// Values are latin1 texts, as node:http makes them of the bytes on the wire.
function headersDistinct(field) {
  const headers = {};
  for (const item of list(field)) {
    const [name, value] = item.split(":");
    (headers[text(name).toLowerCase()] ??= []).push(Buffer.from(value, "base64").toString("latin1"));
  }
  return headers;
}

const modules = new Map();
let count = 0;
const differences = [];
for (const line of readFileSync("cases.tsv", "utf8").split("\n").filter(Boolean)) {
  const [subject, id, valid, now, body, secrets, extras, headers] = line.split("\t");
  if (!modules.has(subject)) modules.set(subject, await import(`./${subject}.mjs`));
  const { verify, verifyChallenge } = modules.get(subject);
  count += 1;
  let verdict;
  try {
    verdict = (verify ?? verifyChallenge)(
      headersDistinct(headers),
      Buffer.from(body, "base64"),
      list(secrets).map(text),
      Number(now),
      ...list(extras).map(text),
    );
  } catch (error) {
    verdict = error;
  }
  if (verdict !== (valid === "1")) differences.push(`${subject} ${id}: ${verdict}, not ${valid === "1"}`);
}
for (const server of readdirSync(".").filter((name) => name.endsWith("-server.mjs"))) {
  execFileSync(process.execPath, ["--check", server]);
}
console.log(`node: ${modules.size} verifications, ${count} cases, ${differences.length} differ`);
console.log(differences.slice(0, 60).join("\n"));
process.exit(differences.length === 0 ? 0 : 1);
