/** The businesses on the page, each with a button to follow it or to stop. */

import { ApiError, explain } from "./api.js";

export class Following {
  #rows;
  #outcome;
  #client = null;

  constructor({ list, template, outcome, businesses }) {
    this.#outcome = outcome;
    this.#rows = businesses.map((business) => this.#create(business, template));
    list.replaceChildren(...this.#rows.map((row) => row.element));
  }

  /** Show what the user of `client` follows. */
  async show(client) {
    this.#client = client;
    this.#outcome.textContent = "";
    try {
      const { results } = await client.call("GET", "/api/following/?page_size=100");
      if (this.#client !== client) return;
      const followed = new Map(results.map(({ business }) => [business.id, business]));
      for (const row of this.#rows) this.#update(row, followed.get(row.id));
    } catch (error) {
      if (this.#client === client) this.#outcome.textContent = explain(error);
    }
  }

  #create({ id, name }, template) {
    const element = template.content.cloneNode(true).firstElementChild;
    const row = { id, name, element, button: element.querySelector("button"), isFollowed: false };
    element.querySelector(".name").textContent = name;
    row.button.addEventListener("click", () => this.#toggle(row));
    this.#update(row, undefined);
    return row;
  }

  #update(row, followed) {
    row.isFollowed = followed !== undefined;
    row.button.textContent = row.isFollowed ? "Unfollow" : "Follow";
    row.button.setAttribute("aria-label", `${row.button.textContent} ${row.name}`);
    row.button.classList.toggle("quiet", row.isFollowed);
    const facts = row.element.querySelector(".facts");
    facts.textContent = followed ? factsOf(followed) : "not followed";
  }

  async #toggle(row) {
    const client = this.#client;
    if (client === null) return;
    try {
      if (row.isFollowed) await client.call("DELETE", `/api/unfollow/${row.id}/`);
      else await client.call("POST", "/api/follow/", { business_id: row.id });
    } catch (error) {
      // Another window may have been faster; what is so then is shown below.
      const isSoAlready = error instanceof ApiError && (error.status === 409 || error.status === 404);
      if (!isSoAlready) {
        this.#outcome.textContent = explain(error);
        return;
      }
    }
    await this.show(client);
  }
}

function factsOf({ followers_count: followers, rating }) {
  const people = `${followers} follower${followers === 1 ? "" : "s"}`;
  return rating === null ? people : `${people}, rated ${rating}`;
}
