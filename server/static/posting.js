/** The form that posts a listing as a demo business would: as an event of the platform. */

import { explain, request } from "./api.js";

const FRESH_FOR_MS = 6 * 3_600_000;

/** Make `form` post listings of one of `businesses`; `outcome` says how it went. */
export function setUpPosting({ form, outcome, businesses, platformToken }) {
  const { business_id: business, expiry_date: expiry } = form.elements;
  business.replaceChildren(...businesses.map(({ id, name }) => new Option(name, id)));
  expiry.value = localTime(new Date(Date.now() + FRESH_FOR_MS));
  let unsent = null;

  form.addEventListener("submit", async (submission) => {
    submission.preventDefault();
    const listing = listingOf(form);
    const content = JSON.stringify(listing);
    // The same listing keeps its event while nobody knows whether it came through.
    if (unsent?.content !== content) unsent = { content, event: listingCreated(listing) };
    const { event } = unsent;
    outcome.textContent = "Posting…";
    try {
      await request("POST", "/api/internal/events/", { token: platformToken(), body: event });
      unsent = null;
      outcome.textContent = "Posted. Its followers are being told.";
    } catch (error) {
      outcome.textContent = explain(error);
    }
  });
}

function listingOf(form) {
  const { image_url: image, ...fields } = Object.fromEntries(new FormData(form));
  const expiresAt = new Date(fields.expiry_date).toISOString();
  return { ...fields, expiry_date: expiresAt, ...(image && { image_url: image }) };
}

function listingCreated(listing) {
  return {
    id: newId(),
    type: "listing.created",
    occurred_at: new Date().toISOString(),
    data: { listing_id: newId(), ...listing },
  };
}

/** `crypto.randomUUID` is missing where the page is not served from this machine or by HTTPS. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return `moment` as a `datetime-local` input writes it. */
function localTime(moment) {
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
