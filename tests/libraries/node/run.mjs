// Reads cases from the standard input, one JSON array, and writes one result for each.

import { libraries } from "./libraries.mjs";

async function one({ library, action, ...given }) {
  const entry = libraries[library];
  if (!entry) return { error: `no library of this name: ${library}` };
  if (!entry[action]) return { unsupported: true };
  try {
    const headers = Object.fromEntries(given.headers ?? []);
    const outcome = await entry[action]({ ...given, headers });
    return action === "sign" ? { headers: Object.entries(outcome) } : { valid: outcome === true };
  } catch (error) {
    return action === "sign" ? { error: String(error) } : { valid: false, error: String(error) };
  }
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const results = [];
for (const given of JSON.parse(Buffer.concat(chunks).toString())) results.push(await one(given));
process.stdout.write(JSON.stringify(results));
