// The server's state, asked every second while the page is seen.
import {get} from "/page/api.js";

const PERIOD = 1000;  // milliseconds

const byId = (id) => document.getElementById(id);
let before = null;

function show(now) {
  byId("model").textContent = now.sandbox ? `${now.model}, with Python`
                                          : `${now.model}, without Python`;
  byId("status-running").textContent = now.running;
  byId("status-waiting").textContent = now.waiting;
  byId("status-programs").textContent = now.in_programs;
  const used = now.kv_pages - now.kv_pages_free - now.kv_pages_cached;
  byId("status-pages").textContent = `${used} of ${now.kv_pages}`;
  if (before && now.seconds > before.seconds) {
    const tokens = now.generated_tokens - before.generated_tokens;
    byId("status-rate").textContent = (tokens / (now.seconds - before.seconds)).toFixed(0);
  }
  before = now;
}

async function look() {
  if (!document.hidden) {
    try {
      show(await get("/status"));
      byId("status-message").textContent = "";
    } catch (error) {
      before = null;
      byId("status-message").textContent = error.message;
    }
  }
  setTimeout(look, PERIOD);
}

look();
