// The server's API: JSON asked and streamed, and what went wrong in words.

const GONE = "The server does not answer. Is qed serve still running?";

// An error whose message a person can read.
export class ServerError extends Error {}

// Whether it is only that the person pressed Stop.
export function isStop(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

async function explain(response) {
  if (response.status === 429) {
    const seconds = response.headers.get("Retry-After") ?? "a few";
    return `The server is busy and its queue is full. Try again in ${seconds} seconds.`;
  }
  let said = "";
  try {
    said = (await response.json()).error.message;
  } catch {
    // Not one of our servers' errors: the status has to do.
  }
  return `The server refused (${response.status})${said ? `: ${said}` : "."}`;
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (isStop(error)) throw error;
    throw new ServerError(GONE);
  }
  if (!response.ok) throw new ServerError(await explain(response));
  return response;
}

export async function get(path) {
  return (await send(path, {cache: "no-store"})).json();
}

export function post(path, body, signal) {
  const headers = {"Content-Type": "application/json"};
  return send(path, {method: "POST", headers, body: JSON.stringify(body), signal});
}

// The events of a streamed completion. Throws where the stream ends before its time.
export async function* stream(path, body, signal) {
  const response = await post(path, {...body, stream: true}, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (isStop(error)) throw error;
      piece = {done: true};
    }
    if (piece.done) throw new ServerError(`The answer broke off. ${GONE}`);
    const lines = (rest + piece.value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      if (line === "data: [DONE]") return;
      const event = JSON.parse(line.slice(6));
      if (event.error) throw new ServerError(`The server failed: ${event.error.message}`);
      yield event;
    }
  }
}
