/** The demo page: puts the client's state on the screen and the user's wishes into the client. */

import { explain, request } from "./api.js";
import { NotificationClient } from "./client.js";
import { ConnectionLost, MessageRefused } from "./channel.js";
import { Following } from "./following.js";
import { NotificationList } from "./list.js";
import { setUpPosting } from "./posting.js";

const INBOX_OWNERS = new Set(["customer", "ngo"]);
const COUNTDOWN_STEP_MS = 250;
const LARGEST_BADGE = 99;

const element = (id) => document.getElementById(id);

let session = null;
let client = null;
let connection = { name: "connecting" };

const list = new NotificationList({
  list: element("list"),
  template: element("notification"),
  heading: element("inbox-title"),
  onRead: (id) => attempt(() => client.markRead(id)),
  onDelete: (id) => attempt(() => client.delete(id)),
});

async function start() {
  try {
    session = await request("GET", "/demo/session/");
  } catch (error) {
    showConnection({ name: "stopped", reason: explain(error) });
    return;
  }
  const following = new Following({
    list: element("businesses"),
    template: element("business"),
    outcome: element("following-outcome"),
    businesses: session.businesses,
  });
  setUpPosting({
    form: element("posting"),
    outcome: element("posting-outcome"),
    businesses: session.businesses,
    platformToken: () => session.platform_token,
  });
  const users = session.users.filter((user) => INBOX_OWNERS.has(user.user_type));
  const picker = element("user");
  picker.replaceChildren(
    ...users.map(({ id, name, user_type: type }) => new Option(`${name} (${type})`, id)),
  );
  const wanted = new URLSearchParams(location.search).get("user");
  if (users.some((user) => user.id === wanted)) picker.value = wanted;
  picker.addEventListener("change", () => signIn(picker.value, following));
  signIn(picker.value, following);
}

/** Be another user; the address remembers whom, so that each tab can be somebody else. */
function signIn(userId, following) {
  history.replaceState(null, "", `?user=${userId}`);
  client?.stop();
  client = new NotificationClient({
    socketUrl: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/notifications/${userId}/`,
    getToken: (isRefused) => tokenOf(userId, isRefused),
  });
  const current = client;
  current.addEventListener("change", showInbox);
  current.addEventListener("arrived", ({ detail }) => showArrival(detail));
  current.addEventListener("state", ({ detail }) => {
    showConnection(detail);
    if (detail.name === "connected") following.show(current);
  });
  element("trouble").hidden = true;
  showInbox();
  client.start();
}

async function tokenOf(userId, isRefused) {
  if (isRefused) session = await request("GET", "/demo/session/");
  return session.users.find((user) => user.id === userId).token;
}

function showInbox() {
  const { items, unread } = client.inbox;
  list.show(items);
  element("unread").textContent = unread > LARGEST_BADGE ? `${LARGEST_BADGE}+` : String(unread);
  element("unread").hidden = unread === 0;
  element("bell").setAttribute("aria-label", unreadInWords(unread));
  element("read-all").hidden = unread === 0;
  element("older").hidden = !client.hasOlder;
  showEmptiness();
  document.title = `${unread ? `(${unread}) ` : ""}Save n Bite notifications`;
}

function showEmptiness() {
  element("empty").hidden = client.inbox.size > 0 || connection.name !== "connected";
}

function unreadInWords(count) {
  if (count === 0) return "No unread notifications";
  return count === 1 ? "1 unread notification" : `${count} unread notifications`;
}

function showArrival({ items, isMissed }) {
  list.highlight(items);
  announce(
    isMissed || items.length > 1
      ? `${items.length} notifications came while you were away`
      : `New notification: ${items[0].title}`,
  );
}

function showConnection(state) {
  if (state.name !== connection.name && state.name !== "connecting") {
    announce(state.name === "connected" ? "Connected" : "Connection lost");
  }
  connection = state;
  element("connection").dataset.state = state.name;
  element("retry").hidden = client === null || !["waiting", "stopped"].includes(state.name);
  showCountdown();
  if (client !== null) showEmptiness();
}

function showCountdown() {
  const text = connectionInWords(connection);
  const place = element("connection-text");
  if (place.textContent !== text) place.textContent = text;
}

function connectionInWords({ name, retryAt, reason }) {
  if (name === "waiting") {
    const left = Math.max(1, Math.ceil((retryAt - Date.now()) / 1_000));
    return `Reconnecting in ${left} s`;
  }
  if (name === "stopped") return `Not connected: ${reason}`;
  return name === "connected" ? "Connected" : "Connecting";
}

/** Tell those who listen to the page rather than look at it. */
function announce(text) {
  element("announcer").textContent = text;
}

/** Do what the user asked for, and say so when it cannot be done. */
async function attempt(action) {
  const trouble = element("trouble");
  trouble.hidden = true;
  try {
    await action();
  } catch (error) {
    trouble.textContent = wordsFor(error);
    trouble.hidden = false;
  }
}

function wordsFor(error) {
  if (error instanceof ConnectionLost) return "Not connected. Try again in a moment.";
  return error instanceof MessageRefused ? error.message : explain(error);
}

element("read-all").addEventListener("click", () => attempt(() => client.markAllRead()));
element("older").addEventListener("click", () => attempt(() => client.loadOlder()));
element("retry").addEventListener("click", () => client.retryNow());
addEventListener("online", () => client?.retryNow());
setInterval(showCountdown, COUNTDOWN_STEP_MS);
start();
