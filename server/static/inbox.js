/**
 * What is known of one inbox. Pure state.
 *
 * The same notification may be told of by the list, by a frame and by a sync, in any order and
 * more than once. Read and deleted are final, so merging only ever adds them, and an answer that
 * was on its way while something was read cannot make it unread again.
 */

export class Inbox {
  #items = new Map();
  #deleted = new Set();
  #unread = 0;
  #newest = null;

  /** The notifications to show, newest first, as the server orders them. */
  get items() {
    return [...this.#items.values()].sort((a, b) => compare(b, a));
  }

  get size() {
    return this.#items.size;
  }

  /** The server's count, which includes what is not loaded here. */
  get unread() {
    return this.#unread;
  }

  set unread(count) {
    this.#unread = count;
    if (count === 0) this.markAllRead();
  }

  /** The notification latest in the server's order that was ever seen, deleted or not. */
  get newest() {
    return this.#newest;
  }

  /** Take a notification as any source tells it; return whether it was unknown. */
  merge(record) {
    this.#newest = later(this.#newest, record);
    if (this.#deleted.has(record.id)) return false;
    const known = this.#items.get(record.id);
    const isRead = record.is_read || (known?.is_read ?? false);
    this.#items.set(record.id, { ...known, ...record, is_read: isRead });
    return known === undefined;
  }

  markRead(id) {
    const known = this.#items.get(id);
    if (known) this.#items.set(id, { ...known, is_read: true });
  }

  markAllRead() {
    for (const id of this.#items.keys()) this.markRead(id);
  }

  remove(id) {
    this.#deleted.add(id);
    this.#items.delete(id);
  }

  /** Forget all but what was deleted. */
  clear() {
    this.#items.clear();
    this.#newest = null;
  }
}

/** Return the later of two notifications in the server's order; null is before all. */
export function later(one, other) {
  return one !== null && compare(one, other) > 0 ? one : other;
}

/** By time, then id. Times are parsed: their text leaves out a fraction that is zero. */
function compare(a, b) {
  const byTime = Date.parse(a.created_at) - Date.parse(b.created_at);
  if (byTime !== 0) return byTime;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
