/**
 * The client of one user's inbox: stays connected, catches up after every gap, keeps the state.
 *
 *     waiting -> connecting -> catching up -> connected
 *        └───────────┴──── lost ───┴──────────────┘
 *
 * Knows no DOM. Events, with their `detail`:
 *   state    {name: "connecting" | "connected" | "waiting" | "stopped", retryAt?, reason?}
 *   change   `inbox` or `hasOlder` is not what it was
 *   arrived  {items, isMissed}: notifications not known before; missed ones came by `sync`
 */

import { request } from "./api.js";
import { Channel, ConnectionLost, MessageRefused } from "./channel.js";
import { Inbox, later } from "./inbox.js";

const PAGE_SIZE = 20;
const LARGEST_PAGE = 100;
const SYNC_LIMIT = 500;

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

/** 1012 and 1013: the server has said when to come back. */
const COME_BACK = new Set([1012, 1013]);
const UNAUTHORIZED = 4401;
/** Coming back by itself would change nothing, or throw out the user's other window. */
const FINAL = new Map([
  [4403, "This inbox belongs to somebody else"],
  [4409, "Open in too many windows"],
]);

export class NotificationClient extends EventTarget {
  inbox = new Inbox();
  hasOlder = false;

  #socketUrl;
  #getToken;
  #token;
  #isTokenRefused = false;
  #channel = null;
  #attempts = 0;
  #retry = null;
  #isIdle = false;
  #stopped = new AbortController();
  #isLoaded = false;
  #isCaughtUp = false;
  /** Everything up to this one has been seen; it moves only when nothing before it is missing. */
  #cursor = null;

  /** `getToken(isRefused)` returns a promise of a token, a new one when the last was refused. */
  constructor({ socketUrl, getToken }) {
    super();
    this.#socketUrl = socketUrl;
    this.#getToken = getToken;
  }

  start() {
    this.#connect();
  }

  /** End for good; nothing is emitted any more. */
  stop() {
    this.#stopped.abort();
    clearTimeout(this.#retry);
    this.#channel?.abandon();
  }

  /** Connect at once if it is waiting to, or was told not to come back. */
  retryNow() {
    if (!this.#isIdle) return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  /** Throws ConnectionLost, MessageRefused. */
  async markRead(id) {
    await this.#ask({ type: "mark_read", notification_ids: [id] });
  }

  /** Throws ConnectionLost, MessageRefused. */
  async markAllRead() {
    await this.#ask({ type: "mark_all_read" });
  }

  /** Delete one; the frame that follows takes it off the list. Throws as `call`. */
  async delete(id) {
    await this.call("DELETE", `/api/notifications/${id}/delete/`);
  }

  /** Load the next page of older notifications. Throws as `call`. */
  async loadOlder() {
    const page = Math.floor(this.inbox.size / PAGE_SIZE) + 1;
    await this.#load(page, PAGE_SIZE);
  }

  /** Ask the REST API in the user's name. Throws ApiError, or what `fetch` throws. */
  call(method, path, body) {
    return request(method, path, { token: this.#token, body, signal: this.#stopped.signal });
  }

  async #connect() {
    this.#isIdle = false;
    this.#tell("state", { name: "connecting" });
    let channel = null;
    try {
      this.#token = await this.#getToken(this.#isTokenRefused);
      if (this.#stopped.signal.aborted) return;
      channel = this.#channel = new Channel(this.#socketUrl, {
        onFrame: (frame) => this.#apply(frame),
        onClose: (close) => this.#lost(close),
      });
      await channel.authenticate(this.#token);
      this.#isTokenRefused = false;
      await this.#catchUp();
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      if (!(error instanceof ConnectionLost)) console.warn("Could not connect:", error);
      if (channel === null) this.#lost({ code: 1006, reason: "" });
      else channel.abandon();
      return;
    }
    this.#attempts = 0;
    this.#tell("state", { name: "connected" });
  }

  #lost({ code, reason }) {
    if (this.#stopped.signal.aborted) return;
    this.#channel = null;
    this.#isIdle = true;
    this.#isCaughtUp = false;
    this.#isTokenRefused = code === UNAUTHORIZED;
    if (FINAL.has(code)) {
      this.#tell("state", { name: "stopped", reason: FINAL.get(code) });
      return;
    }
    const delayMs = (COME_BACK.has(code) && askedDelayMs(reason)) || backoffMs(this.#attempts);
    this.#attempts += 1;
    this.#retry = setTimeout(() => this.#connect(), delayMs);
    this.#tell("state", { name: "waiting", retryAt: Date.now() + delayMs });
  }

  /** Fetch what this connection was not told: it is attached, so later ones come as frames. */
  async #catchUp() {
    if (this.#isLoaded) await this.#syncOrReload();
    else await this.#loadFirstPage();
    this.#isCaughtUp = true;
    this.#cursor = this.inbox.newest;
  }

  async #loadFirstPage() {
    await this.#load(1, PAGE_SIZE);
    this.#isLoaded = true;
  }

  async #syncOrReload() {
    try {
      await this.#sync();
    } catch (error) {
      if (!(error instanceof MessageRefused && error.code === "NOT_FOUND")) throw error;
      // The last one seen is so old that it is gone; so may be others.
      this.inbox.clear();
      this.#cursor = null;
      await this.#loadFirstPage();
    }
  }

  async #sync() {
    let since = this.#cursor?.id ?? null;
    for (let hasMore = true; hasMore; ) {
      const { data } = await this.#ask({ type: "sync", since, limit: SYNC_LIMIT });
      for (const { id, is_read: isRead, is_deleted: isDeleted } of data.changed) {
        if (isDeleted) this.inbox.remove(id);
        else if (isRead) this.inbox.markRead(id);
      }
      this.#take(data.notifications, { isMissed: true });
      const last = data.notifications.at(-1);
      if (last !== undefined) {
        since = last.id;
        this.#cursor = later(this.#cursor, last);
      }
      hasMore = data.has_more && last !== undefined;
    }
  }

  async #load(page, pageSize) {
    const answer = await this.call("GET", `/api/notifications/?page=${page}&page_size=${pageSize}`);
    for (const record of answer.results) this.inbox.merge(record);
    this.hasOlder = answer.next !== null;
    this.#tell("change");
  }

  /** Read again what is shown: some of it was marked read, and the frame did not say which. */
  async #refresh() {
    const channel = this.#channel;
    try {
      await this.#load(1, Math.min(Math.max(this.inbox.size, PAGE_SIZE), LARGEST_PAGE));
    } catch (error) {
      console.warn("Could not refresh:", error);
      // Catching up on the next connection tells the same.
      channel?.abandon();
    }
  }

  /** Every frame comes here, in order; the count in it is the only one that is believed. */
  #apply(frame) {
    const data = frame.data ?? {};
    const unreadCount = data.unread_count ?? frame.unread_count;
    if (frame.type === "notification.new") {
      const { unread_count: _, ...content } = data;
      this.#take([{ ...content, id: data.notification_id, is_read: false }], { isMissed: false });
      if (this.#isCaughtUp) this.#cursor = this.inbox.newest;
    } else if (frame.type === "notification.read") {
      this.inbox.markRead(data.notification_id);
    } else if (frame.type === "notification.deleted") {
      this.inbox.remove(data.notification_id);
    } else if (frame.type === "notifications.bulk_read" && unreadCount > 0) {
      this.#refresh();
    }
    if (unreadCount === undefined) return;
    this.inbox.unread = unreadCount;
    this.#tell("change");
  }

  #take(records, { isMissed }) {
    const items = records.filter((record) => this.inbox.merge(record));
    this.#tell("change");
    if (items.length) this.#tell("arrived", { items, isMissed });
  }

  #ask(message) {
    return this.#channel?.ask(message) ?? Promise.reject(new ConnectionLost());
  }

  #tell(name, detail) {
    if (!this.#stopped.signal.aborted) this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Twice as long each time, with a random part so that a restart's clients do not come as one. */
function backoffMs(attempts) {
  const ceilingMs = Math.min(FIRST_DELAY_MS * 2 ** attempts, MAX_DELAY_MS);
  return ceilingMs * (0.5 + Math.random() / 2);
}

/** Return the delay that a restarting server asks for in `{"reconnect_after_ms": n}`, or null. */
function askedDelayMs(reason) {
  try {
    const { reconnect_after_ms: delayMs } = JSON.parse(reason);
    return Number.isFinite(delayMs) ? Math.min(Math.max(delayMs, 0), MAX_DELAY_MS) : null;
  } catch {
    return null;
  }
}
