/** The list of notifications on the page: one card each, updated in place. */

const TIME = new Intl.DateTimeFormat("en-ZA", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

export class NotificationList {
  #list;
  #template;
  #heading;
  #onRead;
  #onDelete;
  #cards = new Map();

  /** `onRead(id)` and `onDelete(id)` are called for what the user does to a card. */
  constructor({ list, template, heading, onRead, onDelete }) {
    this.#list = list;
    this.#template = template;
    this.#heading = heading;
    this.#onRead = onRead;
    this.#onDelete = onDelete;
  }

  /** Show `items` in their order. */
  show(items) {
    const shown = new Set(items.map((item) => item.id));
    for (const [id, card] of this.#cards) if (!shown.has(id)) this.#remove(id, card);
    let place = this.#list.firstElementChild;
    for (const item of items) {
      const card = this.#cards.get(item.id) ?? this.#create(item);
      this.#update(card, item);
      if (card === place) place = place.nextElementSibling;
      else this.#list.insertBefore(card, place);
    }
  }

  /** Draw the eye to what has just come. */
  highlight(items) {
    for (const { id } of items) this.#cards.get(id)?.classList.add("arrived");
  }

  #create(item) {
    const card = this.#template.content.cloneNode(true).firstElementChild;
    const part = (selector) => card.querySelector(selector);
    const titleId = `title-${item.id}`;
    part(".title").id = titleId;
    part("article").setAttribute("aria-labelledby", titleId);
    part(".title").textContent = item.title;
    part(".message").textContent = item.message;
    part(".business").textContent = item.business?.name ?? item.sender?.name ?? "Save n Bite";
    part("time").dateTime = item.created_at;
    part("time").textContent = TIME.format(new Date(item.created_at));
    part(".chips").append(...item.action_buttons.map(chip));
    part(".chips").hidden = item.action_buttons.length === 0;
    if (item.image_url) showPicture(part(".picture"), item.image_url);
    card.dataset.priority = item.priority;

    for (const button of card.querySelectorAll("button")) {
      button.setAttribute("aria-describedby", titleId);
    }
    card.addEventListener("click", ({ target }) => {
      const action = target.closest("button")?.dataset.action ?? "read";
      if (action === "delete") this.#onDelete(item.id);
      else if (card.classList.contains("unread")) this.#onRead(item.id);
    });
    card.addEventListener("animationend", () => card.classList.remove("arrived"));
    this.#cards.set(item.id, card);
    return card;
  }

  #update(card, item) {
    const isUnread = !item.is_read;
    const read = card.querySelector("[data-action=read]");
    if (!isUnread && document.activeElement === read) {
      card.querySelector("[data-action=delete]").focus();
    }
    read.hidden = !isUnread;
    card.querySelector(".unread-mark").hidden = !isUnread;
    card.classList.toggle("unread", isUnread);
  }

  #remove(id, card) {
    if (card.contains(document.activeElement)) {
      const neighbour = card.nextElementSibling ?? card.previousElementSibling;
      (neighbour?.querySelector("[data-action=delete]") ?? this.#heading).focus();
    }
    card.remove();
    this.#cards.delete(id);
  }
}

function chip({ text }) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

/** Show it once it is there; a picture that cannot be had leaves no hole. */
function showPicture(picture, url) {
  picture.hidden = false;
  picture.addEventListener("error", () => {
    picture.hidden = true;
  });
  picture.src = url;
}
