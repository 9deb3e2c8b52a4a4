// Keeps a page's header live where the page itself does not follow the event stream.

import { ask, heard, showCounts } from "/static/shell.js";

const EVERY_MS = 2000;

async function look() {
  try {
    const status = await ask("/status", AbortSignal.timeout(EVERY_MS));
    if (status !== null) {
      heard(status);
      showCounts(status.unanswered);
    }
  } catch {
    // the silence is shown by itself: nothing was heard
  } finally {
    setTimeout(look, EVERY_MS);
  }
}

look();
