// Asks a problem, shows its samples side by side and counts their votes.
import {isStop, post, stream} from "/page/api.js";
import {Sample} from "/page/sample.js";
import "/page/status.js";

const byId = (id) => document.getElementById(id);

// What the form adds to the request that the server makes of the problem.
function settings() {
  const fields = {n: byId("samples").valueAsNumber, timeout: byId("limit").valueAsNumber,
                  stream_options: {include_usage: true}};
  for (const name of ["temperature", "seed"]) {
    const value = byId(name).valueAsNumber;
    if (!Number.isNaN(value)) fields[name] = value;
  }
  return fields;
}

// One run: from the button to the last sample's end.
class Solve {
  constructor() {
    this.controller = new AbortController();
    this.samples = [];
    this.tokens = 0;  // about: pieces of text; the server's own count comes at the end
  }

  async run(problem, fields) {
    this.started = performance.now();
    this.limit = fields.timeout;
    const signal = this.controller.signal;
    const request = await (await post("/solve/request", {problem}, signal)).json();
    this.show(fields.n, request.tools ? request.tools[0] : null);
    const clock = setInterval(() => this.tick(), 100);
    try {
      const body = {...request, ...fields};
      for await (const event of stream("/v1/completions", body, signal)) await this.take(event);
    } finally {
      clearInterval(clock);
      this.finish();
    }
  }

  show(count, tags) {
    for (let i = 0; i < count; ++i) this.samples.push(new Sample(i + 1, tags));
    byId("samples-view").replaceChildren(...this.samples.map((sample) => sample.node));
    byId("votes").replaceChildren();
    byId("answer").textContent = "No vote yet";
    byId("result").hidden = false;
    this.tick();
  }

  async take(event) {
    if (event.usage) this.usage = event.usage;
    for (const choice of event.choices) {
      const sample = this.samples[choice.index];
      sample.add(choice.text);
      if (choice.text) ++this.tokens;
      if (!choice.finish_reason) continue;
      sample.end(choice.finish_reason);
      await this.vote();
    }
  }

  // The server reads the answers, as qed solve does, and counts them.
  async vote() {
    const texts = this.samples.map((sample) => (sample.ended ? sample.text : null));
    const {answers, votes} = await (await post("/solve/votes", {texts})).json();
    this.samples.forEach((sample, i) => sample.ended && sample.setAnswer(answers[i]));
    byId("votes").replaceChildren(...votes.map((vote) => this.bar(vote)));
    if (votes.length > 0) {
      const {answer, count} = votes[0];
      byId("answer").textContent = `${answer} (${count} of ${texts.length} votes)`;
    }
  }

  bar({answer, count}) {
    const row = document.createElement("li");
    const [label, track, bar, number] = ["span", "div", "div", "span"].map(
        (tag) => document.createElement(tag));
    label.className = "label";
    label.textContent = answer;
    label.title = answer;
    track.className = "track";
    bar.className = "bar";
    bar.style.width = `${100 * count / this.samples.length}%`;
    number.textContent = count;
    track.append(bar);
    row.append(label, track, number);
    return row;
  }

  tick() {
    for (const sample of this.samples) sample.show();
    const seconds = (performance.now() - this.started) / 1000;
    const left = Math.max(0, Math.ceil(this.limit - seconds));
    byId("time-left").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    const done = this.samples.filter((sample) => sample.ended).length;
    byId("done").textContent = `${done} of ${this.samples.length}`;
    const tokens = this.usage ? this.usage.completion_tokens : this.tokens;
    byId("tokens").textContent = tokens;
    byId("rate").textContent = seconds > 0 ? (tokens / seconds).toFixed(0) : "–";
  }

  finish() {
    for (const sample of this.samples) {
      if (sample.ended) continue;
      sample.end("cancelled");
      sample.setAnswer(null);
    }
    this.tick();
    byId("time-left").textContent = "ended";
    if (byId("votes").children.length === 0) byId("answer").textContent = "No answer";
  }
}

let current = null;

function setBusy(busy) {
  byId("solve").disabled = busy;
  byId("stop").disabled = !busy;
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (current) return;
  current = new Solve();
  setBusy(true);
  byId("message").textContent = "";
  try {
    await current.run(byId("problem").value, settings());
  } catch (error) {
    byId("message").textContent = isStop(error) ? "Stopped." : error.message;
  }
  current = null;
  setBusy(false);
});

byId("stop").addEventListener("click", () => current?.controller.abort());

byId("problem").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("form").requestSubmit();
});
