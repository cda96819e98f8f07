// The HTTP side of the receivers in this folder: arguments, raw bodies, the line for each request, the end of
// the process. It knows nothing of signatures; each vendor's program verifies by itself.

import { createHash } from "node:crypto";
import { createServer } from "node:http";

const MAX_BODY_BYTES = 2 * 1024 * 1024;
const USAGE = "usage: node VENDOR.mjs --port PORT --secret-env NAME [--public] [--now UNIX]";

// Serves `receive({ headers, body, secret, nowMs })` until SIGTERM or the end of standard input.
//
// `headers` maps lower-case names to values (several lines of one name joined by ", "), `body` is a Buffer of
// the bytes as they arrived. `receive` returns { status, verified, reason, dispatched, contentType, answer };
// what it leaves out is null, text/plain and the empty answer.
export function serve(vendor, receive) {
  const options = parseArguments(process.argv.slice(2));
  const secret = process.env[options.secretEnv];
  if (!secret) {
    // A receiver that starts without a secret would verify under a key that everybody knows.
    stop(`the environment variable ${options.secretEnv} is not set or empty`);
  }
  const nowMs = () => (options.now === null ? Date.now() : options.now * 1000);

  const server = createServer(async (request, response) => {
    const headers = collectHeaders(request.rawHeaders);
    const { body, trouble } = await readBody(request);
    const outcome = trouble ?? decide(request.method, () => receive({ headers, body, secret, nowMs: nowMs() }));
    const line = {
      vendor,
      language: "node",
      path: request.url,
      verified: outcome.verified ?? false,
      reason: outcome.reason ?? null,
      status: outcome.status,
      dispatched: outcome.dispatched ?? null,
      body_sha256: body && createHash("sha256").update(body).digest("hex"),
      body_bytes: body && body.length,
      headers,
    };
    // The line comes before the answer, so that whoever has the answer finds the line.
    process.stdout.write(JSON.stringify(line) + "\n");
    response.writeHead(outcome.status, {
      "content-type": outcome.contentType ?? "text/plain",
      ...(trouble && { connection: "close" }),
    });
    response.end(outcome.answer ?? "");
  });
  server.listen(options.port, options.public ? "0.0.0.0" : "127.0.0.1", () => {
    process.stdout.write(JSON.stringify({ listening: server.address().port }) + "\n");
  });
  server.on("error", (error) => stop(error.message));
  endWithParent();
}

function decide(method, receive) {
  if (method !== "POST") {
    return { status: 405, reason: "method_not_allowed" };
  }
  try {
    return receive();
  } catch (error) {
    // Only the kind of error is told: its message may quote what was verified.
    process.stderr.write(`the receiver threw ${error.constructor.name}\n`);
    return { status: 500, reason: "receiver_threw" };
  }
}

function collectHeaders(rawHeaders) {
  const headers = new Map();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index].toLowerCase();
    const value = rawHeaders[index + 1];
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  return Object.fromEntries(headers);
}

// The bytes of the body, or a null body and the trouble, which is the outcome of the request.
function readBody(request) {
  return new Promise((resolve) => {
    const fail = (status, reason) => resolve({ body: null, trouble: { status, reason } });
    const chunks = [];
    let bytes = 0;
    request.on("data", (chunk) => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) {
        fail(413, "body_too_large");
      } else {
        chunks.push(chunk);
      }
    });
    request.on("end", () => resolve({ body: Buffer.concat(chunks), trouble: null }));
    // Whichever of these comes first settles the promise.
    request.on("error", () => fail(400, "body_unreadable"));
  });
}

function parseArguments(words) {
  const options = { port: null, secretEnv: null, public: false, now: null };
  while (words.length > 0) {
    const word = words.shift();
    if (word === "--public") {
      options.public = true;
    } else if (word === "--port" && /^\d{1,5}$/.test(words[0])) {
      options.port = Number(words.shift());
    } else if (word === "--now" && /^\d{1,12}$/.test(words[0])) {
      options.now = Number(words.shift());
    } else if (word === "--secret-env" && words.length > 0) {
      options.secretEnv = words.shift();
    } else {
      stop(USAGE);
    }
  }
  if (options.port === null || options.secretEnv === null) {
    stop(USAGE);
  }
  return options;
}

// A test that dies closes our standard input, so no receiver outlives it.
function endWithParent() {
  for (const name of ["end", "error"]) {
    process.stdin.on(name, () => process.exit(0));
  }
  process.stdin.resume();
  process.on("SIGTERM", () => process.exit(0));
}

function stop(message) {
  process.stderr.write(message + "\n");
  process.exit(2);
}
