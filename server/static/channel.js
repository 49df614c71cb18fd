/** One WebSocket: authenticates by its first message, pairs replies with requests, notices death. */

const REPLY_WITHIN_MS = 10_000;

/** The server's own pings are invisible to a page, so a dead network is found out by ours. */
const PING_EVERY_MS = 25_000;

/** The connection ended, or nobody answers on it, before the reply came. */
export class ConnectionLost extends Error {
  constructor() {
    super("the connection is lost");
    this.name = "ConnectionLost";
  }
}

/** The server refused a message (contract section 4, `error`). */
export class MessageRefused extends Error {
  constructor({ code, message }) {
    super(message);
    this.name = "MessageRefused";
    this.code = code;
  }
}

export class Channel {
  #socket;
  #onFrame;
  #onClose;
  #asked = new Map();
  #lastRef = 0;
  #opened;
  #pings = null;

  /**
   * Connect to `url`. `onFrame` gets every frame in order, replies included, and before whoever
   * asked for them; `onClose` gets `{code, reason}` once, whichever way it ends.
   */
  constructor(url, { onFrame, onClose }) {
    this.#onFrame = onFrame;
    this.#onClose = onClose;
    this.#socket = new WebSocket(url);
    this.#opened = this.#reply("open");
    this.#socket.onopen = () => this.#settle("open", (asked) => asked.resolve());
    this.#socket.onmessage = ({ data }) => this.#received(JSON.parse(data));
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
  }

  /** Return the `authentication_success` frame. Throws ConnectionLost. */
  async authenticate(token) {
    await this.#opened;
    const success = await this.ask({ type: "authenticate", token });
    this.#pings = setInterval(() => this.#ping(), PING_EVERY_MS);
    return success;
  }

  /** Send `message` and return the frame that answers it. Throws ConnectionLost, MessageRefused. */
  ask(message) {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.reject(new ConnectionLost());
    this.#lastRef += 1;
    const reply = this.#reply(this.#lastRef);
    this.#socket.send(JSON.stringify({ ...message, ref: this.#lastRef }));
    return reply;
  }

  /** End it now, without waiting for the peer's goodbye, which may never come. */
  abandon() {
    this.#socket.close();
    this.#end(1006, "");
  }

  #received(frame) {
    this.#onFrame(frame);
    if (frame.type === "error") {
      this.#settle(frame.ref, (asked) => asked.reject(new MessageRefused(frame.error)));
    } else if (frame.type !== "authentication_failed") {
      this.#settle(frame.ref, (asked) => asked.resolve(frame));
    }
  }

  #reply(ref) {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => this.abandon(), REPLY_WITHIN_MS);
      this.#asked.set(ref, { resolve, reject, deadline });
    });
  }

  #settle(ref, settle) {
    const asked = this.#asked.get(ref);
    if (asked === undefined) return;
    this.#asked.delete(ref);
    clearTimeout(asked.deadline);
    settle(asked);
  }

  async #ping() {
    try {
      await this.ask({ type: "ping" });
    } catch {
      // An unanswered ping has already ended the connection.
    }
  }

  #end(code, reason) {
    const onClose = this.#onClose;
    if (onClose === null) return;
    this.#onClose = null;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    clearInterval(this.#pings);
    for (const ref of [...this.#asked.keys()]) {
      this.#settle(ref, (asked) => asked.reject(new ConnectionLost()));
    }
    onClose({ code, reason });
  }
}
